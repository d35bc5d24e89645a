"""Defaults of a Service. Upstream: pkg/apis/core/v1/defaults.go, ``SetDefaults_Service``.

Values that depend on the cluster (families, addresses, node ports) are not defaulted but allocated.
"""

from fairlead.model.document import Doc
from fairlead.registry.kinds.core.service.facts import is_external_name, is_externally_accessible, is_load_balancer

AFFINITY_TIMEOUT = 10800  # seconds; three hours

# Fields whose zero value means absent in the Go types; the others are pointers, for which "" is a value.
_EMPTY_IS_ABSENT = (
    "clusterIP",
    "clusterIPs",
    "externalIPs",
    "externalName",
    "externalTrafficPolicy",
    "healthCheckNodePort",
    "ipFamilies",
    "loadBalancerIP",
    "loadBalancerSourceRanges",
    "ports",
    "publishNotReadyAddresses",
    "selector",
    "sessionAffinity",
    "type",
)
_EMPTY_PORT_IS_ABSENT = ("name", "nodePort", "protocol", "targetPort")


def default(service: Doc) -> None:
    """Fill in missing fields."""
    spec = service.setdefault("spec", {})
    _drop_empty(spec, _EMPTY_IS_ABSENT)
    spec.setdefault("type", "ClusterIP")
    _default_affinity(spec)
    for port in spec.get("ports", ()):
        _drop_empty(port, _EMPTY_PORT_IS_ABSENT)
        port.setdefault("protocol", "TCP")
        port.setdefault("targetPort", port.setdefault("port", 0))
        if is_external_name(spec):
            # Upstream keeps such a number without allocating it, and can then release another Service's port.
            port.pop("nodePort", None)
    if is_externally_accessible(spec):
        spec.setdefault("externalTrafficPolicy", "Cluster")
    if not is_external_name(spec):
        spec.setdefault("internalTrafficPolicy", "Cluster")
    if is_load_balancer(spec):
        spec.setdefault("allocateLoadBalancerNodePorts", True)
        _default_ingress(service)


def on_read(service: Doc) -> None:
    """An alias has no traffic of its own, so it has no policy for it."""
    if is_external_name(service["spec"]):
        service["spec"].pop("internalTrafficPolicy", None)


def _drop_empty(document: Doc, fields: tuple[str, ...]) -> None:
    for field in fields:
        if field in document and not document[field]:
            del document[field]


def _default_affinity(spec: Doc) -> None:
    affinity = spec.setdefault("sessionAffinity", "None")
    if affinity == "None":
        spec.pop("sessionAffinityConfig", None)
    if affinity == "ClientIP" and _timeout(spec) is None:
        spec["sessionAffinityConfig"] = {"clientIP": {"timeoutSeconds": AFFINITY_TIMEOUT}}


def _timeout(spec: Doc) -> int | None:
    timeout: int | None = (spec.get("sessionAffinityConfig", {}).get("clientIP") or {}).get("timeoutSeconds")
    return timeout


def _default_ingress(service: Doc) -> None:
    for point in service.get("status", {}).get("loadBalancer", {}).get("ingress") or ():
        if point.get("ip"):
            point.setdefault("ipMode", "VIP")
