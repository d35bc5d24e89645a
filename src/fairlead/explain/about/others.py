"""EndpointSlices, Nodes and StatefulSets."""

from collections.abc import Iterator

from fairlead.explain.about.answering import at
from fairlead.explain.about.endpoints import explain_slice
from fairlead.explain.cluster import Cluster, Ref
from fairlead.explain.documents import Doc, mapping, text
from fairlead.explain.proxying import Proxying, view_of
from fairlead.explain.statements import Statement, failed, said, unchecked
from fairlead.model.addresses import IPFamily
from fairlead.model.names import ObjectKey
from fairlead.model.objects import EndpointSlice, Node


def explain_endpoint_slice(cluster: Cluster, slice_: EndpointSlice) -> Statement:
    """A slice, its Service, and how its ports fit."""
    ref = Ref("EndpointSlice", slice_.namespace, slice_.name)
    key = slice_.service_key
    if key is None:
        text = "belongs to no Service: nobody reads it"
        owner = failed(text, cluster.field(ref, "label kubernetes.io/service-name", ""))
    elif not cluster.has_read("Service"):
        owner = cluster.missing(f"whether the Service {key} is there", "Service")
    elif key not in cluster.snapshot.services:
        owner = failed(f"there is no Service {key}", cluster.field(ref, "label kubernetes.io/service-name", key.name))
    else:
        owner = said(f"belongs to Service {key}", cluster.field(ref, "label kubernetes.io/service-name", key.name))
    return Statement(f"EndpointSlice {slice_.key}", (), (owner, explain_slice(cluster, slice_)))


def explain_node(cluster: Cluster, node: Node, proxying: Proxying) -> Statement:
    """A Node: its addresses, its Pods, and the node ports that answer there."""
    ref = Ref("Node", "", node.name)
    ready = said if node.is_ready else failed
    parts = [
        ready(f"is {'ready' if node.is_ready else 'not ready'}", cluster.field(ref, "condition Ready", node.is_ready)),
        said(
            f"has the addresses {', '.join(node.internal_ips)}",
            cluster.field(ref, ".status.addresses", node.internal_ips),
        ),
        _pods(cluster, node),
        _node_ports(cluster, node, proxying),
    ]
    return Statement(f"Node {node.name}", (), tuple(parts))


def _pods(cluster: Cluster, node: Node) -> Statement:
    if not cluster.has_read("Pod"):
        return cluster.missing("its Pods", "Pod")
    pods = [pod for pod in cluster.snapshot.pods.values() if pod.spec.node_name == node.name]
    return said(f"runs {len(pods)} Pods, {sum(pod.is_ready for pod in pods)} of them ready")


def _node_ports(cluster: Cluster, node: Node, proxying: Proxying) -> Statement:
    if not cluster.has_read("Service"):
        return cluster.missing("which node ports answer", "Service")
    views = [view_of(cluster, proxying, node.name, family) for family in IPFamily]
    ips = [ip for view in views for ip in (view.node_port_ips or view.node_ips)]
    parts = [
        said(f"{at(ip, port.node_port)}/{port.protocol}: Service {service.key}")
        for service in sorted(cluster.snapshot.services.values(), key=lambda s: s.key)
        for port in service.spec.ports
        if port.node_port
        for ip in ips
    ]
    return Statement(f"node ports: {len(parts)}", (), tuple(parts))


def explain_stateful_set(cluster: Cluster, key: ObjectKey, document: Doc) -> Statement:
    """A StatefulSet: its governing Service, and the name of each Pod."""
    ref = Ref("StatefulSet", *key)
    name = text(document, "spec", "serviceName")
    evidence = cluster.field(ref, ".spec.serviceName", name)
    service = cluster.snapshot.services.get(ObjectKey(key.namespace, name))
    if not cluster.has_read("Service"):
        governing = cluster.missing(f"whether the Service {name} is there", "Service")
    elif service is None:
        governing = failed(f"there is no Service {name or '(none named)'}: its Pods have no names", evidence)
    elif not service.is_headless:
        governing = failed(f"Service {name} is not headless: its Pods have no names of their own", evidence)
    else:
        governing = said(f"Service {name} governs it", evidence)
    return Statement(f"StatefulSet {key}", (), (governing, *_members(cluster, key, name, document)))


def _members(cluster: Cluster, key: ObjectKey, service: str, document: Doc) -> Iterator[Statement]:
    replicas = mapping(document, "spec").get("replicas", 1)
    for number in range(replicas if isinstance(replicas, int) else 0):
        pod = cluster.snapshot.pods.get(ObjectKey(key.namespace, f"{key.name}-{number}"))
        name = f"{key.name}-{number}.{service}.{key.namespace}.svc.{cluster.zone}"
        if not cluster.has_read("Pod"):
            yield unchecked(f"{name}: Pods were not read")
        elif pod is None:
            yield failed(f"{name}: its Pod is not there")
        else:
            yield said(f"{name}: {', '.join(pod.ips) or 'no address yet'}{'' if pod.is_ready else ', not ready'}")
