"""On which Nodes a DaemonSet lacks a Pod, and which of its Pods are too many or to be replaced.

One Pod on each Node that its template allows, even if the Node is not ready or cordoned. An update continues on as
many Nodes at a time as may lack a Pod that works, or else may have two. The scheduler does the binding: a Pod says by
affinity for which Node it is.
Upstream: ``pkg/controller/daemon`` (daemon_controller.go, update.go, util/daemonset_util.go).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from fairlead.model.decode import decode
from fairlead.model.document import Doc
from fairlead.model.labels import contains
from fairlead.model.objects import Node, Pod, Toleration
from fairlead.model.workloads import DaemonSet, DaemonSetStatus, RollingDaemons
from fairlead.workloads.claims import controller_reference
from fairlead.workloads.history import update_revision
from fairlead.workloads.placement.affinity import NAME_FIELD, allows_node
from fairlead.workloads.placement.scheduling import tolerates
from fairlead.workloads.pods import is_active, is_available, pod_document
from fairlead.workloads.statefulset import REVISION_LABEL

_PREFIX = "node.kubernetes.io/"
_BORNE = (
    *(Toleration(f"{_PREFIX}{key}", "Exists", effect="NoExecute") for key in ("not-ready", "unreachable")),
    *(
        Toleration(f"{_PREFIX}{key}", "Exists", effect="NoSchedule")
        for key in ("disk-pressure", "memory-pressure", "pid-pressure", "unschedulable")
    ),
)
_BORNE_IN_NODE_NETWORK = Toleration(f"{_PREFIX}network-unavailable", "Exists", effect="NoSchedule")


@dataclass(frozen=True)
class DaemonPlan:
    """The Nodes, by name, to make a Pod for, and the Pods to delete."""

    creates: tuple[str, ...] = ()
    deletes: tuple[Pod, ...] = ()


def plan_daemons(daemon_set: DaemonSet, nodes: Sequence[Node], mine: Iterable[Pod], now: str) -> DaemonPlan:
    """The next step; nothing while the set itself is being deleted."""
    if daemon_set.is_terminating:
        return DaemonPlan()
    there, model = _by_node(mine), _model(daemon_set)
    creates: list[str] = []
    deletes: list[Pod] = []
    for node in nodes:
        pods = there.pop(node.name, ())
        if not pods and _shall_start(model, node):
            creates.append(node.name)
        deletes += _surplus(daemon_set, pods, now) if _may_stay(model, node) else pods
    deletes += [pod for pods in there.values() for pod in pods]  # their Nodes are gone
    plan = DaemonPlan(tuple(creates), tuple(pod for pod in deletes if not pod.is_terminating))
    return plan if plan != DaemonPlan() else _update(daemon_set, nodes, _by_node(mine), now)


def node_of(pod: Pod) -> str:
    """The name of the Node that a Pod is on, or is for."""
    if pod.spec.node_name or not (pod.spec.affinity and pod.spec.affinity.node_affinity):
        return pod.spec.node_name
    required = pod.spec.affinity.node_affinity.required
    terms = required.node_selector_terms if required else ()
    fields = (field for term in terms for field in term.match_fields or () if field.key == NAME_FIELD)
    return next((value for field in fields for value in field.values or ()), "")


def _by_node(pods: Iterable[Pod]) -> dict[str, tuple[Pod, ...]]:
    found: dict[str, tuple[Pod, ...]] = {}
    for pod in pods:
        found[node_of(pod)] = (*found.get(node_of(pod), ()), pod)
    return found


def _model(daemon_set: DaemonSet) -> Pod:
    """The Pod that the present template makes, for no Node in particular."""
    return decode(Pod, {"metadata": {"name": daemon_set.name}, "spec": _spec(daemon_set)})


def _spec(daemon_set: DaemonSet) -> Doc:
    spec = dict(daemon_set.spec.template.get("spec") or {})
    borne = (*_BORNE, _BORNE_IN_NODE_NETWORK) if spec.get("hostNetwork") else _BORNE
    spec["tolerations"] = [*(spec.get("tolerations") or ()), *map(msgspec.to_builtins, borne)]
    return spec


def _is_meant_for(model: Pod, node: Node) -> bool:
    wanted = model.spec.node_name in ("", node.name)
    return wanted and contains(node.labels, model.spec.node_selector or {}) and allows_node(model, node)


def _shall_start(model: Pod, node: Node) -> bool:
    taints = [taint for taint in node.spec.taints or () if taint.effect in ("NoSchedule", "NoExecute")]
    return _is_meant_for(model, node) and all(tolerates(model, taint) for taint in taints)


def _may_stay(model: Pod, node: Node) -> bool:
    taints = [taint for taint in node.spec.taints or () if taint.effect == "NoExecute"]
    return _is_meant_for(model, node) and all(tolerates(model, taint) for taint in taints)


def _surplus(daemon_set: DaemonSet, pods: Sequence[Pod], now: str) -> list[Pod]:
    """What has finished, and all but the oldest of the others; in an update that surges, but the oldest of the present
    template and of others, and of these none once it is not needed any more."""
    finished = [pod for pod in pods if pod.is_finished]
    live = sorted((p for p in pods if is_active(p)), key=lambda p: (p.metadata.creation_timestamp or "", p.name))
    if not _surges(daemon_set):
        return finished + live[1:]
    new = [pod for pod in live if _is_new(daemon_set, pod)]
    old = [pod for pod in live if pod not in new]
    is_replaced = bool(new and old) and (not old[0].is_ready or _works(daemon_set, new[0], now))
    return finished + new[1:] + (old if is_replaced else old[1:])


def _update(daemon_set: DaemonSet, nodes: Sequence[Node], there: Mapping[str, tuple[Pod, ...]], now: str) -> DaemonPlan:
    """Replace Pods of another template: those that do not work at once, of the others as many as may be missed."""
    if daemon_set.spec.update_strategy.type == "OnDelete":
        return DaemonPlan()
    model = _model(daemon_set)
    wanted = [node.name for node in nodes if _shall_start(model, node)]
    if _surges(daemon_set):
        return _surge(daemon_set, {name: there.get(name, ()) for name in wanted}, now)
    working = {name for name in wanted if any(_works(daemon_set, pod, now) for pod in there.get(name, ()))}
    old = {
        name: pod for name in wanted for pod in there.get(name, ()) if is_active(pod) and not _is_new(daemon_set, pod)
    }
    broken = [pod for name, pod in old.items() if name not in working]
    spare = _at_a_time(_rolling(daemon_set).max_unavailable, len(wanted)) - (len(wanted) - len(working))
    sound = [pod for name, pod in old.items() if name in working]
    return DaemonPlan(deletes=(*broken, *sound[: max(0, spare)]))


def _surge(daemon_set: DaemonSet, there: Mapping[str, tuple[Pod, ...]], now: str) -> DaemonPlan:
    """Start new Pods beside old ones: beside those that do not work at once, of the others on as many Nodes as may have
    two; the old one goes when the new one works."""
    live = {name: [pod for pod in pods if is_active(pod)] for name, pods in there.items()}
    old = {name: pods for name, pods in live.items() if pods and not any(_is_new(daemon_set, p) for p in pods)}
    broken = [name for name, pods in old.items() if not any(_works(daemon_set, pod, now) for pod in pods)]
    sound = [name for name in old if name not in broken]
    spare = _at_a_time(_rolling(daemon_set).max_surge, len(there)) - sum(len(pods) > 1 for pods in live.values())
    return DaemonPlan(creates=(*broken, *sound[: max(0, spare)]))


def _works(daemon_set: DaemonSet, pod: Pod, now: str) -> bool:
    return is_active(pod) and is_available(pod, daemon_set.spec.min_ready_seconds, now)


def _is_new(daemon_set: DaemonSet, pod: Pod) -> bool:
    return pod.labels.get(REVISION_LABEL) == revision_hash(daemon_set)


def revision_hash(daemon_set: DaemonSet) -> str:
    """The hash that marks Pods of the current template."""
    return update_revision(daemon_set).rpartition("-")[2]


def _surges(daemon_set: DaemonSet) -> bool:
    return _rolling(daemon_set).max_surge not in (0, "0%")


def _rolling(daemon_set: DaemonSet) -> RollingDaemons:
    return daemon_set.spec.update_strategy.rolling_update or RollingDaemons()


def _at_a_time(value: int | str, total: int) -> int:
    """At least one, or nothing would ever be replaced; a percentage is rounded up."""
    number = value if isinstance(value, int) else -(-int(value.rstrip("%")) * total // 100)
    return max(1, number)


def make_daemon(daemon_set: DaemonSet, node: str) -> Doc:
    """The document of the Pod for a Node."""
    owner = controller_reference(daemon_set, "apps/v1", "DaemonSet")
    document = pod_document(daemon_set.spec.template, daemon_set.namespace, owner)
    metadata = document["metadata"]
    metadata["generateName"] = f"{daemon_set.name}-"
    metadata["labels"] = {**metadata.get("labels", {}), REVISION_LABEL: revision_hash(daemon_set)}
    document["spec"] = spec = _spec(daemon_set)
    affinity = dict(spec.get("affinity") or {})
    affinity["nodeAffinity"] = _only(node, affinity.get("nodeAffinity") or {})
    spec["affinity"] = affinity
    return document


def _only(node: str, affinity: Doc) -> Doc:
    """A node affinity that leaves just one Node. What the template requires has been seen to already."""
    field = {"key": NAME_FIELD, "operator": "In", "values": [node]}
    required = {"nodeSelectorTerms": [{"matchFields": [field]}]}
    return {**affinity, "requiredDuringSchedulingIgnoredDuringExecution": required}


def observe_daemons(daemon_set: DaemonSet, nodes: Sequence[Node], mine: Iterable[Pod], now: str) -> DaemonSetStatus:
    """The status that the Pods amount to."""
    there, model = _by_node(pod for pod in mine if is_active(pod)), _model(daemon_set)
    wanted = {node.name for node in nodes if _shall_start(model, node)}
    stray = {node.name for node in nodes if not _is_meant_for(model, node)}
    held = {name: pods for name, pods in there.items() if name in wanted}
    available = sum(any(_works(daemon_set, pod, now) for pod in pods) for pods in held.values())
    return DaemonSetStatus(
        current_number_scheduled=len(held),
        number_misscheduled=len(stray & there.keys()),
        desired_number_scheduled=len(wanted),
        number_ready=sum(any(pod.is_ready for pod in pods) for pods in held.values()),
        updated_number_scheduled=sum(any(_is_new(daemon_set, pod) for pod in pods) for pods in held.values()),
        number_available=available,
        number_unavailable=len(wanted) - available,
        observed_generation=daemon_set.metadata.generation,
    )
