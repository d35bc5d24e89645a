"""The nft back end of one IP family: a table of our own."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import NamedTuple

from fairlead.app.proxy.planes import Done, Reasons, forget_stale, halves, plans_of, refused_among, timed
from fairlead.dataplane import nft_rules, nft_skeleton
from fairlead.dataplane.conntrack import Flow
from fairlead.dataplane.forwarding import NodeView, serve_alike
from fairlead.dataplane.incremental import NO_REASONS, Applied, ServiceEmitter, advance, build
from fairlead.dataplane.ownership import with_rivals
from fairlead.drivers.proxy import nft
from fairlead.drivers.proxy.conntrack import forget_flows
from fairlead.drivers.proxy.nft_clients import forget_clients, forget_unknown
from fairlead.drivers.proxy.nft_commands import Problem, RulesError
from fairlead.model.addresses import IPFamily
from fairlead.model.names import ObjectKey
from fairlead.model.snapshot import ClusterSnapshot
from fairlead.netfilter.iptables_text import ChainId
from fairlead.netfilter.nft_listing import takeover
from fairlead.netfilter.ruleset import Table
from fairlead.netfilter.transaction import diff


class _Progress(NamedTuple):
    """How many transactions there were, and the flows to forget after them."""

    transactions: int = 0
    stale: frozenset[Flow] = frozenset()

    def and_then(self, other: "_Progress") -> "_Progress":
        return _Progress(self.transactions + other.transactions, self.stale | other.stale)


class NftPlane:
    """The nft table of one IP family in the kernel.

    Args:
        comment: of the table. emit: writes the rules of one Service.
    """

    def __init__(self, family: IPFamily, comment: str, emit: ServiceEmitter = nft_rules.service_part) -> None:
        self.family = family
        self._name = nft_skeleton.table_name(family)
        self._comment, self._emit = comment, emit
        self._applied: Applied | None = None
        self._before: Applied | None = None  # what was applied last, even if it is in doubt

    @property
    def held(self) -> Reasons:
        return {key: held.reason for key, held in self._before.held.items()} if self._before else {}

    def is_full_step(self, view: NodeView) -> bool:
        return self._applied is None or not serve_alike(self._applied.view, view)

    def invalidate(self) -> None:
        self._applied = None

    async def follow(self, snapshot: ClusterSnapshot, changed: Collection[ObjectKey], view: NodeView) -> Done:
        applied = self._applied
        if applied is None or self.is_full_step(view):
            return await self._put_in_place(snapshot, view)
        steps = await self._turn_to(view, applied)
        done = await self._advance(replace(applied, view=view), snapshot, changed)
        return Done(steps + done.transactions, *await timed(forget_flows(self.family, done.stale)))

    @property
    def own_chains(self) -> frozenset[ChainId]:
        return frozenset()

    # --- from what was applied to what is new ---

    async def _turn_to(self, view: NodeView, applied: Applied) -> int:
        """Change what no Service's rules depend on."""
        if applied.view == view:
            return 0
        self.invalidate()
        return await nft.change_table(
            self._name, diff(nft_skeleton.skeleton(applied.view), nft_skeleton.skeleton(view))
        )

    async def _advance(self, applied: Applied, snapshot: ClusterSnapshot, changed: Collection[ObjectKey]) -> _Progress:
        """One transaction; where the kernel refuses it, one for each half, until it is known whose rules it refuses."""
        self.invalidate()
        change = advance(applied, snapshot, changed, self._emit)
        try:
            steps = await nft.change_table(self._name, change.transaction) if change.transaction else 0
        except RulesError as error:
            if error.problem is not Problem.OTHER:
                raise
            return await self._advance_apart(applied, snapshot, changed, error)
        self._keep(change.applied)
        await forget_clients(self._name, change.gone)
        return _Progress(steps, change.stale)

    async def _advance_apart(
        self, applied: Applied, snapshot: ClusterSnapshot, changed: Collection[ObjectKey], error: RulesError
    ) -> _Progress:
        if len(changed) < 2:
            await self._check_alive()
            refused = dict.fromkeys(with_rivals(applied.snapshot, snapshot, changed), str(error))
            self._keep(replace(applied.holding(refused), snapshot=snapshot))
            return _Progress()
        first, second = halves(changed)
        waiting = applied.holding(dict.fromkeys(second, "waits for others to be tried first"))
        progress = await self._advance(waiting, snapshot, first)
        assert self._applied is not None, "a step that succeeds has been applied"
        return progress.and_then(await self._advance(self._applied, snapshot, second))

    async def _check_alive(self) -> None:
        """Raises RulesError where it is not one Service's rules that the kernel refuses, but any."""
        await nft.touch_table(self._name)

    def _keep(self, applied: Applied) -> None:
        self._applied = self._before = applied

    # --- from whatever is there ---

    async def _put_in_place(self, snapshot: ClusterSnapshot, view: NodeView) -> Done:
        """Change what differs, or if that cannot be done, replace it all."""
        self.invalidate()
        table, applied = self._build(snapshot, view)
        steps = await self._take_over(table)
        if steps is None:
            steps, applied = await self._replace(table, applied)
        self._keep(applied)
        plans = plans_of(snapshot.services.keys(), applied.snapshot_of, view)
        return Done(steps, *await timed(forget_stale(self.family, plans, view)))

    def _build(
        self, snapshot: ClusterSnapshot, view: NodeView, refused: Mapping[ObjectKey, str] = NO_REASONS
    ) -> tuple[Table, Applied]:
        return build(snapshot, view, nft_skeleton.skeleton(view), self._emit, self._before, refused)

    async def _take_over(self, table: Table) -> int | None:
        """Change what differs in the table that is there; the number of steps, None when that cannot be done."""
        try:
            found = await nft.list_table(self._name)
            if found is None:
                return None
            transaction = takeover(found, table, self.family)
            steps = await nft.change_table(self._name, transaction) if transaction else 0
        except RulesError as error:
            if not error.is_about_content:
                raise
            return None
        await forget_unknown(self._name, table)
        return steps

    async def _replace(self, table: Table, applied: Applied) -> tuple[int, Applied]:
        """Replace the table; where the kernel refuses the new one, without the Services that it refuses."""
        try:
            return await nft.replace_table(self._name, table, self._comment), applied
        except RulesError as error:
            snapshot, view = applied.snapshot, applied.view
            refused = await self._refused(snapshot, view) if error.is_about_content else {}
            if not refused:
                raise
            table, applied = self._build(snapshot, view, refused)
            return await nft.replace_table(self._name, table, self._comment), applied

    async def _refused(self, snapshot: ClusterSnapshot, view: NodeView) -> dict[ObjectKey, str]:
        services = frozenset(snapshot.services.keys())

        async def try_out(keys: Collection[ObjectKey]) -> RulesError | None:
            table, _ = self._build(snapshot, view, dict.fromkeys(services.difference(keys), ""))
            return await nft.try_out_table(self._name, table)

        if await try_out(()) is not None:
            return {}  # it is not for a Service that the kernel refuses the table
        return await refused_among(services, try_out)
