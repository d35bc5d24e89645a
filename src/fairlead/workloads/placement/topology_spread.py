"""Spreading Pods over places: what ``topologySpreadConstraints`` refuse of Nodes, and which they prefer.

A place is all Nodes with the same value of a constraint's topology key. Counted are the Pods that a constraint's
selector finds, on the Nodes that the Pod could be on (``nodeAffinityPolicy``, ``nodeTaintsPolicy``) and that have the
keys of all constraints of the sort. Upstream: ``pkg/scheduler/framework/plugins/podtopologyspread`` (common.go,
filtering.go, scoring.go).
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from math import log
from typing import NamedTuple

from fairlead.model.labels import Selector, contains, matches, requirement, requirements
from fairlead.model.objects import LabelSelector, Node, Pod, SelectorTerm, TopologySpreadConstraint
from fairlead.workloads.placement.affinity import allows_node

UNEVEN = "node(s) didn't match pod topology spread constraints"
UNLABELLED = f"{UNEVEN} (missing required label)"
_REFUSES = "DoNotSchedule"


class _Rule(NamedTuple):
    """A constraint, with how many Pods there are in each of its places."""

    key: str
    most: int
    is_own: bool
    counts: Mapping[str, int]
    least: int

    def refusal(self, node: Node) -> str | None:
        """Why the Pod may not be on a Node, or None."""
        place = node.labels.get(self.key)
        if place is None:
            return UNLABELLED
        return UNEVEN if self.counts.get(place, 0) + self.is_own - self.least > self.most else None

    def cost(self, node: Node) -> float:
        """How many there are already, weighed by how many places there are."""
        return self.counts.get(node.labels[self.key], 0) * log(len(self.counts) + 2) + self.most - 1


class Spread(NamedTuple):
    """The constraints of one Pod."""

    hard: tuple[_Rule, ...] = ()
    soft: tuple[_Rule, ...] = ()

    def refusal(self, node: Node) -> str | None:
        """Why the Pod may not be on a Node, or None."""
        return next((why for rule in self.hard if (why := rule.refusal(node))), None)

    def cost(self, node: Node) -> tuple[bool, float]:
        """What choosing a Node would cost; the smallest is preferred. Nodes that lack a key come last."""
        lacks_key = any(rule.key not in node.labels for rule in self.soft)
        return lacks_key, 0.0 if lacks_key else sum(rule.cost(node) for rule in self.soft)


def spread_of(
    pod: Pod, nodes: Sequence[Node], placed: Iterable[Pod], bears_taints: Callable[[Pod, Node], bool]
) -> Spread:
    """The constraints of a Pod.

    Args:
        placed: all Pods that have a Node; looked at only when the Pod has constraints.
        bears_taints: whether a Pod tolerates all taints of a Node that keep Pods out.
    """
    constraints = pod.spec.topology_spread_constraints
    if not constraints:
        return Spread()
    found = [each for each in placed if each.namespace == pod.namespace and not each.is_terminating]
    hard = [each for each in constraints if each.when_unsatisfiable == _REFUSES]
    soft = [each for each in constraints if each.when_unsatisfiable != _REFUSES]
    sides = ((_rule(each, side, pod, nodes, found, bears_taints) for each in side) for side in (hard, soft))
    return Spread(*map(tuple, sides))


def _rule(  # all that a count is made of
    constraint: TopologySpreadConstraint,
    side: Sequence[TopologySpreadConstraint],
    pod: Pod,
    nodes: Sequence[Node],
    placed: Iterable[Pod],
    bears_taints: Callable[[Pod, Node], bool],
) -> _Rule:
    keys, key = [each.topology_key for each in side], constraint.topology_key
    counted = {
        node.name: node.labels[key]
        for node in nodes
        if all(each in node.labels for each in keys) and _is_counted(constraint, pod, node, bears_taints)
    }
    counts = Counter(dict.fromkeys(counted.values(), 0))
    selector = _selector(constraint, pod)
    for other in placed:
        if other.spec.node_name in counted and selector is not None and matches(selector, other.labels):
            counts[counted[other.spec.node_name]] += 1
    least = 0 if len(counts) < constraint.min_domains else min(counts.values(), default=0)
    is_own = selector is not None and matches(selector, pod.labels)
    return _Rule(key, constraint.max_skew, is_own, counts, least)


def _is_counted(
    constraint: TopologySpreadConstraint, pod: Pod, node: Node, bears_taints: Callable[[Pod, Node], bool]
) -> bool:
    if constraint.node_affinity_policy != "Ignore" and not (
        contains(node.labels, pod.spec.node_selector or {}) and allows_node(pod, node)
    ):
        return False
    return constraint.node_taints_policy != "Honor" or bears_taints(pod, node)


def _selector(constraint: TopologySpreadConstraint, pod: Pod) -> Selector | None:
    """What a constraint counts: none where it says nothing, and with ``matchLabelKeys`` only Pods with these labels of
    the Pod itself."""
    if constraint.label_selector is None:
        return None
    keys = constraint.match_label_keys or ()
    more = [requirement(SelectorTerm(key, "In", (pod.labels[key],))) for key in keys if key in pod.labels]
    return (*requirements(constraint.label_selector or LabelSelector()), *more)
