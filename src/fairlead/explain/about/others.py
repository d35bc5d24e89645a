"""EndpointSlices, Nodes and StatefulSets."""

from collections.abc import Iterator

from fairlead.explain.about.answering import at
from fairlead.explain.about.endpoints import explain_slice
from fairlead.explain.cluster import Cluster, Ref
from fairlead.explain.documents import mapping, text
from fairlead.explain.proxying import Proxying, view_of
from fairlead.explain.statements import Statement, failed, said, unchecked
from fairlead.model.addresses import IPFamily
from fairlead.model.document import Doc
from fairlead.model.names import ObjectKey
from fairlead.model.objects import EndpointSlice, Node
from fairlead.model.phrases import Phrase


def explain_endpoint_slice(cluster: Cluster, slice_: EndpointSlice) -> Statement:
    """A slice, its Service, and how its ports fit."""
    ref = Ref("EndpointSlice", slice_.namespace, slice_.name)
    key = slice_.service_key
    if key is None:
        text = "belongs to no Service: nobody reads it"
        owner = failed(text, cluster.field(ref, "label kubernetes.io/service-name", ""))
    elif not cluster.has_read("Service"):
        owner = cluster.missing(Phrase("whether the Service {key} is there", key=key), "Service")
    elif key not in cluster.snapshot.services:
        owner = failed(
            Phrase("there is no Service {key}", key=key),
            cluster.field(ref, "label kubernetes.io/service-name", key.name),
        )
    else:
        owner = said(
            Phrase("belongs to Service {key}", key=key),
            cluster.field(ref, "label kubernetes.io/service-name", key.name),
        )
    return Statement(Phrase("EndpointSlice {slice}", slice=slice_.key), (), (owner, explain_slice(cluster, slice_)))


def explain_node(cluster: Cluster, node: Node, proxying: Proxying) -> Statement:
    """A Node: its addresses, its Pods, and the node ports that answer there."""
    ref = Ref("Node", "", node.name)
    ready = said if node.is_ready else failed
    parts = [
        ready(
            Phrase("is {state}", state=Phrase("ready") if node.is_ready else Phrase("not ready")),
            cluster.field(ref, "condition Ready", node.is_ready),
        ),
        said(
            Phrase("has the addresses {addresses}", addresses=node.internal_ips),
            cluster.field(ref, ".status.addresses", node.internal_ips),
        ),
        _pods(cluster, node),
        _node_ports(cluster, node, proxying),
    ]
    return Statement(Phrase("Node {node}", node=node.name), (), tuple(parts))


def _pods(cluster: Cluster, node: Node) -> Statement:
    if not cluster.has_read("Pod"):
        return cluster.missing("its Pods", "Pod")
    pods = [pod for pod in cluster.snapshot.pods.values() if pod.spec.node_name == node.name]
    return said(
        Phrase(
            "runs {count} Pod{count:plural}, {ready} of them ready",
            count=len(pods),
            ready=sum(pod.is_ready for pod in pods),
        )
    )


def _node_ports(cluster: Cluster, node: Node, proxying: Proxying) -> Statement:
    if not cluster.has_read("Service"):
        return cluster.missing("which node ports answer", "Service")
    views = [view_of(cluster, proxying, node.name, family) for family in IPFamily]
    ips = [ip for view in views for ip in (view.node_port_ips or view.node_ips)]
    parts = [
        said(
            Phrase(
                "{point}/{protocol}: Service {service}",
                point=at(ip, port.node_port),
                protocol=port.protocol,
                service=service.key,
            )
        )
        for service in sorted(cluster.snapshot.services.values(), key=lambda s: s.key)
        for port in service.spec.ports
        if port.node_port
        for ip in ips
    ]
    return Statement(Phrase("node ports: {count}", count=len(parts)), (), tuple(parts))


def explain_stateful_set(cluster: Cluster, key: ObjectKey, document: Doc) -> Statement:
    """A StatefulSet: its governing Service, and the name of each Pod."""
    ref = Ref("StatefulSet", *key)
    name = text(document, "spec", "serviceName")
    evidence = cluster.field(ref, ".spec.serviceName", name)
    service = cluster.snapshot.services.get(ObjectKey(key.namespace, name))
    if not cluster.has_read("Service"):
        governing = cluster.missing(Phrase("whether the Service {name} is there", name=name), "Service")
    elif service is None:
        governing = failed(
            Phrase("there is no Service {name}: its Pods have no names", name=name or Phrase("(none named)")), evidence
        )
    elif not service.is_headless:
        governing = failed(
            Phrase("Service {name} is not headless: its Pods have no names of their own", name=name), evidence
        )
    else:
        governing = said(Phrase("Service {name} governs it", name=name), evidence)
    return Statement(Phrase("StatefulSet {key}", key=key), (), (governing, *_members(cluster, key, name, document)))


def _members(cluster: Cluster, key: ObjectKey, service: str, document: Doc) -> Iterator[Statement]:
    replicas = mapping(document, "spec").get("replicas", 1)
    for number in range(replicas if isinstance(replicas, int) else 0):
        pod = cluster.snapshot.pods.get(ObjectKey(key.namespace, f"{key.name}-{number}"))
        name = f"{key.name}-{number}.{service}.{key.namespace}.svc.{cluster.zone}"
        if not cluster.has_read("Pod"):
            yield unchecked(Phrase("{name}: Pods were not read", name=name))
        elif pod is None:
            yield failed(Phrase("{name}: its Pod is not there", name=name))
        else:
            ips, state = pod.ips or Phrase("no address yet"), "" if pod.is_ready else Phrase(", not ready")
            yield said(Phrase("{name}: {ips}{state}", name=name, ips=ips, state=state))
