"""Why a Pod is not ready, by the messages of the kubelet, the scheduler and the probe."""

from collections.abc import Iterator
from typing import NamedTuple

from fairlead.explain.cluster import Cluster, Ref
from fairlead.explain.documents import at, number, rows, text
from fairlead.explain.statements import Evidence, EvidenceKind
from fairlead.model.document import Doc
from fairlead.model.objects import Pod
from fairlead.model.phrases import Phrase

_PROBE = "Unhealthy"


class Trouble(NamedTuple):
    """A reason why a Pod is not ready: a word for it, and the original message."""

    kind: str
    message: str
    evidence: Evidence


def troubles_of(cluster: Cluster, pod: Pod) -> list[Trouble]:
    """The reasons why a Pod is not ready, the most significant first; never empty for a Pod that is not ready."""
    document = cluster.document("Pod", pod.namespace, pod.name) or {}
    ref = Ref("Pod", pod.namespace, pod.name)
    found = [*_unscheduled(cluster, ref, document), *_containers(cluster, ref, document), *_probes(cluster, ref)]
    found += [*_gates(cluster, ref, document), *_node(cluster, pod)]
    return found or [_unknown(cluster, ref, document)]


def why_not_ready(cluster: Cluster, pod: Pod) -> tuple[Evidence, ...]:
    """The evidence for a Pod's trouble."""
    return tuple(trouble.evidence for trouble in troubles_of(cluster, pod))


def _unscheduled(cluster: Cluster, ref: Ref, document: Doc) -> Iterator[Trouble]:
    for condition in rows(document, "status", "conditions"):
        if text(condition, "type") == "PodScheduled" and text(condition, "status") == "False":
            message = text(condition, "message") or text(condition, "reason")
            yield Trouble("unschedulable", message, cluster.field(ref, "condition PodScheduled", f"False: {message}"))


def _containers(cluster: Cluster, ref: Ref, document: Doc) -> Iterator[Trouble]:
    for list_ in ("initContainerStatuses", "containerStatuses"):
        for status in rows(document, "status", list_):
            yield from _container(cluster, ref, list_, status)


def _container(cluster: Cluster, ref: Ref, list_: str, status: Doc) -> Iterator[Trouble]:
    name, path = text(status, "name"), f".status.{list_}[{text(status, 'name')}]"
    waiting, last = at(status, "state", "waiting"), at(status, "lastState", "terminated")
    reason = text(waiting, "reason")
    if reason and reason not in ("ContainerCreating", "PodInitializing"):
        ended = Phrase("; it ended before with {ending}", ending=_ending(last)) if last else ""
        said_of_it = text(waiting, "message")
        why = f"{reason}: {said_of_it}" if said_of_it else reason
        message = Phrase("container {name}: {why}{ended}", name=name, why=why, ended=ended)
        yield Trouble(reason, message, cluster.field(ref, f"{path}.state.waiting.reason", reason))
    ended_now = at(status, "state", "terminated")
    if ended_now and (list_ == "containerStatuses" or number(ended_now, "exitCode")):
        yield Trouble(
            "terminated",
            Phrase("container {name} has ended with {ending}", name=name, ending=_ending(ended_now)),
            cluster.field(ref, f"{path}.state.terminated", _ending(ended_now)),
        )


def _ending(terminated: Doc) -> str:
    word = text(terminated, "reason") or "exit code"
    return f"{word} {number(terminated, 'exitCode')} {text(terminated, 'message')}".strip()


def _probes(cluster: Cluster, ref: Ref) -> Iterator[Trouble]:
    events = [e for e in cluster.events_of(ref) if text(e, "reason") == _PROBE and "Liveness" not in text(e, "message")]
    if events:
        message = " ".join(text(events[-1], "message").split()) or text(events[-1], "note")
        where = cluster.sources.get(Ref("Event", *_key(events[-1])), "")
        yield Trouble(
            "probe", message, Evidence(f"Event {_PROBE} of {ref}: {message}", where, EvidenceKind.OBSERVATION)
        )


def _key(event: Doc) -> tuple[str, str]:
    return text(event, "metadata", "namespace"), text(event, "metadata", "name")


def _gates(cluster: Cluster, ref: Ref, document: Doc) -> Iterator[Trouble]:
    true = {text(c, "type") for c in rows(document, "status", "conditions") if text(c, "status") == "True"}
    for gate in rows(document, "spec", "readinessGates"):
        kind = text(gate, "conditionType")
        if kind and kind not in true:
            message = Phrase("its readiness gate {kind} is not True", kind=kind)
            yield Trouble("gate", message, cluster.field(ref, f"condition {kind}", "not True"))


def _node(cluster: Cluster, pod: Pod) -> Iterator[Trouble]:
    node = cluster.snapshot.nodes.get(pod.spec.node_name)
    if node is not None and not node.is_ready and node.status.conditions:
        ref = Ref("Node", "", node.name)
        yield Trouble(
            "node",
            Phrase("its Node {node} is not Ready", node=node.name),
            cluster.field(ref, "condition Ready", "not True"),
        )


def _unknown(cluster: Cluster, ref: Ref, document: Doc) -> Trouble:
    for condition in rows(document, "status", "conditions"):
        if text(condition, "type") in ("Ready", "ContainersReady") and text(condition, "status") != "True":
            message = text(condition, "message") or text(condition, "reason") or Phrase("no reason given")
            return Trouble("unready", message, cluster.field(ref, "condition Ready", f"False: {message}"))
    return Trouble(
        "unready", Phrase("no condition Ready"), cluster.field(ref, ".status.phase", text(document, "status", "phase"))
    )
