"""Topology spread: the Nodes that ``topologySpreadConstraints`` exclude, and those that they prefer.

A topology domain is the set of Nodes that have the same value of a constraint's topology key. A constraint counts the
Pods that its selector matches, on eligible Nodes (``nodeAffinityPolicy``, ``nodeTaintsPolicy``) that have the keys of
all constraints of the same kind: hard (DoNotSchedule) or soft (ScheduleAnyway). Upstream:
``pkg/scheduler/framework/plugins/podtopologyspread`` (common.go, filtering.go, scoring.go).
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
    """A constraint, and the number of matching Pods in each domain."""

    key: str
    most: int
    is_own: bool
    counts: Mapping[str, int]
    least: int

    def refusal(self, node: Node) -> str | None:
        """Why the Pod cannot run on a Node, or None."""
        domain = node.labels.get(self.key)
        if domain is None:
            return UNLABELLED
        return UNEVEN if self.counts.get(domain, 0) + self.is_own - self.least > self.most else None

    def cost(self, node: Node) -> float:
        """The number of matching Pods in the Node's domain, weighted by the number of domains."""
        return self.counts.get(node.labels[self.key], 0) * log(len(self.counts) + 2) + self.most - 1


class Spread(NamedTuple):
    """The constraints of one Pod."""

    hard: tuple[_Rule, ...] = ()
    soft: tuple[_Rule, ...] = ()

    def refusal(self, node: Node) -> str | None:
        """Why the Pod cannot run on a Node, or None."""
        return next((why for rule in self.hard if (why := rule.refusal(node))), None)

    def cost(self, node: Node) -> tuple[bool, float]:
        """The sort key of a Node: the smallest is preferred. Nodes that lack a topology key come last."""
        lacks_key = any(rule.key not in node.labels for rule in self.soft)
        return lacks_key, 0.0 if lacks_key else sum(rule.cost(node) for rule in self.soft)


def spread_of(
    pod: Pod, nodes: Sequence[Node], placed: Iterable[Pod], tolerates_all: Callable[[Pod, Node], bool]
) -> Spread:
    """The constraints of a Pod.

    Args:
        placed: all Pods that have a Node; looked at only when the Pod has constraints.
        tolerates_all: whether a Pod tolerates all taints of a Node that keep Pods out.
    """
    constraints = pod.spec.topology_spread_constraints
    if not constraints:
        return Spread()
    found = [each for each in placed if each.namespace == pod.namespace and not each.is_terminating]
    hard = [each for each in constraints if each.when_unsatisfiable == _REFUSES]
    soft = [each for each in constraints if each.when_unsatisfiable != _REFUSES]
    sides = ((_rule(each, side, pod, nodes, found, tolerates_all) for each in side) for side in (hard, soft))
    return Spread(*map(tuple, sides))


def _rule(
    constraint: TopologySpreadConstraint,
    side: Sequence[TopologySpreadConstraint],
    pod: Pod,
    nodes: Sequence[Node],
    placed: Iterable[Pod],
    tolerates_all: Callable[[Pod, Node], bool],
) -> _Rule:
    keys, key = [each.topology_key for each in side], constraint.topology_key
    counted = {
        node.name: node.labels[key]
        for node in nodes
        if all(each in node.labels for each in keys) and _is_counted(constraint, pod, node, tolerates_all)
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
    constraint: TopologySpreadConstraint, pod: Pod, node: Node, tolerates_all: Callable[[Pod, Node], bool]
) -> bool:
    if constraint.node_affinity_policy != "Ignore" and not (
        contains(node.labels, pod.spec.node_selector or {}) and allows_node(pod, node)
    ):
        return False
    return constraint.node_taints_policy != "Honor" or tolerates_all(pod, node)


def _selector(constraint: TopologySpreadConstraint, pod: Pod) -> Selector | None:
    """The Pods that a constraint counts: none without a selector. ``matchLabelKeys`` restrict them to Pods with the
    same values of these labels as the Pod itself."""
    if constraint.label_selector is None:
        return None
    keys = constraint.match_label_keys or ()
    more = [requirement(SelectorTerm(key, "In", (pod.labels[key],))) for key in keys if key in pod.labels]
    return (*requirements(constraint.label_selector or LabelSelector()), *more)
