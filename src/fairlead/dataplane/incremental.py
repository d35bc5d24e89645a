"""Updates the kernel from one state of the cluster to the next at a cost proportional to the change.

The kernel's rules are a pure function of the last applied snapshot, so only that snapshot is kept. The rules of a
changed Service are derived twice, from the old and the new snapshot, and the difference is sent.

Two Services can claim one element: the same Pod behind both (a hairpin), or the same external IP and port. The Service
whose key comes first gets it; ``claims`` lists the others, which wait.

A Service that cannot be planned, or whose rules the kernel refuses, is held back: its rules stay those of an older
snapshot, while all others follow the newest.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from immutables import Map

from fairlead.dataplane.conntrack import Flow, stale_flows
from fairlead.dataplane.forwarding import NodeView, PortPlan, plan_service
from fairlead.dataplane.ownership import with_rivals
from fairlead.model.names import ObjectKey
from fairlead.model.snapshot import ClusterSnapshot
from fairlead.netfilter.ruleset import Chain, Element, ElementId, NamedSet, Table, Target, remembered
from fairlead.netfilter.transaction import Transaction, diff

ServiceEmitter = Callable[[tuple[PortPlan, ...], NodeView], Table]
Claims = Map[ElementId, tuple[ObjectKey, ...]]
Users = Map[str, int]
NOTHING = ClusterSnapshot()


class Held(NamedTuple):
    """A Service that is held back: the snapshot that its rules were made from, and why they are not newer."""

    snapshot: ClusterSnapshot
    reason: str


HeldBack = Map[ObjectKey, Held]


@dataclass(frozen=True)
class Applied:
    """The last applied state: the snapshot and the view that the kernel's rules were made from.

    Attributes:
        claims: the Services that claim each element; the first one has it.
        users: how many Services use each shared chain.
        held: the Services that are held back.
    """

    snapshot: ClusterSnapshot
    view: NodeView
    claims: Claims = field(default_factory=Map)
    users: Users = field(default_factory=Map)
    held: HeldBack = field(default_factory=Map)

    def snapshot_of(self, key: ObjectKey) -> ClusterSnapshot:
        """The snapshot that the rules of a Service were made from."""
        held = self.held.get(key)
        return held.snapshot if held else self.snapshot

    def holding(self, reasons: Mapping[ObjectKey, str]) -> "Applied":
        """The state with these Services left unchanged."""
        more = {key: Held(self.snapshot_of(key), reason) for key, reason in reasons.items()}
        return replace(self, held=self.held.update(more))


class Part(NamedTuple):
    """The rules of one Service, and the plans that they were made from."""

    plans: tuple[PortPlan, ...]
    table: Table


Parts = Mapping[ObjectKey, Part]


def _part(snapshot: ClusterSnapshot, key: ObjectKey, view: NodeView, emit: ServiceEmitter) -> Part:
    plans = plan_service(snapshot, key, view)
    return Part(plans, emit(plans, view))


NO_REASONS: Mapping[ObjectKey, str] = {}


def build(
    snapshot: ClusterSnapshot,
    view: NodeView,
    base: Table,
    emit: ServiceEmitter,
    before: Applied | None = None,
    refused: Mapping[ObjectKey, str] = NO_REASONS,
) -> tuple[Table, Applied]:
    """The whole table for a state of the cluster: ``base`` and every Service's part; and the state to keep then.

    Args:
        before: what was applied before; a Service that fails stays as it was then, if that is possible.
        refused: Services that the kernel is known to refuse, and why: they are left out.
    """
    chains, sets, elements = dict(base.chains), dict(base.sets), dict(base.elements)
    claims: dict[ElementId, tuple[ObjectKey, ...]] = {}
    users: Counter[str] = Counter()
    held = {key: Held(NOTHING, reason) for key, reason in refused.items()}
    for key in sorted(snapshot.services.keys() - held.keys()):
        # One part at a time: thousands of them at once would be most of the memory that this takes.
        try:
            part = _part(snapshot, key, view, emit).table
        except Exception as error:
            known, part = _as_before(before, key, view, emit)
            held[key] = Held(known, describe(error))
        alone = (key,)
        for id_, element in part.elements.items():
            elements.setdefault(id_, element)
            claims[id_] = (*claims[id_], key) if id_ in claims else alone
        chains |= part.chains
        sets |= part.sets
        users.update(name for name, chain in part.chains.items() if chain.is_shared)
    return Table(chains, sets, elements), Applied(snapshot, view, Map(claims), Map(users), Map(held))


def _as_before(
    before: Applied | None, key: ObjectKey, view: NodeView, emit: ServiceEmitter
) -> tuple[ClusterSnapshot, Table]:
    """A Service as it was when it could be planned last, and the snapshot of that; nothing when it never could."""
    known = before.snapshot_of(key) if before else NOTHING
    try:
        return known, _part(known, key, view, emit).table
    except Exception:
        return NOTHING, Table()


def describe(error: Exception) -> str:
    """A failure in a line."""
    return f"{type(error).__name__}: {error}"


class KernelChange(NamedTuple):
    """The changes that bring the kernel's rules to another snapshot.

    Attributes:
        applied: the state to keep once the transaction has been carried out.
        stale: flows to delete after that.
        gone: removed targets to which session affinity maps can still bind clients, with the map to clean.
    """

    transaction: Transaction
    applied: Applied
    stale: frozenset[Flow]
    gone: frozenset[tuple[str, Target]]


def advance(
    applied: Applied, snapshot: ClusterSnapshot, changed: Collection[ObjectKey], emit: ServiceEmitter
) -> KernelChange:
    """The change that takes the kernel to ``snapshot``.

    Args:
        changed: every Service whose objects (itself, its slices) may differ between the two snapshots, or that is
            held back and to be tried again.
    """
    view, concerned = applied.view, with_rivals(applied.snapshot, snapshot, changed)
    new, failures = _plan(snapshot, concerned, view, emit)
    old = {key: _part(applied.snapshot_of(key), key, view, emit) for key in new}
    held = applied.holding(failures).held
    for key in new.keys() & held.keys():
        held = held.delete(key)
    claims = _reclaim(applied.claims, old, new)
    users = _recount(applied.users, old, new)
    after_all = Applied(snapshot, view, claims, users, held)
    touched = {id_ for parts in (old, new) for part in parts.values() for id_ in part.table.elements}

    def rest(parts: Parts, claims: Claims) -> dict[ElementId, Element]:
        return _winners(touched, claims, parts, lambda key: _part(after_all.snapshot_of(key), key, view, emit))

    shared = {name: chain for name, chain in (_chains(old) | _chains(new)).items() if chain.is_shared}
    before = Table(_standing(old, shared, applied.users), _sets(old), rest(old, applied.claims))
    after = Table(_standing(new, shared, users), _sets(new), rest(new, claims))
    stale = stale_flows(_ports(old), _ports(new), view)
    gone = frozenset((map_, t) for map_, t in remembered(before) - remembered(after) if map_ in after.sets)
    return KernelChange(diff(before, after), after_all, stale, gone)


def _plan(
    snapshot: ClusterSnapshot, keys: Collection[ObjectKey], view: NodeView, emit: ServiceEmitter
) -> tuple[dict[ObjectKey, Part], dict[ObjectKey, str]]:
    """The parts of these Services, and why the others have none."""
    parts: dict[ObjectKey, Part] = {}
    failures: dict[ObjectKey, str] = {}
    for key in keys:
        try:
            parts[key] = _part(snapshot, key, view, emit)
        except Exception as error:
            failures[key] = describe(error)
    return parts, failures


def _ports(parts: Parts) -> Iterator[PortPlan]:
    return (plan for part in parts.values() for plan in part.plans)


def _chains(parts: Parts) -> dict[str, Chain]:
    return {name: chain for part in parts.values() for name, chain in part.table.chains.items()}


def _sets(parts: Parts) -> dict[str, NamedSet]:
    return {name: set_ for part in parts.values() for name, set_ in part.table.sets.items()}


def _standing(parts: Parts, shared: Mapping[str, Chain], users: Users) -> dict[str, Chain]:
    """The chains of these Services' own, and of the shared ones those that anybody uses."""
    own = {name: chain for name, chain in _chains(parts).items() if not chain.is_shared}
    return own | {name: chain for name, chain in shared.items() if name in users}


def _recount(users: Users, old: Parts, new: Parts) -> Users:
    steps = Counter(name for part in new.values() for name, chain in part.table.chains.items() if chain.is_shared)
    steps.subtract(name for part in old.values() for name, chain in part.table.chains.items() if chain.is_shared)
    for name, step in steps.items():
        count = users.get(name, 0) + step
        if step:
            users = users.set(name, count) if count else users.delete(name)
    return users


def _reclaim(claims: Claims, old: Parts, new: Parts) -> Claims:
    for key in new:
        before, after = old[key].table.elements.keys(), new[key].table.elements.keys()
        for id_ in before - after:
            rest = tuple(owner for owner in claims[id_] if owner != key)
            claims = claims.set(id_, rest) if rest else claims.delete(id_)
        for id_ in after - before:
            claims = claims.set(id_, tuple(sorted((*claims.get(id_, ()), key))))
    return claims


def _winners(
    touched: set[ElementId], claims: Claims, parts: Parts, part_of: Callable[[ObjectKey], Part]
) -> dict[ElementId, Element]:
    """The element that stands for each id: that of its first claimant, which may be a Service that has not changed."""
    others: dict[ObjectKey, Part] = {}
    found: dict[ElementId, Element] = {}
    for id_ in touched:
        if id_ not in claims:
            continue
        first = claims[id_][0]
        part = parts.get(first) or others.get(first)
        if part is None:
            part = others[first] = part_of(first)
        found[id_] = part.table.elements[id_]
    return found
