"""Chooses a Node for a Pod.

Filters reject Nodes, each with upstream's message. Of the remaining Nodes, the one with the best score wins
(``node_scores``). Ties are broken by the fewest Pods of the same kind (same controller, or same labels if there is
none), then by the fewest Pods, then by name, so that equal inputs give equal results. Resources other than the number
of Pods are ignored: a lab's Pods are processes.
Upstream: ``pkg/scheduler/framework/plugins`` (nodeaffinity, nodeports, interpodaffinity,
podtopologyspread, tainttoleration, nodeunschedulable).
"""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

from fairlead.model.labels import contains
from fairlead.model.names import ObjectKey
from fairlead.model.objects import Node, Pod, Taint, Toleration
from fairlead.workloads.placement.affinity import allows_node
from fairlead.workloads.placement.host_ports import HostPort, collide, host_ports
from fairlead.workloads.placement.node_scores import scores
from fairlead.workloads.placement.pod_affinity import (
    ExistingPods,
    InterPodAffinity,
    Labels,
    has_affinity,
    inter_pod_affinity,
)
from fairlead.workloads.placement.topology_spread import Spread, spread_of

UNSCHEDULABLE_TAINT = Taint(key="node.kubernetes.io/unschedulable", effect="NoSchedule")
_KEEPS_OUT = frozenset({"NoSchedule", "NoExecute"})
_DEFAULT_CAPACITY = 110  # Pods per Node, upstream's default of the kubelet


@dataclass(frozen=True)
class Unschedulable:
    """No Node fits; the message is that of the Pod's condition and event."""

    message: str


@dataclass
class Placement:
    """The Pods of each Node, counted in total and by kind. Updated Pod by Pod, so that a decision costs O(Nodes).

    Attributes:
        with_affinity: the Pods that have affinity or anti-affinity terms.
        ports: host ports of Pods, by Node and Pod.
    """

    total: Counter[str] = field(default_factory=Counter)
    alike: dict[Hashable, Counter[str]] = field(default_factory=dict)
    placed: dict[ObjectKey, Pod] = field(default_factory=dict)
    with_affinity: dict[ObjectKey, Pod] = field(default_factory=dict)
    ports: dict[str, dict[ObjectKey, frozenset[HostPort]]] = field(default_factory=dict)

    def put(self, pod: Pod) -> None:
        """Count a Pod where it is now; one that has no Node, or has finished, is not counted."""
        self.drop(pod.key)
        if not pod.spec.node_name or pod.is_finished:
            return
        self.placed[pod.key] = pod
        if has_affinity(pod):
            self.with_affinity[pod.key] = pod
        if wanted := host_ports(pod):
            self.ports.setdefault(pod.spec.node_name, {})[pod.key] = wanted
        self.total[pod.spec.node_name] += 1
        self.alike.setdefault(kind_of(pod), Counter())[pod.spec.node_name] += 1

    def drop(self, key: ObjectKey) -> None:
        """Stop counting the Pod."""
        if (pod := self.placed.pop(key, None)) is None:
            return
        self.with_affinity.pop(key, None)
        self.ports.get(pod.spec.node_name, {}).pop(key, None)
        self.total[pod.spec.node_name] -= 1
        kind = kind_of(pod)
        self.alike[kind][pod.spec.node_name] -= 1
        if not +self.alike[kind]:
            del self.alike[kind]

    def has_room_for(self, wanted: frozenset[HostPort], node: str) -> bool:
        """Whether all of these host ports are free on the Node."""
        taken = (port for ports in self.ports.get(node, {}).values() for port in ports)
        return not any(collide(port, other) for other in taken for port in wanted)

    def load(self, node: Node, pod: Pod) -> tuple[int, int, str]:
        """The sort key of a Node for the Pod: the smallest is chosen."""
        alike = self.alike.get(kind_of(pod), Counter())
        return alike[node.name], self.total[node.name], node.name


def kind_of(pod: Pod) -> Hashable:
    """A value that is equal for replicas of one workload, which are spread over the Nodes."""
    owner = pod.controller
    return (pod.namespace, owner.uid if owner else frozenset(pod.labels.items()))


def choose_node(
    pod: Pod, nodes: Iterable[Node], placement: Placement, namespaces: Mapping[str, Labels] = MappingProxyType({})
) -> Node | Unschedulable:
    """The Node for a Pod that has none yet, or why there is none; ``namespaces`` are their labels by name."""
    nodes, placed = tuple(nodes), placement.placed.values()
    labels_of = {node.name: node.labels for node in nodes}
    affinity = inter_pod_affinity(pod, ExistingPods(placed, placement.with_affinity.values(), labels_of, namespaces))
    spread = spread_of(pod, nodes, placed, _tolerates_all)
    cycle = _SchedulingCycle(pod, placement, affinity, host_ports(pod), spread)
    reasons = {node.name: _refusal(cycle, node) for node in nodes}
    fitting = [node for node in nodes if reasons[node.name] is None]
    if fitting:
        scored = scores(pod, fitting, affinity, spread, lambda node: _untolerated_preferences(pod, node))
        return min(fitting, key=lambda node: (-scored[node.name], placement.load(node, pod)))
    return Unschedulable(_explain(len(nodes), Counter(reason for reason in reasons.values() if reason)))


def unschedulable(count: int, reason: str) -> Unschedulable:
    """No Node can have the Pod, for a reason that is the same for all of them; ``count`` is their number."""
    return Unschedulable(f"0/{count} nodes are available: {reason}.")


class _SchedulingCycle(NamedTuple):
    """The values that are the same for all Nodes while one Pod is scheduled."""

    pod: Pod
    placement: Placement
    affinity: InterPodAffinity
    ports: frozenset[HostPort]
    spread: Spread


def _explain(count: int, reasons: Mapping[str, int]) -> str:
    if not count:
        return "no nodes available to schedule pods"
    listed = ", ".join(sorted(f"{number} {reason}" for reason, number in reasons.items()))
    return f"0/{count} nodes are available: {listed}."


def _refusal(cycle: _SchedulingCycle, node: Node) -> str | None:
    """The first filter's reason why the Pod cannot be on the Node, or None."""
    return next((reason for check in _FILTERS if (reason := check(cycle, node))), None)


def _is_cordoned(cycle: _SchedulingCycle, node: Node) -> str | None:
    cordoned = node.spec.unschedulable and not tolerates(cycle.pod, UNSCHEDULABLE_TAINT)
    return "node(s) were unschedulable" if cordoned else None


def _is_tainted(cycle: _SchedulingCycle, node: Node) -> str | None:
    for taint in node.spec.taints or ():
        if taint.effect in _KEEPS_OUT and not tolerates(cycle.pod, taint):
            return f"node(s) had untolerated taint {{{taint.key}: {taint.value}}}"
    return None


def _tolerates_all(pod: Pod, node: Node) -> bool:
    return all(tolerates(pod, taint) for taint in node.spec.taints or () if taint.effect in _KEEPS_OUT)


def _is_not_selected(cycle: _SchedulingCycle, node: Node) -> str | None:
    pod = cycle.pod
    fits = contains(node.labels, pod.spec.node_selector or {}) and allows_node(pod, node)
    return None if fits else "node(s) didn't match Pod's node affinity/selector"


def _untolerated_preferences(pod: Pod, node: Node) -> int:
    return sum(taint.effect == "PreferNoSchedule" and not tolerates(pod, taint) for taint in node.spec.taints or ())


def _violates_pod_affinity(cycle: _SchedulingCycle, node: Node) -> str | None:
    return cycle.affinity.refusal(node)


def _is_uneven(cycle: _SchedulingCycle, node: Node) -> str | None:
    return cycle.spread.refusal(node)


def _lacks_ports(cycle: _SchedulingCycle, node: Node) -> str | None:
    free = cycle.placement.has_room_for(cycle.ports, node.name)
    return None if free else "node(s) didn't have free ports for the requested pod ports"


def _is_full(cycle: _SchedulingCycle, node: Node) -> str | None:
    capacity = int((node.status.allocatable or {}).get("pods", _DEFAULT_CAPACITY))
    return "Too many pods" if cycle.placement.total[node.name] >= capacity else None


_FILTERS: tuple[Callable[[_SchedulingCycle, Node], str | None], ...] = (
    _is_cordoned,
    _is_tainted,
    _is_not_selected,
    _lacks_ports,
    _is_uneven,
    _violates_pod_affinity,
    _is_full,
)


def tolerates(pod: Pod, taint: Taint) -> bool:
    """Whether one of the Pod's tolerations covers the taint, for any length of time."""
    return any(covers(toleration, taint) for toleration in pod.spec.tolerations or ())


def covers(toleration: Toleration, taint: Taint) -> bool:
    """Whether the toleration matches the taint."""
    if toleration.effect and toleration.effect != taint.effect:
        return False
    if toleration.key and toleration.key != taint.key:
        return False
    return toleration.operator == "Exists" or (bool(toleration.key) and toleration.value == taint.value)
