"""The iptables back end of one IP family: kube-proxy's chains in the tables filter and nat."""

from collections.abc import Collection, Iterable, Mapping

from fairlead.app.proxy.planes import Done, Reasons, forget_stale, halves, plans_of, refused_among, timed
from fairlead.dataplane import iptables_rules, iptables_skeleton
from fairlead.dataplane.conntrack import stale_flows
from fairlead.dataplane.forwarding import NodeView, plan_service, serve_alike
from fairlead.dataplane.incremental import Held, describe
from fairlead.dataplane.iptables_rules import Contribution
from fairlead.dataplane.ownership import with_rivals
from fairlead.drivers.proxy import iptables, nft
from fairlead.drivers.proxy.conntrack import forget_flows
from fairlead.drivers.proxy.nft_commands import Problem, RulesError
from fairlead.model.addresses import IPFamily
from fairlead.model.names import ObjectKey
from fairlead.model.snapshot import ClusterSnapshot
from fairlead.netfilter.iptables_saved import without_what_is_there
from fairlead.netfilter.iptables_text import (
    ChainId,
    Tables,
    count_rules,
    count_rules_sent,
    render_difference,
    render_restore,
)

Contributions = Mapping[ObjectKey, Contribution]


class IptablesPlane:
    """The iptables rules of one IP family in the kernel."""

    def __init__(self, family: IPFamily) -> None:
        self.family = family
        self._snapshot = ClusterSnapshot()
        self._view: NodeView | None = None
        self._contributions: Contributions = {}
        self._tables: Tables = ()
        self._held: dict[ObjectKey, Held] = {}

    @property
    def held(self) -> Reasons:
        return {key: held.reason for key, held in self._held.items()}

    def is_full_step(self, view: NodeView) -> bool:
        return self._view is None or not serve_alike(self._view, view)

    def invalidate(self) -> None:
        self._view = None

    async def follow(self, snapshot: ClusterSnapshot, changed: Collection[ObjectKey], view: NodeView) -> Done:
        old, is_full = self._snapshot, self.is_full_step(view)
        self.invalidate()
        concerned = set(snapshot.services) if is_full else with_rivals(old, snapshot, changed)
        generation = nft.generation()
        put = self._put_in_place if is_full else self._advance
        text = await put(old, snapshot, concerned, view)
        transactions = nft.generation() - generation  # one for each table; none with iptables-legacy
        self._snapshot, self._view = snapshot, view
        forgotten = await timed(self._forget(old, concerned - self._held.keys(), view, is_full))
        return Done(transactions, *forgotten, (count_rules(self._tables), count_rules_sent(text)))

    @property
    def own_chains(self) -> frozenset[ChainId]:
        """All that are ours in the kernel."""
        return frozenset((name, chain) for name, table in self._tables for chain in table.chains)

    # --- from what was applied to what is new ---

    async def _advance(
        self, old: ClusterSnapshot, snapshot: ClusterSnapshot, changed: Collection[ObjectKey], view: NodeView
    ) -> str:
        """Send what differs; where it is refused, for each half apart, until it is known whose rules are refused."""
        contributions = self._planned(old, snapshot, changed, view)
        tables = _assembled(contributions, view)
        text = render_difference(self._tables, tables)
        try:
            if text:
                await iptables.restore(self.family, text)
        except RulesError as error:
            if error.problem is not Problem.OTHER:
                raise
            return await self._advance_apart(old, snapshot, changed, view, error)
        self._contributions, self._tables = contributions, tables
        return text

    async def _advance_apart(
        self,
        old: ClusterSnapshot,
        snapshot: ClusterSnapshot,
        changed: Collection[ObjectKey],
        view: NodeView,
        error: RulesError,
    ) -> str:
        if len(changed) > 1:
            return "".join([await self._advance(old, snapshot, half, view) for half in halves(changed)])
        await iptables.save(self.family)  # where it is not one Service's rules that fail but everything, so does this
        for key in changed:
            self._hold(key, old, str(error))
        return ""

    def _planned(
        self, old: ClusterSnapshot, snapshot: ClusterSnapshot, keys: Iterable[ObjectKey], view: NodeView
    ) -> dict[ObjectKey, Contribution]:
        """All contributions, those of these Services new; of one that cannot be planned, the one that it had."""
        contributions = dict(self._contributions)
        for key in keys:
            try:
                contributions[key] = iptables_rules.contribute(plan_service(snapshot, key, view), view)
                self._held.pop(key, None)
            except Exception as error:  # a fault of one Service must not affect the others
                self._hold(key, old, describe(error))
        for key in contributions.keys() - snapshot.services.keys():
            del contributions[key]
            self._held.pop(key, None)
        return contributions

    def _hold(self, key: ObjectKey, old: ClusterSnapshot, reason: str) -> None:
        known = self._held.get(key)
        self._held[key] = Held(known.snapshot if known else old, reason)

    # --- from whatever is there ---

    async def _put_in_place(
        self, old: ClusterSnapshot, snapshot: ClusterSnapshot, changed: Collection[ObjectKey], view: NodeView
    ) -> str:
        contributions = self._planned(old, snapshot, changed, view)
        tables = _assembled(contributions, view)
        text = await self._whole(tables)
        try:
            if text:
                await iptables.restore(self.family, text)
        except RulesError as error:
            refused = await self._refused(contributions, view) if error.is_about_content else {}
            if not refused:
                raise
            for key, reason in refused.items():
                self._held[key] = Held(ClusterSnapshot(), reason)
                del contributions[key]
            tables = _assembled(contributions, view)
            text = await self._whole(tables)
            await iptables.restore(self.family, text)
        self._contributions, self._tables = contributions, tables
        return text

    async def _whole(self, tables: Tables) -> str:
        saved = await iptables.save(self.family)
        wanted = {(name, chain) for name, table in tables for chain in table.chains}
        stale = (there for there in saved.chains - wanted if iptables_skeleton.is_of_a_service(there[1]))
        return render_restore(without_what_is_there(tables, saved, self.family), sorted(stale), saved.jumps)

    async def _refused(self, contributions: Contributions, view: NodeView) -> dict[ObjectKey, str]:
        async def try_out(keys: Collection[ObjectKey]) -> RulesError | None:
            tables = _assembled({key: contributions[key] for key in keys}, view)
            return await iptables.try_out(self.family, render_restore(tables))

        if await try_out(()) is not None:
            return {}  # it is not for a Service that they are refused
        return await refused_among(contributions.keys(), try_out)

    async def _forget(self, old: ClusterSnapshot, changed: Collection[ObjectKey], view: NodeView, is_full: bool) -> int:
        if is_full:
            return await forget_stale(self.family, plans_of(changed, lambda _: self._snapshot, view), view)
        before = plans_of(changed, lambda _: old, view)
        after = plans_of(changed, lambda _: self._snapshot, view)
        return await forget_flows(self.family, stale_flows(before, after, view))


def _assembled(contributions: Contributions, view: NodeView) -> Tables:
    return iptables_rules.assemble((contributions[key] for key in sorted(contributions)), view)
