"""EndpointSlices and their endpoints."""

from fairlead.model.names import ObjectKey
from fairlead.model.objects.metadata import KubeObject, ObjectReference, Slim

SERVICE_NAME_LABEL = "kubernetes.io/service-name"
MANAGED_BY_LABEL = "endpointslice.kubernetes.io/managed-by"
TRIGGER_TIME_ANNOTATION = "endpoints.kubernetes.io/last-change-trigger-time"


class EndpointConditions(Slim, frozen=True):
    """Three-valued conditions. Absent means: ready true, serving as ready, terminating false (KEP-1672)."""

    ready: bool | None = None
    serving: bool | None = None
    terminating: bool | None = None


class TopologyHint(Slim, frozen=True):
    """A zone or node that should consume an endpoint."""

    name: str


class EndpointHints(Slim, frozen=True):
    """The zones and Nodes that should use an endpoint."""

    for_zones: tuple[TopologyHint, ...] | None = None
    for_nodes: tuple[TopologyHint, ...] | None = None


class Endpoint(Slim, frozen=True):
    """One endpoint; consumers use ``addresses[0]`` alone (upstream's EndpointSlice documentation)."""

    addresses: tuple[str, ...]
    conditions: EndpointConditions = EndpointConditions()
    hostname: str | None = None
    target_ref: ObjectReference | None = None
    node_name: str | None = None
    zone: str | None = None
    hints: EndpointHints | None = None

    @property
    def is_ready(self) -> bool:
        return self.conditions.ready is not False

    @property
    def is_serving(self) -> bool:
        return self.is_ready if self.conditions.serving is None else self.conditions.serving

    @property
    def is_terminating(self) -> bool:
        return self.conditions.terminating is True


class EndpointPort(Slim, frozen=True):
    """One port of all endpoints in a slice; ``port`` None means "all ports"."""

    name: str | None = None
    protocol: str | None = None
    port: int | None = None
    app_protocol: str | None = None


class EndpointSlice(KubeObject, frozen=True):
    """A discovery.k8s.io/v1 EndpointSlice; null lists of the real API are read as empty."""

    address_type: str = "IPv4"
    endpoints: tuple[Endpoint, ...] | None = None
    ports: tuple[EndpointPort, ...] | None = None

    @property
    def service_key(self) -> ObjectKey | None:
        """The Service that this slice belongs to, by its label; None without the label."""
        name = self.labels.get(SERVICE_NAME_LABEL)
        return ObjectKey(self.namespace, name) if name else None
