"""One IP family of a node proxy: its table in the kernel, and what the kernel was told last."""

from collections.abc import Collection, Iterator
from typing import NamedTuple

from fairlead.dataplane import nft_rules, nft_skeleton
from fairlead.dataplane.conntrack import stale_among
from fairlead.dataplane.forwarding import NodeView, PortPlan, plan_service
from fairlead.dataplane.incremental import Applied, advance, build
from fairlead.drivers import nft_exec
from fairlead.drivers.conntrack_exec import forget_flows, udp_flows
from fairlead.model.addresses import IPFamily
from fairlead.model.names import ObjectKey
from fairlead.model.snapshot import ClusterSnapshot


class Done(NamedTuple):
    """What a step came to: transactions sent (0 or 1), whether the whole table was, stale flows forgotten."""

    transactions: int
    is_full: bool
    forgotten: int


class Plane:
    """The kernel's table of one family."""

    def __init__(self, family: IPFamily, comment: str) -> None:
        self.family = family
        self._name = nft_skeleton.table_name(family)
        self._comment = comment
        self._applied: Applied | None = None

    def doubt(self) -> None:
        """The table may not be what it should be: put it in place anew with the next step."""
        self._applied = None

    async def follow(self, snapshot: ClusterSnapshot, changed: Collection[ObjectKey], view: NodeView) -> Done:
        """Bring the kernel's table to the snapshot, then forget the flows that this made stale.

        Raises:
            NftError: the table is as it was, and is in doubt.
        """
        if self._applied is None or self._applied.view != view:
            return await self._replace(snapshot, view)
        change = advance(self._applied, snapshot, changed, nft_rules.service_part)
        self.doubt()
        if change.transaction:
            await nft_exec.change_table(self._name, change.transaction)
        self._applied = change.applied
        forgotten = await forget_flows(self.family, change.stale)
        return Done(1 if change.transaction else 0, False, forgotten)

    async def _replace(self, snapshot: ClusterSnapshot, view: NodeView) -> Done:
        self.doubt()
        table, applied = build(snapshot, view, nft_skeleton.skeleton(view), nft_rules.service_part)
        await nft_exec.replace_table(self._name, table, self._comment)
        self._applied = applied
        stale = stale_among(await udp_flows(self.family), _plans(snapshot, view), view)
        return Done(1, True, await forget_flows(self.family, stale))


def _plans(snapshot: ClusterSnapshot, view: NodeView) -> Iterator[PortPlan]:
    return (plan for key in snapshot.services for plan in plan_service(snapshot, key, view))
