"""Which zone or node should consume an endpoint, as far as ``spec.trafficDistribution`` says (KEP-4444, KEP-3015).

Every ready endpoint is hinted to its own zone, with PreferSameNode to its own node too; there are no thresholds, since
the proxy falls back by itself when no hint names its zone. One ready endpoint without a zone leaves a gap that makes
proxies ignore all hints, which is what upstream does as well.
Upstream: ``staging/src/k8s.io/endpointslice/trafficdist/trafficdist.go``.
"""

from msgspec.structs import replace

from fairlead.model.objects import Endpoint, EndpointHints, Service, TopologyHint

SAME_NODE = "PreferSameNode"
SAME_ZONE = frozenset({"PreferClose", "PreferSameZone"})


def with_hints(service: Service, endpoint: Endpoint) -> Endpoint:
    """The endpoint with the hints that the Service's traffic distribution gives it."""
    wish = service.spec.traffic_distribution
    if not endpoint.is_ready or (wish != SAME_NODE and wish not in SAME_ZONE):
        return endpoint
    zones = _hint(endpoint.zone)
    nodes = _hint(endpoint.node_name) if wish == SAME_NODE else None
    return replace(endpoint, hints=EndpointHints(for_zones=zones, for_nodes=nodes)) if zones or nodes else endpoint


def _hint(name: str | None) -> tuple[TopologyHint, ...] | None:
    return (TopologyHint(name),) if name else None
