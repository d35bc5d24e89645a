"""Properties of a Service, from its spec, which defaulting, allocation, clearing and validation share."""

from fairlead.model.document import Doc
from fairlead.model.objects import CLUSTER_IP_NONE

SINGLE_STACK = "SingleStack"
PREFER_DUAL_STACK = "PreferDualStack"
REQUIRE_DUAL_STACK = "RequireDualStack"


def is_external_name(spec: Doc) -> bool:
    """Whether it is an alias in DNS; all other types can have virtual IPs."""
    return spec.get("type") == "ExternalName"


def is_load_balancer(spec: Doc) -> bool:
    return spec.get("type") == "LoadBalancer"


def is_headless(spec: Doc) -> bool:
    """Whether the user asked for no virtual IP."""
    return bool(spec.get("clusterIPs") == [CLUSTER_IP_NONE])


def is_headless_without_selector(spec: Doc) -> bool:
    """The only case in which families can differ from the cluster's: users write the endpoints."""
    return spec.get("clusterIP") == CLUSTER_IP_NONE and not spec.get("selector")


def uses_node_ports(spec: Doc) -> bool:
    return spec.get("type") in {"NodePort", "LoadBalancer"}


def allocates_node_ports(spec: Doc) -> bool:
    """Whether a port without a node port gets one."""
    return spec.get("type") == "NodePort" or (
        is_load_balancer(spec) and spec.get("allocateLoadBalancerNodePorts", True)
    )


def needs_health_check(spec: Doc) -> bool:
    """Whether load balancers need a health check of each node for its own endpoints."""
    return is_load_balancer(spec) and spec.get("externalTrafficPolicy") == "Local"


def is_externally_accessible(spec: Doc) -> bool:
    """Whether traffic from outside the cluster can arrive, so that a policy for it has a meaning."""
    return uses_node_ports(spec) or (spec.get("type") == "ClusterIP" and bool(spec.get("externalIPs")))


def node_ports(spec: Doc) -> list[int]:
    """The node ports of all ports that have one; TCP and UDP may share a number."""
    return [port["nodePort"] for port in spec.get("ports") or () if port.get("nodePort")]


def name_of(service: Doc) -> str:
    """The Service's name for messages; empty if it is missing."""
    return str(service["metadata"].get("name", ""))


def same(new: Doc, old: Doc, *fields: str) -> bool:
    """Whether two specs are equal in some fields; an empty list equals a missing one."""
    return all((new.get(field) or None) == (old.get(field) or None) for field in fields)
