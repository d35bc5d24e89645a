"""Inter-Pod affinity: the Nodes that other Pods require, exclude or make preferable for a Pod.

A topology domain is the set of Nodes that have the same value of a label, the topology key. Terms count in both
directions: the terms of the new Pod against existing Pods, and the anti-affinity and preferences of existing Pods
against the new Pod. The first Pod of a group that requires its own members can run on any Node.
Upstream: ``pkg/scheduler/framework/plugins/interpodaffinity`` (filtering.go, scoring.go).
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from fairlead.model.labels import matches, requirements
from fairlead.model.objects import Node, Pod, PodAffinity, PodAffinityTerm, PreferredPods

AFFINITY_UNMET = "node(s) didn't match pod affinity rules"
ANTI_AFFINITY = "node(s) didn't match pod anti-affinity rules"
ANTI_AFFINITY_OF_OTHERS = "node(s) didn't satisfy existing pods anti-affinity rules"
_REQUIRED_WEIGHT = 1  # the weight of a required affinity term of an existing Pod; upstream's HardPodAffinityWeight

TopologyDomain = tuple[str, str]  # topology key, its value
Labels = Mapping[str, str]


class ExistingPods(NamedTuple):
    """The Pods that have a Node, and the labels that terms refer to.

    Attributes:
        scheduled: all Pods that have a Node; read only for a Pod that has terms of its own.
        with_affinity: the scheduled Pods that have terms.
        nodes, namespaces: labels by name.
    """

    scheduled: Iterable[Pod]
    with_affinity: Iterable[Pod]
    nodes: Mapping[str, Labels]
    namespaces: Mapping[str, Labels]


class InterPodAffinity(NamedTuple):
    """The result of all affinity terms for one Pod without a Node.

    Attributes:
        required: for each required term, its topology key, and the values of that label where matching Pods run.
        is_first: no matching Pod exists, and the Pod matches its own terms.
        excluded: domains that the Pod's own anti-affinity excludes.
        excluded_by_others: domains that the anti-affinity of existing Pods excludes.
        scores: domain -> sum of the weights of preferences.
    """

    required: tuple[tuple[str, frozenset[str]], ...] = ()
    is_first: bool = False
    excluded: frozenset[TopologyDomain] = frozenset()
    excluded_by_others: frozenset[TopologyDomain] = frozenset()
    scores: Mapping[TopologyDomain, int] = Counter()

    def refusal(self, node: Node) -> str | None:
        """Why the Pod cannot run on a Node, or None."""
        for key, values in self.required:
            if key not in node.labels or not (self.is_first or node.labels[key] in values):
                return AFFINITY_UNMET
        if _is_in(node, self.excluded):
            return ANTI_AFFINITY
        return ANTI_AFFINITY_OF_OTHERS if _is_in(node, self.excluded_by_others) else None

    def score(self, node: Node) -> int:
        """The sum of the weights of a Node's domains; the largest is preferred."""
        return sum(weight for (key, value), weight in self.scores.items() if node.labels.get(key) == value)


def _is_in(node: Node, domains: Iterable[TopologyDomain]) -> bool:
    return any(node.labels.get(key) == value for key, value in domains)


def has_affinity(pod: Pod) -> bool:
    """Whether the Pod has affinity or anti-affinity terms."""
    affinity = pod.spec.affinity
    return affinity is not None and (affinity.pod_affinity is not None or affinity.pod_anti_affinity is not None)


def requires_other_pods(pod: Pod) -> bool:
    """Whether the Pod has required affinity terms, so that another Pod can make it schedulable."""
    return bool(_required(_affinity(pod)))


def inter_pod_affinity(pod: Pod, existing: ExistingPods) -> InterPodAffinity:
    """Evaluate all affinity terms for a Pod."""
    together, apart = _required(_affinity(pod)), _required(_anti_affinity(pod))
    required = tuple((term.topology_key, _matching_values(term, together, pod, existing)) for term in together)
    return InterPodAffinity(
        required,
        is_first=not any(values for _, values in required) and _all_match(together, pod, pod, existing),
        excluded=frozenset(_excluded(apart, pod, existing)),
        excluded_by_others=frozenset(_excluded_by_others(pod, existing)),
        scores=_scores(pod, existing),
    )


def _affinity(pod: Pod) -> PodAffinity | None:
    return pod.spec.affinity.pod_affinity if pod.spec.affinity else None


def _anti_affinity(pod: Pod) -> PodAffinity | None:
    return pod.spec.affinity.pod_anti_affinity if pod.spec.affinity else None


def _required(affinity: PodAffinity | None) -> tuple[PodAffinityTerm, ...]:
    return (affinity.required or ()) if affinity else ()


def _preferred(affinity: PodAffinity | None) -> tuple[PreferredPods, ...]:
    return (affinity.preferred or ()) if affinity else ()


def _matching_values(
    term: PodAffinityTerm, together: tuple[PodAffinityTerm, ...], pod: Pod, existing: ExistingPods
) -> frozenset[str]:
    """The values of the term's topology key where Pods run that match all terms."""
    found = (other for other in existing.scheduled if _all_match(together, pod, other, existing))
    return frozenset(value for other in found for _, value in _domain(term, other, existing))


def _all_match(terms: tuple[PodAffinityTerm, ...], owner: Pod, other: Pod, existing: ExistingPods) -> bool:
    return all(_matches(term, owner, other, existing) for term in terms)


def _domain(term: PodAffinityTerm, other: Pod, existing: ExistingPods) -> Iterator[TopologyDomain]:
    """The domain of a term that a Pod runs in; none if its Node lacks the topology key."""
    value = existing.nodes.get(other.spec.node_name, {}).get(term.topology_key)
    if value is not None:
        yield term.topology_key, value


def _excluded(terms: tuple[PodAffinityTerm, ...], pod: Pod, existing: ExistingPods) -> Iterator[TopologyDomain]:
    for other in existing.scheduled if terms else ():
        for term in terms:
            if _matches(term, pod, other, existing):
                yield from _domain(term, other, existing)


def _excluded_by_others(pod: Pod, existing: ExistingPods) -> Iterator[TopologyDomain]:
    for other in existing.with_affinity:
        for term in _required(_anti_affinity(other)):
            if _matches(term, other, pod, existing):
                yield from _domain(term, other, existing)


def _scores(pod: Pod, existing: ExistingPods) -> Mapping[TopologyDomain, int]:
    scores: Counter[TopologyDomain] = Counter()
    own = [*_weighted(_affinity(pod), 1), *_weighted(_anti_affinity(pod), -1)]
    for other in existing.scheduled if own else ():
        for term, weight in own:
            _add(scores, weight, term, (pod, other, other), existing)
    for other in existing.with_affinity:
        theirs = [*_weighted(_affinity(other), 1), *_weighted(_anti_affinity(other), -1)]
        theirs += [(term, _REQUIRED_WEIGHT) for term in _required(_affinity(other))]
        for term, weight in theirs:
            _add(scores, weight, term, (other, pod, other), existing)
    return scores


def _weighted(affinity: PodAffinity | None, sign: int) -> Iterator[tuple[PodAffinityTerm, int]]:
    for each in _preferred(affinity):
        yield each.pod_affinity_term, sign * each.weight


def _add(
    scores: Counter[TopologyDomain],
    weight: int,
    term: PodAffinityTerm,
    pods: tuple[Pod, Pod, Pod],
    existing: ExistingPods,
) -> None:
    """Add a weight to a Pod's domain if a term matches. The Pods are the term's owner, the one to match, and the one
    whose domain counts."""
    owner, candidate, counted = pods
    if _matches(term, owner, candidate, existing):
        for domain in _domain(term, counted, existing):
            scores[domain] += weight


def _matches(term: PodAffinityTerm, owner: Pod, other: Pod, existing: ExistingPods) -> bool:
    if term.label_selector is None or not matches(requirements(term.label_selector), other.labels):
        return False
    if other.namespace in (term.namespaces or ()):
        return True
    if term.namespace_selector is not None:
        return matches(requirements(term.namespace_selector), existing.namespaces.get(other.namespace, {}))
    return not term.namespaces and other.namespace == owner.namespace
