"""How a packet may be handled by the Service specification: the oracle against which rules are tested.

Written from the Service API reference, KEP-1669 (terminating endpoints), KEP-2086 (internal traffic policy), KEP-2433
and KEP-4444 (hints), KEP-1860 (ipMode) and the virtual IP reference; it reads objects and never rules, and shares no
code with the planner. NetworkPolicies are in ``policies``. It is written to be reviewed against the specification, rule
by rule, and not to be fast: for each packet it looks at every Service.
"""

import enum
from fnmatch import fnmatchcase
from ipaddress import ip_address, ip_network

import msgspec

from fairlead.model.objects import Endpoint, Service, ServicePort
from fairlead.model.snapshot import ClusterSnapshot
from fairlead.trace.packet import DROPPED, REJECTED, Outcome, Packet, PacketFate
from fairlead.trace.policies import ReceivedPacket, rulings


class Rules(enum.Enum):
    """The mode of kube-proxy, where modes differ on purpose."""

    NFT = "nft"
    IPTABLES = "iptables"


class Situation(msgspec.Struct, frozen=True):
    """The node that the packet meets, and how its proxy is configured.

    Attributes:
        addresses: all of the node's addresses. node_port_addresses: those that node ports answer on.
        pod_cidr: sources within it count as Pods. pod_interface: prefix of the names of the interfaces through which
            Pods' packets come in. Both "" if Pods cannot be recognised.
        service_cidr: the range of virtual IPs; "" if unknown.
        is_closed: whether the host's own firewall drops input that no earlier rule accepts.
        has_policies: whether the node enforces NetworkPolicies.
    """

    snapshot: ClusterSnapshot
    node: str
    zone: str | None
    addresses: frozenset[str]
    node_port_addresses: frozenset[str]
    pod_cidr: str = ""
    pod_interface: str = ""
    service_cidr: str = ""
    masquerade_all: bool = False
    is_closed: bool = False
    has_policies: bool = False
    rules: Rules = Rules.NFT


class Entry(enum.Enum):
    """The kind of address by which a packet came to a Service."""

    CLUSTER_IP = "cluster IP"
    EXTERNAL_IP = "external IP"
    LOAD_BALANCER = "load balancer IP"
    NODE_PORT = "node port"


def allowed(situation: Situation, packet: Packet) -> frozenset[Outcome]:
    """Every outcome that the specification allows for the packet."""
    forwarded = _forwarded(situation, packet)
    if not situation.has_policies:
        return forwarded
    return frozenset(outcome if _passes(situation, packet, outcome) else DROPPED for outcome in forwarded)


def _passes(situation: Situation, packet: Packet, outcome: Outcome) -> bool:
    """Whether policies allow a packet that this node forwards, as the receiver sees it: after translation."""
    is_own = outcome.destination in situation.addresses
    if outcome.fate is not PacketFate.ACCEPT or not packet.interface or is_own:
        return True
    asked = ReceivedPacket(outcome.port, packet.protocol.upper())
    said = rulings(situation.snapshot, situation.node, packet.source, outcome.destination, asked)
    return all(ruling.passes for ruling in said)


def _forwarded(situation: Situation, packet: Packet) -> frozenset[Outcome]:
    for service in sorted(situation.snapshot.services.values(), key=lambda s: s.key):
        for port in service.spec.ports:
            entry = _entry(situation, service, port, packet)
            if entry is not None:
                return _through(situation, service, port, entry, packet)
    return frozenset({_not_a_service(situation, packet)})


def _entry(situation: Situation, service: Service, port: ServicePort, packet: Packet) -> Entry | None:
    if _is_foreign(service) or port.protocol.lower() != packet.protocol:
        return None
    if port.port == packet.port:
        if packet.destination in service.cluster_ips:
            return Entry.CLUSTER_IP
        is_owned = any(packet.destination in other.cluster_ips for other in situation.snapshot.services.values())
        if packet.destination in service.spec.external_ips and not is_owned:
            return Entry.EXTERNAL_IP
        points = service.status.load_balancer.ingress
        if not is_owned and any(point.ip == packet.destination and point.ip_mode in (None, "VIP") for point in points):
            return Entry.LOAD_BALANCER
    if port.node_port == packet.port and packet.destination in situation.node_port_addresses:
        return Entry.NODE_PORT
    return None


def _is_foreign(service: Service) -> bool:
    labels = ("service.kubernetes.io/service-proxy-name", "service.kubernetes.io/headless")
    return service.is_headless or service.is_external_name or any(label in service.labels for label in labels)


def _not_a_service(situation: Situation, packet: Packet) -> Outcome:
    """Only nft mode knows virtual IPs apart from their ports."""
    untouched = Outcome(PacketFate.ACCEPT, packet.destination, packet.port)
    if situation.is_closed and packet.destination in situation.addresses and not _is_health_check(situation, packet):
        return DROPPED
    if situation.rules is Rules.IPTABLES:
        return untouched
    active = {ip for s in situation.snapshot.services.values() if not _is_foreign(s) for ip in s.cluster_ips}
    if packet.destination in active:
        return REJECTED
    cidr = situation.service_cidr
    return DROPPED if cidr and ip_address(packet.destination) in ip_network(cidr) else untouched


def _is_health_check(situation: Situation, packet: Packet) -> bool:
    """Only iptables mode opens the host for health checks of a Service's endpoints on this node."""
    asked = [
        service.spec.health_check_node_port
        for service in situation.snapshot.services.values()
        if service.spec.type == "LoadBalancer" and service.spec.external_traffic_policy == "Local"
    ]
    return situation.rules is Rules.IPTABLES and packet.protocol == "tcp" and packet.port in asked


def _through(
    situation: Situation, service: Service, port: ServicePort, entry: Entry, packet: Packet
) -> frozenset[Outcome]:
    endpoints = _endpoints(situation, service, port, packet)
    is_barred = entry is Entry.LOAD_BALANCER and not _is_admitted(situation, service, packet)
    # With iptables the ranges are checked only if there are endpoints.
    if is_barred and (situation.rules is Rules.NFT or _usable(endpoints)):
        return frozenset({DROPPED})
    if not _usable(endpoints):
        return frozenset({_no_endpoint(situation, entry, packet)})
    if entry is Entry.CLUSTER_IP:
        return _to_cluster_ip(situation, service, endpoints, packet)
    return _from_outside(situation, service, endpoints, packet)


def _no_endpoint(situation: Situation, entry: Entry, packet: Packet) -> Outcome:
    """iptables mode does not refuse packets from this host to an address that is not its own."""
    leaves = not packet.interface and packet.destination not in situation.addresses
    if situation.rules is Rules.IPTABLES and entry is not Entry.CLUSTER_IP and leaves:
        return Outcome(PacketFate.ACCEPT, packet.destination, packet.port)
    return REJECTED


def _is_admitted(situation: Situation, service: Service, packet: Packet) -> bool:
    ranges = [ip_network(text.strip(), strict=False) for text in service.spec.load_balancer_source_ranges]
    ranges = [network for network in ranges if network.version == ip_address(packet.source).version]
    if not ranges or any(ip_address(packet.source) in network for network in ranges):
        return True
    node_may = any(ip_address(a) in network for a in situation.addresses for network in ranges)
    return node_may and packet.source == packet.destination


class _Known(msgspec.Struct, frozen=True):
    """An endpoint and its port number for the requested port."""

    endpoint: Endpoint
    port: int

    @property
    def address(self) -> str:
        return self.endpoint.addresses[0]


def _endpoints(situation: Situation, service: Service, port: ServicePort, packet: Packet) -> list[_Known]:
    """All endpoints of the family, each address and port once: the last one that is not terminating, slices in order of
    name."""
    found: dict[tuple[str, int], _Known] = {}
    for slice_ in sorted(situation.snapshot.slices_of(service.key), key=lambda s: s.name):
        if slice_.address_type != packet.family:
            continue
        numbers = [
            p.port for p in slice_.ports or () if (p.name or "") == port.name and (p.protocol or "TCP") == port.protocol
        ]
        for known in (_Known(e, n) for n in numbers if n for e in slice_.endpoints or ()):
            other = found.get((known.address, known.port))
            if other is None or other.endpoint.is_terminating or not known.endpoint.is_terminating:
                found[known.address, known.port] = known
    return list(found.values())


def _usable(endpoints: list[_Known]) -> list[_Known]:
    ready = [k for k in endpoints if k.endpoint.is_ready]
    return ready or [k for k in endpoints if k.endpoint.is_serving and k.endpoint.is_terminating]


def _here(situation: Situation, endpoints: list[_Known]) -> list[_Known]:
    return [k for k in endpoints if k.endpoint.node_name == situation.node]


def _anywhere(situation: Situation, endpoints: list[_Known]) -> list[_Known]:
    """The cluster's endpoints, filtered by hints: all ready ones must have one, and some must be for this node."""
    found = _usable(endpoints)
    if not all(k.endpoint.is_ready for k in found):
        return found
    for_nodes = [[h.name for h in (k.endpoint.hints and k.endpoint.hints.for_nodes) or ()] for k in found]
    for_zones = [[h.name for h in (k.endpoint.hints and k.endpoint.hints.for_zones) or ()] for k in found]
    for mine, hints in ((situation.node, for_nodes), (situation.zone, for_zones)):
        if mine and all(hints) and any(mine in names for names in hints):
            return [k for k, names in zip(found, hints, strict=True) if mine in names]
    return found


def _to_cluster_ip(
    situation: Situation, service: Service, endpoints: list[_Known], packet: Packet
) -> frozenset[Outcome]:
    is_local = service.spec.internal_traffic_policy == "Local"
    reachable = _usable(_here(situation, endpoints)) if is_local else _anywhere(situation, endpoints)
    if not reachable:
        return frozenset({DROPPED})
    can_tell = bool(situation.pod_cidr or situation.pod_interface)
    hides = situation.masquerade_all or (can_tell and not _is_pod(situation, packet))
    return _outcomes_of(situation, service, reachable, packet, hides)


def _from_outside(
    situation: Situation, service: Service, endpoints: list[_Known], packet: Packet
) -> frozenset[Outcome]:
    if service.spec.external_traffic_policy != "Local":
        return _outcomes_of(situation, service, _anywhere(situation, endpoints), packet, hides=True)
    if _is_pod(situation, packet):
        return _outcomes_of(situation, service, _anywhere(situation, endpoints), packet, hides=False)
    if packet.source in situation.addresses or ip_address(packet.source).is_loopback:
        return _outcomes_of(situation, service, _anywhere(situation, endpoints), packet, hides=True)
    local = _usable(_here(situation, endpoints))
    return _outcomes_of(situation, service, local, packet, hides=False) if local else frozenset({DROPPED})


def _is_pod(situation: Situation, packet: Packet) -> bool:
    if situation.pod_interface:
        return packet.interface.startswith(situation.pod_interface)
    return bool(situation.pod_cidr) and ip_address(packet.source) in ip_network(situation.pod_cidr)


def _outcomes_of(
    situation: Situation, service: Service, reachable: list[_Known], packet: Packet, hides: bool
) -> frozenset[Outcome]:
    """Sent to any of the targets; an endpoint of this node that connects to itself must not see its own address."""
    targets = [k for k in reachable if _weighs_anything(service, k)] or reachable
    # iptables mode does so for endpoints elsewhere too, whose packets do not pass this node.
    own = targets if situation.rules is Rules.IPTABLES else _here(situation, targets)
    itself = {k.address for k in own if k.address == packet.source}
    return frozenset(Outcome(PacketFate.ACCEPT, k.address, k.port, hides or k.address in itself) for k in targets)


def _weighs_anything(service: Service, known: _Known) -> bool:
    """Whether an endpoint gets connections by ``fairlead.dev/endpoint-weights``, as docs/proxy.md describes."""
    reference = known.endpoint.target_ref
    name = reference.name if reference else known.address
    for pair in service.annotations.get("fairlead.dev/endpoint-weights", "*=1").split(","):
        pattern, _, weight = pair.strip().partition("=")
        if fnmatchcase(name, pattern):
            return weight.strip("0") != ""
    return True
