"""A Service: its type, its layers, where it answers, its names, its endpoints, its rules."""

from fairlead.explain.about.answering import explain_answering
from fairlead.explain.about.endpoints import explain_endpoints
from fairlead.explain.about.names import explain_names
from fairlead.explain.about.rules import explain_rules
from fairlead.explain.cluster import Cluster, Ref
from fairlead.explain.proxying import Proxying
from fairlead.explain.statements import Statement, said
from fairlead.model.objects import Service
from fairlead.model.phrases import Phrase

ANY_NODE = "any node without endpoints"
_STACKS = {
    "ClusterIP": ("a virtual IP inside the cluster",),
    "NodePort": ("a virtual IP inside the cluster", "a port of every node, which leads to the same endpoints"),
    "LoadBalancer": (
        "a virtual IP inside the cluster",
        "a port of every node, which leads to the same endpoints",
        "an address outside, from which a load balancer leads to the nodes",
    ),
    "ExternalName": ("an alias in DNS: no address, no port, no proxy",),
}


def explain_service(cluster: Cluster, service: Service, proxying: Proxying) -> Statement:
    """Everything about one Service."""
    parts = [
        _type(cluster, service),
        explain_answering(cluster, service, proxying),
        explain_names(cluster, service),
        explain_endpoints(cluster, service),
    ]
    if not service.is_external_name and not service.is_headless:
        parts.append(explain_rules(cluster, service, proxying, _node(cluster)))
    parts.append(_changes(service))
    return Statement(Phrase("Service {service}: {kind}", service=service.key, kind=kind_of(service)), (), tuple(parts))


def kind_of(service: Service) -> str:
    """The type for a reader."""
    kind = Phrase("headless") if service.is_headless else service.spec.type
    has_all = bool(service.spec.selector) or service.is_external_name
    return kind if has_all else Phrase("{kind}, without selector", kind=kind)


def _node(cluster: Cluster) -> str:
    return min(cluster.snapshot.nodes, default=ANY_NODE)


def _type(cluster: Cluster, service: Service) -> Statement:
    ref = Ref("Service", service.namespace, service.name)
    if service.is_headless:
        text = "is headless: names of its endpoints, and no virtual IP over them"
        return said(text, cluster.field(ref, ".spec.clusterIP", "None"))
    layers = _STACKS.get(service.spec.type, ())
    because = cluster.field(ref, ".spec.type", service.spec.type)
    return said(
        Phrase("type {type} stacks {count} layer{count:plural}", type=service.spec.type, count=len(layers)),
        because,
        parts=map(said, layers),
    )


def _changes(service: Service) -> Statement:
    """What a user could change to get another behaviour."""
    found = []
    if service.spec.selector:
        found.append("labels of Pods, and their readiness: they decide who is an endpoint")
    if service.is_headless:
        found.append("without clusterIP: None (a new Service) the nodes would balance")
    if service.spec.type in ("NodePort", "LoadBalancer"):
        found.append("externalTrafficPolicy: Local keeps the client's address, and answers only where endpoints are")
    if not service.spec.publish_not_ready_addresses and service.spec.selector:
        found.append("publishNotReadyAddresses: true publishes Pods that are not ready as well")
    return said("what would change it", parts=map(said, found))
