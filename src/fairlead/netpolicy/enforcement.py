"""Computes the policies that a node enforces, and the smallest update from one state to the next.

It begins with the isolated addresses: those of this node's Pods that policies select need isolations, which need
    policies, which need the sets in their rules. Each exists as long as something needs it. So a policy without Pods on
    this node costs nothing here, and a change of one Pod touches only its own addresses in the sets that contain them.
"""

from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

from immutables import Map
from msgspec.structs import replace

from fairlead.model.addresses import IPFamily, family_of
from fairlead.model.labels import matches
from fairlead.model.names import ObjectKey
from fairlead.netfilter.ruleset import Chain, Element, ElementId, NamedSet, RuleOrigin, Table
from fairlead.netfilter.transaction import Transaction, diff
from fairlead.netpolicy.backend import Backend, Isolation
from fairlead.netpolicy.census import NO_POLICIES, NOBODY, Census, PolicySubject
from fairlead.netpolicy.policy_chains import chains_of, selections_of
from fairlead.netpolicy.reading import Direction
from fairlead.netpolicy.selections import Selection, Selections, keys_of, members

T = TypeVar("T", bound=Hashable)

InForce = tuple[Direction, ObjectKey]  # a policy, for a direction


class Changed(NamedTuple):
    """The possible differences between two states: Pods and policies by key, Namespaces by name."""

    pods: frozenset[ObjectKey] = frozenset()
    policies: frozenset[ObjectKey] = frozenset()
    namespaces: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Enforced:
    """The state that was last sent to the kernel.

    Attributes:
        isolated: this node's addresses that policies isolate.
        isolations: the number of addresses that need each. in_force: the number of isolations that need each policy.
    """

    census: Census = field(default_factory=Census)
    isolated: Map[str, tuple[Isolation, ...]] = field(default_factory=Map)
    isolations: Map[Isolation, int] = field(default_factory=Map)
    in_force: Map[InForce, int] = field(default_factory=Map)
    selections: Selections = field(default_factory=Selections)


NOTHING = Enforced()


class EnforcementStep(NamedTuple):
    """The transaction to another state, and the state to keep once it has been carried out."""

    transaction: Transaction
    enforced: Enforced


def build(census: Census, node: str, backend: Backend) -> tuple[Table, Enforced]:
    """The step from nothing to the state of a census."""
    everything = Changed(frozenset(census.subjects), frozenset(census.policies), frozenset(census.namespaces))
    _, after, enforced = _step(NOTHING, census, everything, node, backend)
    frame = backend.frame(enforced.isolations, enforced.isolated)
    return Table({**frame.chains, **after.chains}, {**frame.sets, **after.sets}, after.elements), enforced


def advance(enforced: Enforced, census: Census, changed: Changed, node: str, backend: Backend) -> EnforcementStep:
    """The step to another state."""
    before, after, new = _step(enforced, census, changed, node, backend)
    return EnforcementStep(diff(before, after), new)


def isolations_of(subject: PolicySubject, census: Census) -> tuple[Isolation, ...]:
    """How policies isolate a Pod."""
    siblings = census.policies_in.get(subject.key.namespace, NO_POLICIES)
    selecting = [policy for _, policy in sorted(siblings.items()) if matches(policy.pods, subject.labels)]
    by_direction = ((d, tuple(p.key for p in selecting if d in p.directions)) for d in Direction)
    return tuple(Isolation(direction, keys) for direction, keys in by_direction if keys)


def _step(
    old: Enforced, census: Census, changed: Changed, node: str, backend: Backend
) -> tuple[Table, Table, Enforced]:
    """The parts that differ, before and after, and the new state."""
    addresses = frozenset(_addresses(old.census, census, changed, node, backend.family))
    isolated = _isolated(old.isolated, addresses, census, node)
    was, is_ = _values(old.isolated, addresses), _values(isolated, addresses)
    isolations, gone, come = _recounted(old.isolations, was, is_)
    in_force, lapsed, enacted = _recounted(old.in_force, _policies(gone), _policies(come))
    revised = {pair for pair in in_force if pair[1] in changed.policies and pair in old.in_force}
    less = tuple(_needed_selections(old.census, lapsed | revised, node))
    more = tuple(_needed_selections(census, enacted | revised, node))
    selections = old.selections.recounted(less, more)
    new = Enforced(census, isolated, isolations, in_force, selections)
    dropped = {s for s in less if s not in selections.users}
    added = {s for s in more if s not in old.selections.users}
    before = _table(old, lapsed | revised, gone, dropped, node, backend)
    after = _table(new, enacted | revised, come, added, node, backend)
    before_it = _elements(old, addresses, dropped, backend)
    after_it = _elements(new, addresses, added, backend) | _members(new, added, backend)
    return replace(before, elements=before_it), replace(after, elements=after_it), new


def _addresses(before: Census, after: Census, changed: Changed, node: str, family: IPFamily) -> Iterator[str]:
    """The addresses whose isolation might differ: of changed Pods, and of those that changed policies select here."""
    for census in (before, after):
        subjects = [census.subjects.get(key) for key in changed.pods]
        subjects += [s for name in changed.namespaces for s in census.in_namespace.get(name, NOBODY).values()]
        subjects += (s for key in changed.policies for s in _selected(census, key, node))
        yield from (a for subject in subjects if subject for a in subject.addresses if family_of(a) is family)


def _selected(census: Census, policy: ObjectKey, node: str) -> Iterator[PolicySubject]:
    read = census.policies.get(policy)
    if read is not None:
        for subject in census.in_namespace.get(policy.namespace, NOBODY).values():
            if subject.node == node and matches(read.pods, subject.labels):
                yield subject


def _isolated(
    isolated: Map[str, tuple[Isolation, ...]], addresses: Iterable[str], census: Census, node: str
) -> Map[str, tuple[Isolation, ...]]:
    for address in addresses:
        owner = census.owner(address)
        found = isolations_of(owner, census) if owner and owner.node == node else ()
        if found:
            isolated = isolated.set(address, found)
        elif address in isolated:
            isolated = isolated.delete(address)
    return isolated


def _values(isolated: Map[str, tuple[Isolation, ...]], addresses: Iterable[str]) -> Iterator[Isolation]:
    return (isolation for address in addresses for isolation in isolated.get(address, ()))


def _policies(isolations: Iterable[Isolation]) -> Iterator[InForce]:
    return ((isolation.direction, policy) for isolation in isolations for policy in isolation.policies)


def _recounted(
    counts: Map[T, int], less: Iterable[T], more: Iterable[T]
) -> tuple[Map[T, int], frozenset[T], frozenset[T]]:
    """The counts after removals and additions, and the keys that have gone and come."""
    steps = Counter(more)
    steps.subtract(less)
    gone, come = set(), set()
    for thing, step in steps.items():
        before = counts.get(thing, 0)
        if before + step:
            counts = counts.set(thing, before + step)
        elif before:
            counts = counts.delete(thing)
            gone.add(thing)
        if not before and step:
            come.add(thing)
    return counts, frozenset(gone), frozenset(come)


def _needed_selections(census: Census, pairs: Collection[InForce], node: str) -> Iterator[Selection]:
    """The sets in the rules of policies, each as often as it is used."""
    for direction, key in pairs:
        yield from selections_of(census.policies[key], direction, node)


def _table(
    state: Enforced,
    pairs: Collection[InForce],
    isolations: Collection[Isolation],
    selections: Collection[Selection],
    node: str,
    backend: Backend,
) -> Table:
    """The chains and sets that differ, those that depend on all isolations included."""
    frame = backend.frame(state.isolations, state.isolated)
    chains: dict[str, Chain] = dict(frame.chains)
    sets: dict[str, NamedSet] = dict(frame.sets)
    for selection in selections:
        sets[backend.set_name(selection)] = backend.set_of(selection)
    for direction, key in sorted(pairs):
        chains |= chains_of(state.census.policies[key], direction, node, backend)
    for isolation in sorted(isolations):
        part = backend.isolation(isolation)
        chains |= part.chains
        sets |= part.sets
    return Table(chains, sets, {})


def _elements(
    state: Enforced, addresses: Collection[str], others: Collection[Selection], backend: Backend
) -> dict[ElementId, Element]:
    """The elements for these addresses, except those of the sets in ``others``, which come or go as a whole."""
    found: dict[ElementId, Element] = {}
    for address in addresses:
        owner = state.census.owner(address)
        if owner is not None:
            origin = RuleOrigin(str(owner.key))
            for isolation in state.isolated.get(address, ()):
                found |= backend.isolate(address, isolation, origin)
            for selection in state.selections.holding(owner, state.census):
                if selection not in others:
                    found |= _of(selection, owner, address, backend)
    return found


def _members(state: Enforced, added: Collection[Selection], backend: Backend) -> dict[ElementId, Element]:
    """All elements of these sets."""
    found: dict[ElementId, Element] = {}
    for selection in added:
        for subject in members(selection, state.census):
            for address in subject.addresses:
                if family_of(address) is backend.family and state.census.owner(address) == subject:
                    found |= _of(selection, subject, address, backend)
    return found


def _of(selection: Selection, subject: PolicySubject, address: str, backend: Backend) -> dict[ElementId, Element]:
    name, origin = backend.set_name(selection), RuleOrigin(str(subject.key))
    return {(name, key): Element(None, origin) for key in keys_of(selection, subject, address)}
