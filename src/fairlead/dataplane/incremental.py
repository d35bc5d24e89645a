"""From one state of the cluster to the next at the cost of what changed.

What is in the kernel is a pure function of the snapshot that was applied last, so that snapshot is all that has to be
kept: the rules of a changed Service are derived twice, from the old and the new snapshot, and the difference is sent.

Two Services may claim one element: the same Pod behind both (a hairpin), or the same external IP and port. The
Service whose key comes first has it; ``claims`` remembers who waits.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from immutables import Map

from fairlead.dataplane.conntrack import Flow, stale_flows
from fairlead.dataplane.forwarding import NodeView, PortPlan, plan_service
from fairlead.model.names import ObjectKey
from fairlead.model.snapshot import ClusterSnapshot
from fairlead.netfilter.ruleset import Chain, Element, ElementId, NamedSet, Table, Target, remembered
from fairlead.netfilter.transaction import Transaction, diff

ServiceEmitter = Callable[[tuple[PortPlan, ...], NodeView], Table]
Claims = Map[ElementId, tuple[ObjectKey, ...]]
Parts = Mapping[ObjectKey, Table]
Users = Map[str, int]


@dataclass(frozen=True)
class Applied:
    """What the kernel was last told: the snapshot and the view that its rules were made from.

    Attributes:
        claims: which Services want each element, the one that has it first.
        users: how many Services use each shared chain.
    """

    snapshot: ClusterSnapshot
    view: NodeView
    claims: Claims = field(default_factory=Map)
    users: Users = field(default_factory=Map)


def build(snapshot: ClusterSnapshot, view: NodeView, base: Table, emit: ServiceEmitter) -> tuple[Table, Applied]:
    """The whole table for a state of the cluster: ``base`` and every Service's part."""
    chains, sets, elements = dict(base.chains), dict(base.sets), dict(base.elements)
    claims: dict[ElementId, tuple[ObjectKey, ...]] = {}
    users: Counter[str] = Counter()
    for key in sorted(snapshot.services):
        # One part at a time: thousands of them at once would be most of the memory that this takes.
        part, alone = emit(plan_service(snapshot, key, view), view), (key,)
        for id_, element in part.elements.items():
            elements.setdefault(id_, element)
            claims[id_] = (*claims[id_], key) if id_ in claims else alone
        chains |= part.chains
        sets |= part.sets
        users.update(name for name, chain in part.chains.items() if chain.is_shared)
    return Table(chains, sets, elements), Applied(snapshot, view, Map(claims), Map(users))


class Change(NamedTuple):
    """What takes the kernel to another snapshot.

    Attributes:
        applied: the state to keep once the transaction has been carried out.
        stale: flows to forget after that.
        gone: targets that clients may still be remembered with, and must not be, with the map that has them.
    """

    transaction: Transaction
    applied: Applied
    stale: frozenset[Flow]
    gone: frozenset[tuple[str, Target]]


def advance(
    applied: Applied, snapshot: ClusterSnapshot, changed: Collection[ObjectKey], emit: ServiceEmitter
) -> Change:
    """The change that takes the kernel to ``snapshot``.

    Args:
        changed: every Service whose objects (itself, its slices) may differ between the two snapshots.
    """
    view = applied.view
    old_plans = {key: plan_service(applied.snapshot, key, view) for key in changed}
    new_plans = {key: plan_service(snapshot, key, view) for key in changed}
    old = {key: emit(plans, view) for key, plans in old_plans.items()}
    new = {key: emit(plans, view) for key, plans in new_plans.items()}
    claims = _reclaim(applied.claims, old, new)
    touched = {id_ for parts in (old, new) for part in parts.values() for id_ in part.elements}

    def rest(parts: Parts, claims: Claims) -> dict[ElementId, Element]:
        return _winners(touched, claims, parts, lambda key: emit(plan_service(snapshot, key, view), view))

    users = _recount(applied.users, old, new)
    shared = {name: chain for name, chain in (_chains(old) | _chains(new)).items() if chain.is_shared}
    before = Table(_standing(old, shared, applied.users), _sets(old), rest(old, applied.claims))
    after = Table(_standing(new, shared, users), _sets(new), rest(new, claims))
    stale = stale_flows(_ports(old_plans), _ports(new_plans), view)
    gone = frozenset((map_, t) for map_, t in remembered(before) - remembered(after) if map_ in after.sets)
    return Change(diff(before, after), Applied(snapshot, view, claims, users), stale, gone)


def _ports(plans: Mapping[ObjectKey, tuple[PortPlan, ...]]) -> Iterator[PortPlan]:
    return (plan for of_service in plans.values() for plan in of_service)


def _chains(parts: Parts) -> dict[str, Chain]:
    return {name: chain for part in parts.values() for name, chain in part.chains.items()}


def _sets(parts: Parts) -> dict[str, NamedSet]:
    return {name: set_ for part in parts.values() for name, set_ in part.sets.items()}


def _standing(parts: Parts, shared: Mapping[str, Chain], users: Users) -> dict[str, Chain]:
    """The chains of these Services' own, and of the shared ones those that anybody uses."""
    own = {name: chain for name, chain in _chains(parts).items() if not chain.is_shared}
    return own | {name: chain for name, chain in shared.items() if name in users}


def _recount(users: Users, old: Parts, new: Parts) -> Users:
    steps = Counter(name for part in new.values() for name, chain in part.chains.items() if chain.is_shared)
    steps.subtract(name for part in old.values() for name, chain in part.chains.items() if chain.is_shared)
    for name, step in steps.items():
        count = users.get(name, 0) + step
        if step:
            users = users.set(name, count) if count else users.delete(name)
    return users


def _reclaim(claims: Claims, old: Parts, new: Parts) -> Claims:
    for key in new:
        before, after = old[key].elements.keys(), new[key].elements.keys()
        for id_ in before - after:
            rest = tuple(owner for owner in claims[id_] if owner != key)
            claims = claims.set(id_, rest) if rest else claims.delete(id_)
        for id_ in after - before:
            claims = claims.set(id_, tuple(sorted((*claims.get(id_, ()), key))))
    return claims


def _winners(
    touched: set[ElementId], claims: Claims, parts: Parts, part_of: Callable[[ObjectKey], Table]
) -> dict[ElementId, Element]:
    """The element that stands for each id: that of its first claimant, which may be a Service that has not changed."""
    others: dict[ObjectKey, Table] = {}
    found: dict[ElementId, Element] = {}
    for id_ in touched:
        if id_ not in claims:
            continue
        first = claims[id_][0]
        part = parts.get(first) or others.get(first)
        if part is None:
            part = others[first] = part_of(first)
        found[id_] = part.elements[id_]
    return found
