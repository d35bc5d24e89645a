"""Pods of a Service that are not ready, fail, or wait for each other."""

import re
from collections.abc import Iterator

from fairlead.explain.candidates import of_pod
from fairlead.explain.cluster import Ref
from fairlead.explain.doctor.findings import Finding, Fix
from fairlead.explain.doctor.ward import Ward, harmed, ref_of
from fairlead.explain.documents import text
from fairlead.explain.pod_state import Trouble, troubles_of
from fairlead.explain.references import references_of
from fairlead.model.objects import Pod, Service
from fairlead.model.phrases import Phrase

_PASSING = ("unready", "node")  # troubles that explain nothing by themselves, or that are reported for the Node


def check_readiness(ward: Ward, service: Service) -> Iterator[Finding]:
    """Pods that the selector matches and that are not ready, with the message of the probe or of the kubelet."""
    pods = [pod for pod in ward.pods_behind(service) if ward.is_running(pod)]
    unready = [pod for pod in pods if not pod.is_ready]
    if not ward.pods_behind(service):
        yield from _all_gone(ward, service)
    if not unready or service.spec.publish_not_ready_addresses:
        return
    if len(unready) < len(pods):
        yield from _failing(ward, service, unready)
        return
    told: set[str] = set()
    for pod in unready:
        trouble = troubles_of(ward.cluster, pod)[0]
        if trouble.kind != "node" and trouble.message not in told:
            told.add(trouble.message)
            yield _not_ready(ward, service, pod, trouble, "pods-not-ready")


def _all_gone(ward: Ward, service: Service) -> Iterator[Finding]:
    """Pods that the selector matches, all of which have ended or are terminating."""
    pods = ward.cluster.selected_pods(service.namespace, service.spec.selector or {})
    if service.is_external_name or ward.has_ready_endpoint(service):
        return
    for pod in pods[:1]:
        ref = Ref("Pod", pod.namespace, pod.name)
        document = ward.cluster.document(*ref) or {}
        reason = text(document, "status", "message") or text(document, "status", "reason")
        state = (
            Phrase("is on its way out")
            if pod.is_terminating
            else Phrase("has ended as {phase}", phase=pod.status.phase)
        )
        text_ = Phrase(
            "of {count} Pod{count:plural} behind Service {service} none can serve: {pod} {state}{reason}",
            count=len(pods),
            service=service.key,
            pod=pod.name,
            state=state,
            reason=f": {reason}" if reason else "",
        )
        evidence = (ward.cluster.field(ref, ".status.phase", pod.status.phase),)
        fix = Fix(f"kubectl -n {pod.namespace} describe pod {pod.name}")
        yield Finding("pods-not-ready", ref, text_, evidence, (fix,), harmed(service))


def _failing(ward: Ward, service: Service, unready: list[Pod]) -> Iterator[Finding]:
    """Other Pods serve: only permanent troubles are reported."""
    for pod in unready:
        trouble = troubles_of(ward.cluster, pod)[0]
        if trouble.kind not in _PASSING:
            yield _not_ready(ward, service, pod, trouble, "pods-failing")
            return


def _not_ready(ward: Ward, service: Service, pod: Pod, trouble: Trouble, code: str) -> Finding:
    ref = Ref("Pod", pod.namespace, pod.name)
    text_ = Phrase(
        "Pod {pod} behind Service {service} is not ready: {trouble}",
        pod=pod.name,
        service=service.key,
        trouble=trouble.message,
    )
    fixes = tuple(Fix(command.format(namespace=pod.namespace, pod=pod.name)) for command in _next_steps(trouble))
    return Finding(code, ref, text_, (trouble.evidence,), fixes, harmed(service))


def _next_steps(trouble: Trouble) -> tuple[str, ...]:
    if trouble.kind in ("CrashLoopBackOff", "terminated"):
        return ("kubectl -n {namespace} logs {pod} --previous",)
    if trouble.kind == "probe":
        return (
            "kubectl -n {namespace} get pod {pod} -o jsonpath='{{.spec.containers[*].readinessProbe}}'",
            "kubectl -n {namespace} logs {pod}",
        )
    return ("kubectl -n {namespace} describe pod {pod}",)


def check_peers(ward: Ward, service: Service) -> Iterator[Finding]:
    """Pods that refer to each other, are not ready, and are not published before: they wait indefinitely."""
    pods = [pod for pod in ward.pods_behind(service) if ward.is_running(pod)]
    if not service.is_headless or service.spec.publish_not_ready_addresses or any(p.is_ready for p in pods):
        return
    for pod in pods:
        peer = _peer_that(ward, service, pod)
        if peer:
            text_ = Phrase(
                "Pod {pod} needs {peer} to become ready, and Service {service} publishes only what is ready",
                pod=pod.name,
                peer=peer,
                service=service.key,
            )
            evidence = (ward.cluster.field(ref_of(service), ".spec.publishNotReadyAddresses", False),)
            fix = Fix(target=ref_of(service), patch={"spec": {"publishNotReadyAddresses": True}})
            yield Finding("peers-unpublished", ref_of(service), text_, evidence, (fix,), harmed(service))
            return


def _peer_that(ward: Ward, service: Service, pod: Pod) -> str | None:
    """The name of another Pod, or of the Service itself, that a Pod's own manifest uses."""
    peer = re.compile(rf"^([a-z0-9-]+\.)?{re.escape(service.name)}(\.{re.escape(service.namespace)}(\.svc.*)?)?$")
    for reference in references_of(ward.cluster, of_pod(ward.cluster, pod)):
        host = reference.host.rstrip(".")
        if peer.match(host) and host.partition(".")[0] != pod.name:
            return host
    return None


def check_nodes(ward: Ward) -> Iterator[Finding]:
    """Nodes that are not Ready and run Pods of Services."""
    for node in sorted(ward.cluster.snapshot.nodes.values(), key=lambda node: node.name):
        if node.is_ready or not node.status.conditions:
            continue
        found = [s for s in ward.services if any(p.spec.node_name == node.name for p in ward.pods_behind(s))]
        ref = Ref("Node", "", node.name)
        ready = next((c for c in node.status.conditions if c.type == "Ready"), None)
        words = (ready.message or ready.reason) if ready else ""
        text_ = Phrase("Node {node} is not Ready{why}", node=node.name, why=f": {words}" if words else "")
        evidence = (ward.cluster.field(ref, "condition Ready", ready.status if ready else "absent"),)
        yield Finding(
            "node-not-ready", ref, text_, evidence, (Fix(f"kubectl describe node {node.name}"),), harmed(*found)
        )
