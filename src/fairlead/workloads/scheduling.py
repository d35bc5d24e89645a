"""On which Node a Pod shall run.

Filters first, each a reason in upstream's words; then spread: the Node with the fewest Pods of the same kind (same
controller, or same labels when there is none), then with the fewest Pods of any kind, then the first by name, so that
equal inputs give equal answers. Resources other than the number of Pods are not weighed: a lab's Pods are processes.
Upstream: ``pkg/scheduler/framework/plugins`` (nodename, nodeaffinity, tainttoleration, nodeunschedulable).
"""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field

from fairlead.model.labels import contains
from fairlead.model.names import ObjectKey
from fairlead.model.objects import Node, Pod, Taint, Toleration

UNSCHEDULABLE_TAINT = Taint(key="node.kubernetes.io/unschedulable", effect="NoSchedule")
_KEEPS_OUT = frozenset({"NoSchedule", "NoExecute"})
_DEFAULT_CAPACITY = 110  # Pods per Node, upstream's default of the kubelet


@dataclass(frozen=True)
class Unschedulable:
    """No Node fits; the message is that of the Pod's condition and event."""

    message: str


@dataclass
class Placement:
    """How many Pods are where, in all and by kind; kept up to date Pod by Pod, so that a decision costs O(Nodes)."""

    total: Counter[str] = field(default_factory=Counter)
    alike: dict[Hashable, Counter[str]] = field(default_factory=dict)
    _where: dict[ObjectKey, tuple[str, Hashable]] = field(default_factory=dict)

    def put(self, pod: Pod) -> None:
        """Count a Pod where it is now; one that has no Node, or has finished, counts nowhere."""
        self.drop(pod.key)
        if not pod.spec.node_name or pod.is_finished:
            return
        where = (pod.spec.node_name, kind_of(pod))
        self._where[pod.key] = where
        self.total[where[0]] += 1
        self.alike.setdefault(where[1], Counter())[where[0]] += 1

    def drop(self, key: ObjectKey) -> None:
        """Count the Pod no longer."""
        if (where := self._where.pop(key, None)) is None:
            return
        node, kind = where
        self.total[node] -= 1
        self.alike[kind][node] -= 1
        if not +self.alike[kind]:
            del self.alike[kind]

    def load(self, node: Node, pod: Pod) -> tuple[int, int, str]:
        """What choosing this Node for the Pod would cost; the smallest wins."""
        alike = self.alike.get(kind_of(pod), Counter())
        return alike[node.name], self.total[node.name], node.name


def kind_of(pod: Pod) -> Hashable:
    """The same for Pods that stand in for one another, which are spread over the Nodes."""
    owner = pod.controller
    return (pod.namespace, owner.uid if owner else frozenset(pod.labels.items()))


def choose_node(pod: Pod, nodes: Iterable[Node], placement: Placement) -> Node | Unschedulable:
    """The Node for a Pod that has none yet, or why there is none."""
    nodes = tuple(nodes)
    reasons = {node.name: _refusal(pod, node, placement) for node in nodes}
    fitting = [node for node in nodes if reasons[node.name] is None]
    if fitting:
        return min(fitting, key=lambda node: placement.load(node, pod))
    return Unschedulable(_explain(len(nodes), Counter(reason for reason in reasons.values() if reason)))


def _explain(count: int, reasons: Mapping[str, int]) -> str:
    if not count:
        return "no nodes available to schedule pods"
    listed = ", ".join(sorted(f"{number} {reason}" for reason, number in reasons.items()))
    return f"0/{count} nodes are available: {listed}."


def _refusal(pod: Pod, node: Node, placement: Placement) -> str | None:
    """The first filter's reason why the Pod cannot be on the Node, or None."""
    return next((reason for check in _FILTERS if (reason := check(pod, node, placement))), None)


def _is_cordoned(pod: Pod, node: Node, _: Placement) -> str | None:
    cordoned = node.spec.unschedulable and not tolerates(pod, UNSCHEDULABLE_TAINT)
    return "node(s) were unschedulable" if cordoned else None


def _is_tainted(pod: Pod, node: Node, _: Placement) -> str | None:
    for taint in node.spec.taints or ():
        if taint.effect in _KEEPS_OUT and not tolerates(pod, taint):
            return f"node(s) had untolerated taint {{{taint.key}: {taint.value}}}"
    return None


def _is_not_selected(pod: Pod, node: Node, _: Placement) -> str | None:
    wanted = pod.spec.node_selector or {}
    return None if contains(node.labels, wanted) else "node(s) didn't match Pod's node affinity/selector"


def _is_full(_: Pod, node: Node, placement: Placement) -> str | None:
    capacity = int((node.status.allocatable or {}).get("pods", _DEFAULT_CAPACITY))
    return "Too many pods" if placement.total[node.name] >= capacity else None


_FILTERS: tuple[Callable[[Pod, Node, Placement], str | None], ...] = (
    _is_cordoned,
    _is_tainted,
    _is_not_selected,
    _is_full,
)


def tolerates(pod: Pod, taint: Taint) -> bool:
    """Whether one of the Pod's tolerations covers the taint, for however long."""
    return any(covers(toleration, taint) for toleration in pod.spec.tolerations or ())


def covers(toleration: Toleration, taint: Taint) -> bool:
    """Whether the toleration is meant for the taint."""
    if toleration.effect and toleration.effect != taint.effect:
        return False
    if toleration.key and toleration.key != taint.key:
        return False
    return toleration.operator == "Exists" or (bool(toleration.key) and toleration.value == taint.value)
