"""Near which other Pods a Pod must be, with which it must not share a place, and what it prefers of both.

A place is all Nodes with the same value of a label, the topology key. What is said counts both ways: the new Pod's
terms against the Pods that are there, and their anti-affinity and preferences against it. The first Pod of those that
want to be together may be anywhere.
Upstream: ``pkg/scheduler/framework/plugins/interpodaffinity`` (filtering.go, scoring.go).
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from fairlead.model.labels import matches, requirements
from fairlead.model.objects import Node, Pod, PodAffinity, PodAffinityTerm, PreferredPods

FAR = "node(s) didn't match pod affinity rules"
SHUNNED = "node(s) didn't match pod anti-affinity rules"
SHUNNED_BY_OTHERS = "node(s) didn't satisfy existing pods anti-affinity rules"
_OF_REQUIRED = 1  # the weight of what Pods that are there require; upstream's HardPodAffinityWeight

Place = tuple[str, str]  # topology key, its value
Labels = Mapping[str, str]


class Neighbourhood(NamedTuple):
    """What is there already.

    Attributes:
        placed: all Pods that have a Node; looked at only for a Pod that has terms of its own.
        caring: those of them that have terms.
        nodes, namespaces: labels by name.
    """

    placed: Iterable[Pod]
    caring: Iterable[Pod]
    nodes: Mapping[str, Labels]
    namespaces: Mapping[str, Labels]


class Company(NamedTuple):
    """What the other Pods mean for one Pod that is to be placed.

    Attributes:
        wanted: by topology key of each term that it requires, the places where such Pods are.
        is_first: there are none anywhere, and it is itself such a Pod.
        shunned, shunned_by_others: where it must not be.
        liked: places by what preferences make of them.
    """

    wanted: tuple[tuple[str, frozenset[str]], ...] = ()
    is_first: bool = False
    shunned: frozenset[Place] = frozenset()
    shunned_by_others: frozenset[Place] = frozenset()
    liked: Mapping[Place, int] = Counter()

    def refusal(self, node: Node) -> str | None:
        """Why the Pod may not be on a Node, or None."""
        for key, places in self.wanted:
            if key not in node.labels or not (self.is_first or node.labels[key] in places):
                return FAR
        if _is_at(node, self.shunned):
            return SHUNNED
        return SHUNNED_BY_OTHERS if _is_at(node, self.shunned_by_others) else None

    def liking(self, node: Node) -> int:
        """What the preferences make of a Node; the largest is preferred."""
        return sum(weight for (key, place), weight in self.liked.items() if node.labels.get(key) == place)


def _is_at(node: Node, places: Iterable[Place]) -> bool:
    return any(node.labels.get(key) == place for key, place in places)


def cares(pod: Pod) -> bool:
    """Whether the Pod says anything about others."""
    affinity = pod.spec.affinity
    return affinity is not None and (affinity.pod_affinity is not None or affinity.pod_anti_affinity is not None)


def wants_company(pod: Pod) -> bool:
    """Whether the Pod may have to wait for another one."""
    return bool(_required(_near(pod)))


def company_of(pod: Pod, around: Neighbourhood) -> Company:
    """What the other Pods mean for a Pod."""
    together, apart = _required(_near(pod)), _required(_away(pod))
    wanted = tuple((term.topology_key, _places(term, together, pod, around)) for term in together)
    return Company(
        wanted,
        is_first=not any(places for _, places in wanted) and _is_all(together, pod, pod, around),
        shunned=frozenset(_found(apart, pod, around)),
        shunned_by_others=frozenset(_shunned_by(pod, around)),
        liked=_liked(pod, around),
    )


def _near(pod: Pod) -> PodAffinity | None:
    return pod.spec.affinity.pod_affinity if pod.spec.affinity else None


def _away(pod: Pod) -> PodAffinity | None:
    return pod.spec.affinity.pod_anti_affinity if pod.spec.affinity else None


def _required(affinity: PodAffinity | None) -> tuple[PodAffinityTerm, ...]:
    return (affinity.required or ()) if affinity else ()


def _preferred(affinity: PodAffinity | None) -> tuple[PreferredPods, ...]:
    return (affinity.preferred or ()) if affinity else ()


def _places(
    term: PodAffinityTerm, together: tuple[PodAffinityTerm, ...], pod: Pod, around: Neighbourhood
) -> frozenset[str]:
    """Where, by the key of a term, the Pods are that all terms find."""
    found = (other for other in around.placed if _is_all(together, pod, other, around))
    return frozenset(place for other in found for _, place in _place(term, other, around))


def _is_all(terms: tuple[PodAffinityTerm, ...], owner: Pod, other: Pod, around: Neighbourhood) -> bool:
    return all(_is_meant(term, owner, other, around) for term in terms)


def _place(term: PodAffinityTerm, other: Pod, around: Neighbourhood) -> Iterator[Place]:
    """The place, by the key of a term, where a Pod is; none if its Node lacks the key."""
    place = around.nodes.get(other.spec.node_name, {}).get(term.topology_key)
    if place is not None:
        yield term.topology_key, place


def _found(terms: tuple[PodAffinityTerm, ...], pod: Pod, around: Neighbourhood) -> Iterator[Place]:
    for other in around.placed if terms else ():
        for term in terms:
            if _is_meant(term, pod, other, around):
                yield from _place(term, other, around)


def _shunned_by(pod: Pod, around: Neighbourhood) -> Iterator[Place]:
    for other in around.caring:
        for term in _required(_away(other)):
            if _is_meant(term, other, pod, around):
                yield from _place(term, other, around)


def _liked(pod: Pod, around: Neighbourhood) -> Mapping[Place, int]:
    liked: Counter[Place] = Counter()
    own = [*_weighed(_near(pod), 1), *_weighed(_away(pod), -1)]
    for other in around.placed if own else ():
        for term, weight in own:
            _count(liked, weight, term, (pod, other, other), around)
    for other in around.caring:
        theirs = [*_weighed(_near(other), 1), *_weighed(_away(other), -1)]
        theirs += [(term, _OF_REQUIRED) for term in _required(_near(other))]
        for term, weight in theirs:
            _count(liked, weight, term, (other, pod, other), around)
    return liked


def _weighed(affinity: PodAffinity | None, sign: int) -> Iterator[tuple[PodAffinityTerm, int]]:
    for each in _preferred(affinity):
        yield each.pod_affinity_term, sign * each.weight


def _count(
    liked: Counter[Place], weight: int, term: PodAffinityTerm, pods: tuple[Pod, Pod, Pod], around: Neighbourhood
) -> None:
    """Add a weight where a Pod is, if the term of its owner means the other."""
    owner, meant, there = pods
    if _is_meant(term, owner, meant, around):
        for place in _place(term, there, around):
            liked[place] += weight


def _is_meant(term: PodAffinityTerm, owner: Pod, other: Pod, around: Neighbourhood) -> bool:
    if term.label_selector is None or not matches(requirements(term.label_selector), other.labels):
        return False
    if other.namespace in (term.namespaces or ()):
        return True
    if term.namespace_selector is not None:
        return matches(requirements(term.namespace_selector), around.namespaces.get(other.namespace, {}))
    return not term.namespaces and other.namespace == owner.namespace
