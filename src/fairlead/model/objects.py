"""Slim, frozen Kubernetes objects: only the fields that some part of Fairlead reads.

The API server keeps whole JSON documents; these types exist for the readers (DNS, proxy, controllers, explain), which
hold many thousands of them. Do not add a field before something reads it. Field meanings are those of the Kubernetes
API reference, v1 and discovery.k8s.io/v1.
"""

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from fairlead.model.addresses import canonical_ip
from fairlead.model.names import ObjectKey

SERVICE_NAME_LABEL = "kubernetes.io/service-name"
HEADLESS_LABEL = "service.kubernetes.io/headless"
PROXY_NAME_LABEL = "service.kubernetes.io/service-proxy-name"
MANAGED_BY_LABEL = "endpointslice.kubernetes.io/managed-by"
ZONE_LABEL = "topology.kubernetes.io/zone"
TRIGGER_TIME_ANNOTATION = "endpoints.kubernetes.io/last-change-trigger-time"

NODE_LEASES = "kube-node-lease"

CLUSTER_IP_NONE = "None"

_EMPTY: Mapping[str, str] = {}


class Slim(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True, gc=False):
    """Base of all slim objects: immutable, camelCase on the wire, unknown fields ignored."""


class OwnerReference(Slim, frozen=True):
    """Who an object belongs to; ``controller`` marks the one that manages it."""

    kind: str
    name: str
    uid: str
    api_version: str = ""
    controller: bool = False
    block_owner_deletion: bool = False


class Metadata(Slim, frozen=True):
    """The part of ObjectMeta that readers use; times are RFC 3339 text."""

    name: str
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    creation_timestamp: str | None = None
    deletion_timestamp: str | None = None
    deletion_grace_period_seconds: int | None = None
    labels: Mapping[str, str] | None = None
    annotations: Mapping[str, str] | None = None
    owner_references: tuple[OwnerReference, ...] | None = None
    finalizers: tuple[str, ...] | None = None


class KubeObject(Slim, frozen=True):
    """What every slim object has: metadata, and shorthands for the parts of it that are read all the time."""

    metadata: Metadata

    @property
    def key(self) -> ObjectKey:
        return ObjectKey(self.metadata.namespace, self.metadata.name)

    @property
    def name(self) -> str:
        return self.metadata.name

    @property
    def namespace(self) -> str:
        return self.metadata.namespace

    @property
    def version(self) -> int:
        """The resourceVersion as the number that it is (KEP-5504); 0 where there is none."""
        text = self.metadata.resource_version
        return int(text) if text.isdecimal() else 0

    @property
    def labels(self) -> Mapping[str, str]:
        return self.metadata.labels or _EMPTY

    @property
    def annotations(self) -> Mapping[str, str]:
        return self.metadata.annotations or _EMPTY

    @property
    def controller(self) -> OwnerReference | None:
        """The one owner that manages this object, or None."""
        return next((owner for owner in self.metadata.owner_references or () if owner.controller), None)

    @property
    def is_terminating(self) -> bool:
        return self.metadata.deletion_timestamp is not None


T = TypeVar("T", bound=KubeObject)


def latest(old: T | None, new: T | None) -> T:
    """What a change (old None: added, new None: deleted) is about, in its latest form."""
    object_ = new or old
    assert object_ is not None
    return object_


class Namespace(KubeObject, frozen=True):
    """A Namespace; its existence alone matters to DNS."""


class ServicePort(Slim, frozen=True):
    """One port of a Service. ``target_port`` is a number or the name of a container port."""

    port: int
    name: str = ""
    protocol: str = "TCP"
    target_port: int | str | None = None
    node_port: int = 0
    app_protocol: str | None = None


class ClientIPConfig(Slim, frozen=True):
    """Session affinity time-out, in seconds."""

    timeout_seconds: int = 10800


class SessionAffinityConfig(Slim, frozen=True):
    """Configuration of the ClientIP session affinity."""

    client_ip: ClientIPConfig | None = msgspec.field(default=None, name="clientIP")


class ServiceSpec(Slim, frozen=True):
    """Wanted state of a Service, after the API server's defaulting and allocation."""

    type: str = "ClusterIP"
    cluster_ip: str = msgspec.field(default="", name="clusterIP")
    cluster_ips: tuple[str, ...] = msgspec.field(default=(), name="clusterIPs")
    ip_families: tuple[str, ...] = ()
    ports: tuple[ServicePort, ...] = ()
    selector: Mapping[str, str] | None = None
    external_name: str = ""
    external_ips: tuple[str, ...] = msgspec.field(default=(), name="externalIPs")
    session_affinity: str = "None"
    session_affinity_config: SessionAffinityConfig | None = None
    external_traffic_policy: str | None = None
    internal_traffic_policy: str | None = None
    traffic_distribution: str | None = None
    health_check_node_port: int = 0
    publish_not_ready_addresses: bool = False
    load_balancer_class: str | None = None
    load_balancer_ip: str = msgspec.field(default="", name="loadBalancerIP")
    load_balancer_source_ranges: tuple[str, ...] = ()


class IngressPoint(Slim, frozen=True):
    """One address at which a load balancer answers; ``ip_mode`` None means VIP."""

    ip: str = ""
    hostname: str = ""
    ip_mode: str | None = None


class LoadBalancerStatus(Slim, frozen=True):
    """Where the load balancer of a Service answers."""

    ingress: tuple[IngressPoint, ...] = ()


class ServiceStatus(Slim, frozen=True):
    """Observed state of a Service."""

    load_balancer: LoadBalancerStatus = LoadBalancerStatus()


class Service(KubeObject, frozen=True):
    """A Service of any type."""

    spec: ServiceSpec = ServiceSpec()
    status: ServiceStatus = ServiceStatus()

    @property
    def cluster_ips(self) -> tuple[str, ...]:
        """The virtual IPs, without the "None" of a headless Service; ``clusterIP`` stands in on old objects."""
        ips = self.spec.cluster_ips or ((self.spec.cluster_ip,) if self.spec.cluster_ip else ())
        return tuple(ip for ip in ips if ip != CLUSTER_IP_NONE)

    @property
    def outside_ips(self) -> tuple[str, ...]:
        """The addresses that it wants to be reached at beside its own: external IPs, and its load balancers' IPs."""
        points = self.status.load_balancer.ingress
        if not points and not self.spec.external_ips:
            return ()
        texts = (*self.spec.external_ips, *(point.ip for point in points if point.ip))
        return tuple(dict.fromkeys(ip for text in texts if (ip := canonical_ip(text))))

    @property
    def is_headless(self) -> bool:
        return self.spec.type == "ClusterIP" and self.spec.cluster_ip == CLUSTER_IP_NONE

    @property
    def is_external_name(self) -> bool:
        return self.spec.type == "ExternalName"


class EndpointConditions(Slim, frozen=True):
    """Three-valued conditions. Absent means: ready true, serving as ready, terminating false (KEP-1672)."""

    ready: bool | None = None
    serving: bool | None = None
    terminating: bool | None = None


class ObjectReference(Slim, frozen=True):
    """A reference to another object, as in ``Endpoint.targetRef``."""

    kind: str = ""
    namespace: str = ""
    name: str = ""
    uid: str = ""


class TopologyHint(Slim, frozen=True):
    """A zone or node that should consume an endpoint."""

    name: str


class EndpointHints(Slim, frozen=True):
    """Where an endpoint should be consumed from."""

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
        """The Service that this slice belongs to, told by its label alone; None when unlabelled."""
        name = self.labels.get(SERVICE_NAME_LABEL)
        return ObjectKey(self.namespace, name) if name else None


class PodIP(Slim, frozen=True):
    """One address of a Pod."""

    ip: str


class Condition(Slim, frozen=True):
    """A status condition; ``status`` is "True", "False" or "Unknown"."""

    type: str
    status: str
    reason: str = ""
    message: str = ""
    last_transition_time: str | None = None
    last_heartbeat_time: str | None = None


class ContainerPort(Slim, frozen=True):
    """A named or numbered port of a container, and the port of its node that leads to it."""

    container_port: int
    name: str = ""
    protocol: str = "TCP"
    host_port: int = 0
    host_ip: str = msgspec.field(default="", name="hostIP")


class Container(Slim, frozen=True):
    """A container as Service semantics see it: its ports. ``restart_policy`` Always makes an init one a sidecar."""

    name: str
    ports: tuple[ContainerPort, ...] | None = None
    restart_policy: str | None = None


class Toleration(Slim, frozen=True):
    """Which taints a Pod bears; an empty ``key`` or ``effect`` stands for all of them."""

    key: str = ""
    operator: str = "Equal"
    value: str = ""
    effect: str = ""
    toleration_seconds: int | None = None


_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"


class SelectorTerm(Slim, frozen=True):
    """One expression over labels; ``operator`` is In, NotIn, Exists, DoesNotExist, or for Nodes also Gt or Lt."""

    key: str = ""
    operator: str = ""
    values: tuple[str, ...] | None = None


class LabelSelector(Slim, frozen=True):
    """A selector as workloads and affinities write it: all pairs and all expressions must hold."""

    match_labels: Mapping[str, str] | None = None
    match_expressions: tuple[SelectorTerm, ...] | None = None


class NodeSelectorTerm(Slim, frozen=True):
    """Expressions over a Node's labels and over its field ``metadata.name``, all of which must hold."""

    match_expressions: tuple[SelectorTerm, ...] | None = None
    match_fields: tuple[SelectorTerm, ...] | None = None


class NodeSelector(Slim, frozen=True):
    """Terms, one of which must hold."""

    node_selector_terms: tuple[NodeSelectorTerm, ...] = ()


class NodeAffinity(Slim, frozen=True):
    """Which Nodes a Pod must be on."""

    required: NodeSelector | None = msgspec.field(default=None, name=_REQUIRED)


class PodAffinityTerm(Slim, frozen=True):
    """Other Pods, told by labels, and the label of Nodes that says what it means to be in the same place."""

    topology_key: str
    label_selector: LabelSelector | None = None
    namespaces: tuple[str, ...] | None = None


class PodAntiAffinity(Slim, frozen=True):
    """Which other Pods a Pod must not share a place with."""

    required: tuple[PodAffinityTerm, ...] | None = msgspec.field(default=None, name=_REQUIRED)


class Affinity(Slim, frozen=True):
    """Where a Pod must and must not be."""

    node_affinity: NodeAffinity | None = None
    pod_anti_affinity: PodAntiAffinity | None = None


class ClaimSource(Slim, frozen=True):
    """The claim whose volume a Pod uses."""

    claim_name: str = ""


class PodVolume(Slim, frozen=True):
    """A volume of a Pod; claims are all that anybody but its node asks for."""

    persistent_volume_claim: ClaimSource | None = None


class TopologySpreadConstraint(Slim, frozen=True):
    """How Pods are spread over the values of a label of Nodes; ``when_unsatisfiable`` is DoNotSchedule or
    ScheduleAnyway."""

    max_skew: int = 1
    topology_key: str = ""
    when_unsatisfiable: str = ""
    label_selector: LabelSelector | None = None
    match_label_keys: tuple[str, ...] | None = None
    min_domains: int = 1
    node_affinity_policy: str = "Honor"
    node_taints_policy: str = "Ignore"


class PodSpec(Slim, frozen=True):
    """Wanted state of a Pod."""

    node_name: str = ""
    scheduler_name: str = ""
    scheduling_gates: tuple[Mapping[str, str], ...] | None = None
    hostname: str = ""
    subdomain: str = ""
    host_network: bool = False
    dns_policy: str = "ClusterFirst"
    dns_config: Mapping[str, Any] | None = None  # that there is one is all that anybody reads
    node_selector: Mapping[str, str] | None = None
    tolerations: tuple[Toleration, ...] | None = None
    affinity: Affinity | None = None
    topology_spread_constraints: tuple[TopologySpreadConstraint, ...] | None = None
    containers: tuple[Container, ...] = ()
    init_containers: tuple[Container, ...] | None = None
    volumes: tuple[PodVolume, ...] | None = None


class Terminated(Slim, frozen=True):
    """How a container ended."""

    exit_code: int = 0


class WaitingState(Slim, frozen=True):
    """Why a container does not run yet, or not again yet."""

    reason: str = ""
    message: str = ""


class ContainerState(Slim, frozen=True):
    """What a container does; it runs if it neither waits nor has ended."""

    waiting: WaitingState | None = None
    terminated: Terminated | None = None


class ContainerStatus(Slim, frozen=True):
    """Observed state of a container."""

    name: str = ""
    state: ContainerState = ContainerState()


class PodStatus(Slim, frozen=True):
    """Observed state of a Pod."""

    phase: str = "Pending"
    pod_ip: str = msgspec.field(default="", name="podIP")
    pod_ips: tuple[PodIP, ...] = msgspec.field(default=(), name="podIPs")
    conditions: tuple[Condition, ...] | None = None
    container_statuses: tuple[ContainerStatus, ...] | None = None
    init_container_statuses: tuple[ContainerStatus, ...] | None = None


class Pod(KubeObject, frozen=True):
    """A Pod."""

    spec: PodSpec = PodSpec()
    status: PodStatus = PodStatus()

    @property
    def ips(self) -> tuple[str, ...]:
        """All addresses of the Pod; ``podIP`` stands in where ``podIPs`` is absent."""
        return tuple(p.ip for p in self.status.pod_ips) or ((self.status.pod_ip,) if self.status.pod_ip else ())

    @property
    def is_ready(self) -> bool:
        return has_true_condition(self.status.conditions, "Ready")

    @property
    def is_finished(self) -> bool:
        return self.status.phase in ("Succeeded", "Failed")


class NodeAddress(Slim, frozen=True):
    """One address of a Node; ``type`` is InternalIP, ExternalIP or Hostname."""

    type: str
    address: str


class Taint(Slim, frozen=True):
    """A taint; ``effect`` is NoSchedule, PreferNoSchedule or NoExecute."""

    key: str
    effect: str
    value: str = ""
    time_added: str | None = None


class NodeSpec(Slim, frozen=True):
    """Wanted state of a Node."""

    pod_cidr: str = msgspec.field(default="", name="podCIDR")
    pod_cidrs: tuple[str, ...] = msgspec.field(default=(), name="podCIDRs")
    unschedulable: bool = False
    taints: tuple[Taint, ...] | None = None


class NodeStatus(Slim, frozen=True):
    """Observed state of a Node."""

    addresses: tuple[NodeAddress, ...] | None = None
    conditions: tuple[Condition, ...] | None = None
    allocatable: Mapping[str, str] | None = None


class Node(KubeObject, frozen=True):
    """A Node."""

    spec: NodeSpec = NodeSpec()
    status: NodeStatus = NodeStatus()

    @property
    def zone(self) -> str | None:
        return self.labels.get(ZONE_LABEL)

    @property
    def internal_ips(self) -> tuple[str, ...]:
        return tuple(a.address for a in self.status.addresses or () if a.type == "InternalIP")

    @property
    def is_ready(self) -> bool:
        return has_true_condition(self.status.conditions, "Ready")


class LeaseSpec(Slim, frozen=True):
    """Who holds something, since when, and how often it changed hands; times are RFC 3339 text with microseconds."""

    holder_identity: str | None = None
    lease_duration_seconds: int | None = None
    acquire_time: str | None = None
    renew_time: str | None = None
    lease_transitions: int | None = None


class Lease(KubeObject, frozen=True):
    """A Lease; one in the namespace ``NODE_LEASES`` is a sign of life of the Node of its name (KEP-589)."""

    spec: LeaseSpec = LeaseSpec()


def has_true_condition(conditions: tuple[Condition, ...] | None, type_: str) -> bool:
    """Whether a condition of this type is there and its status is "True"."""
    return any(c.type == type_ and c.status == "True" for c in conditions or ())


Object = Namespace | Service | EndpointSlice | Pod | Node
