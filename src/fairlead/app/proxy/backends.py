"""One IP family of a node proxy: what it has in the kernel, and what the kernel was told last.

There is one kind of plane for each back end; both converge from any state, and a step that fails changes nothing.
"""

import time
from collections.abc import Awaitable, Collection, Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple, Protocol

from fairlead.dataplane import iptables_rules, iptables_skeleton, nft_rules, nft_skeleton
from fairlead.dataplane.conntrack import forgotten_protocols, stale_among, stale_flows
from fairlead.dataplane.forwarding import NodeView, PortPlan, plan_service, serve_alike
from fairlead.dataplane.incremental import Applied, advance, build
from fairlead.drivers.proxy import iptables, nft
from fairlead.drivers.proxy.conntrack import forget_flows, tracked_flows
from fairlead.drivers.proxy.nft_clients import forget_clients, forget_unknown
from fairlead.model.addresses import IPFamily
from fairlead.model.names import ObjectKey
from fairlead.model.snapshot import ClusterSnapshot
from fairlead.netfilter.iptables_saved import without_what_is_there
from fairlead.netfilter.iptables_text import Tables, count_rules, count_rules_sent, render_difference, render_restore
from fairlead.netfilter.nft_listing import takeover
from fairlead.netfilter.ruleset import Table
from fairlead.netfilter.transaction import Transaction, diff


class Done(NamedTuple):
    """What a step came to.

    Attributes:
        transactions: as many as the kernel counts. forgotten, seconds_to_forget: stale flows, and the time they took.
        rules: how many rules each table of iptables has, and how many of them were sent.
    """

    transactions: int
    forgotten: int
    seconds_to_forget: float
    rules: tuple[Mapping[str, int], Mapping[str, int]] | None = None


class Plane(Protocol):
    """What the kernel has of one family."""

    family: IPFamily

    def is_full_step(self, view: NodeView) -> bool:
        """Whether a step to this view would look at everything, not only at what changes."""

    def doubt(self) -> None:
        """What is in the kernel may not be what it should be: put all of it in place with the next step."""

    async def follow(self, snapshot: ClusterSnapshot, changed: Collection[ObjectKey], view: NodeView) -> Done:
        """Bring the kernel to the snapshot, then forget the flows that this made stale.

        Raises:
            RulesError: the kernel is as it was, and in doubt.
        """

    async def remove(self) -> None:
        """Take everything out of the kernel that this back end may have put there."""


class NftPlane:
    """A table of our own."""

    def __init__(self, family: IPFamily, comment: str) -> None:
        self.family = family
        self._name = nft_skeleton.table_name(family)
        self._comment = comment
        self._applied: Applied | None = None
        self._is_readable = True  # until a step has failed that was made from what was read

    def is_full_step(self, view: NodeView) -> bool:
        return self._applied is None or not serve_alike(self._applied.view, view)

    def doubt(self) -> None:
        self._applied = None

    async def follow(self, snapshot: ClusterSnapshot, changed: Collection[ObjectKey], view: NodeView) -> Done:
        applied = self._applied
        if applied is None or self.is_full_step(view):
            return await self._put_in_place(snapshot, view)
        change = advance(applied, snapshot, changed, nft_rules.service_part)
        transaction = (*_skeleton_change(applied.view, view), *change.transaction)
        self.doubt()
        steps = await nft.change_table(self._name, transaction) if transaction else 0
        self._applied = replace(change.applied, view=view)
        await forget_clients(self._name, change.gone)
        return Done(steps, *await _timed(forget_flows(self.family, change.stale)))

    async def _take_over(self, table: Table) -> int | None:
        """Change what differs in the table that is there; the number of steps, None when it cannot be done."""
        found = await nft.list_table(self._name)
        if found is None:
            return None
        transaction = takeover(found, table, self.family)
        steps = await nft.change_table(self._name, transaction) if transaction else 0
        await forget_unknown(self._name, table)
        return steps

    async def remove(self) -> None:
        await nft.delete_table(self._name)

    async def _put_in_place(self, snapshot: ClusterSnapshot, view: NodeView) -> Done:
        """Whatever is there: change what differs, or if that cannot be done, replace it all."""
        self.doubt()
        table, applied = build(snapshot, view, nft_skeleton.skeleton(view), nft_rules.service_part)
        may_read, self._is_readable = self._is_readable, False
        steps = await self._take_over(table) if may_read else None
        if steps is None:
            steps = await nft.replace_table(self._name, table, self._comment)
        self._applied, self._is_readable = applied, True
        return Done(steps, *await _timed(_forget_stale(self.family, snapshot, view)))


def _skeleton_change(before: NodeView, after: NodeView) -> Transaction:
    return () if before == after else diff(nft_skeleton.skeleton(before), nft_skeleton.skeleton(after))


class IptablesPlane:
    """kube-proxy's chains in the tables filter and nat."""

    def __init__(self, family: IPFamily) -> None:
        self.family = family
        self._snapshot = ClusterSnapshot()
        self._view: NodeView | None = None
        self._contributions: dict[ObjectKey, iptables_rules.Contribution] = {}
        self._tables: Tables = ()

    def is_full_step(self, view: NodeView) -> bool:
        return self._view is None or not serve_alike(self._view, view)

    def doubt(self) -> None:
        self._view = None

    async def follow(self, snapshot: ClusterSnapshot, changed: Collection[ObjectKey], view: NodeView) -> Done:
        old, is_full = self._snapshot, self.is_full_step(view)
        self.doubt()
        for key in snapshot.services if is_full else changed:
            self._contributions[key] = iptables_rules.contribute(plan_service(snapshot, key, view), view)
        for key in self._contributions.keys() - snapshot.services.keys():
            del self._contributions[key]
        tables = iptables_rules.assemble((self._contributions[k] for k in sorted(self._contributions)), view)
        text = await self._whole(tables) if is_full else render_difference(self._tables, tables)
        generation = nft.generation()
        if text:
            await iptables.restore(self.family, text)
        transactions = nft.generation() - generation  # one for each table; none with iptables-legacy
        self._snapshot, self._view, self._tables = snapshot, view, tables
        forgotten = await _timed(self._forget(old, changed, view, is_full))
        return Done(transactions, *forgotten, (count_rules(tables), count_rules_sent(text)))

    async def remove(self) -> None:
        saved = await iptables.save(self.family)
        if text := iptables_skeleton.removal(saved):
            await iptables.restore(self.family, text)

    async def _whole(self, tables: Tables) -> str:
        saved = await iptables.save(self.family)
        wanted = {(name, chain) for name, table in tables for chain in table.chains}
        stale = (there for there in saved.chains - wanted if iptables_skeleton.is_of_a_service(there[1]))
        return render_restore(without_what_is_there(tables, saved, self.family), sorted(stale), saved.jumps)

    async def _forget(self, old: ClusterSnapshot, changed: Collection[ObjectKey], view: NodeView, is_full: bool) -> int:
        if is_full:
            return await _forget_stale(self.family, self._snapshot, view)
        before, after = _plans(old, changed, view), _plans(self._snapshot, changed, view)
        return await forget_flows(self.family, stale_flows(before, after, view))


async def _timed(work: Awaitable[int]) -> tuple[int, float]:
    """What the work gives, and in how many seconds."""
    start = time.perf_counter()
    return await work, time.perf_counter() - start


async def _forget_stale(family: IPFamily, snapshot: ClusterSnapshot, view: NodeView) -> int:
    """After a start nobody knows what has changed: every flow that there is, is looked at."""
    plans = _plans(snapshot, snapshot.services, view)
    return await forget_flows(family, stale_among(await tracked_flows(family, forgotten_protocols(view)), plans, view))


def _plans(snapshot: ClusterSnapshot, keys: Collection[ObjectKey], view: NodeView) -> Iterator[PortPlan]:
    return (plan for key in keys for plan in plan_service(snapshot, key, view))
