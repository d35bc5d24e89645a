"""Connections and what must become of them: one table for the evaluator, the oracle and the kernel.

The cast: POD on this node, NODE with a second address NODE2, OTHER_NODE with an OTHER_POD, somebody OUTSIDE, and
BLOCKED, who is outside too but in no source range; endpoints .1 to .4 on this node and .5 to .7 on the other.

The table is written in IPv4; ``in_ipv6`` gives the same connection among the twins of its addresses.
"""

import re
from dataclasses import dataclass, field, replace
from ipaddress import ip_address, ip_network

import msgspec

from fairlead.dataplane.node_view import DetectLocal, NodeSettings, view_node
from fairlead.model.addresses import IPFamily, family_of
from fairlead.model.network_policies import NetworkPolicy
from fairlead.model.objects import EndpointSlice, Namespace, Pod, Service
from fairlead.trace.contract import Rules, Situation
from fairlead.trace.packet import DROPPED, REJECTED, Outcome, Packet, PacketFate
from tests.support.proxy_objects import endpoint, endpoint_slice, node, service, snapshot

POD = "10.180.0.9"
NODE, NODE2 = "192.168.0.2", "192.168.1.2"
OTHER_NODE, OTHER_POD = "192.168.0.3", "10.180.1.9"
OUTSIDE, BLOCKED = "203.0.113.2", "203.0.113.130"
CLUSTER_IP, OTHER_CLUSTER_IP, UNALLOCATED = "172.30.0.41", "172.30.0.42", "172.30.0.50"
EXTERNAL_IP, LB, LB2 = "192.168.99.11", "1.2.3.4", "5.6.7.8"
NODE_PORT, HEALTH_PORT = 3001, 30000
POD_LINK = "pod0"  # the node's end of POD's link
POD_CIDR, SERVICE_CIDR = "10.0.0.0/8", "172.30.0.0/16"
OTHER_FAMILY = {"IPv4": "2001:db8::/32", "IPv6": "198.18.0.0/15"}  # networks that nobody here is in


def here(number, state="ready", **fields):
    return endpoint(f"10.180.0.{number}", "here", state=state, **fields)


def there(number, state="ready", **fields):
    return endpoint(f"10.180.0.{number}", "there", state=state, **fields)


@dataclass(frozen=True)
class World:
    """A cluster, the settings of this node's proxy, and what this node is; its first address is the primary one."""

    services: tuple[Service, ...]
    slices: tuple[EndpointSlice, ...] = ()
    zone: str | None = None
    settings: NodeSettings = field(
        default_factory=lambda: NodeSettings(cluster_cidrs=(POD_CIDR,), service_cidrs=(SERVICE_CIDR,))
    )
    own_addresses: tuple[str, ...] = (NODE, NODE2)
    node_cidr: str = "10.180.0.0/24"
    pods: tuple[Pod, ...] = ()
    namespaces: tuple[Namespace, ...] = ()
    policies: tuple[NetworkPolicy, ...] = ()
    is_closed: bool = False  # whether the host's own firewall lets nothing in that no rule of ours accepts

    @property
    def family(self):
        return family_of(self.own_addresses[0])

    @property
    def snapshot(self):
        return snapshot(*self.services, *self.slices, self.node, *self.pods, *self.namespaces, *self.policies)

    @property
    def node(self):
        return node("here", self.zone, self.own_addresses[:1], self.node_cidr)

    @property
    def view(self):
        return view_node(self.settings, "here", self.node, self.own_addresses, self.family)

    @property
    def pods_told_by(self):
        """By what network, or else by what interface, traffic of Pods is told."""
        by, settings = self.settings.detect_local, self.settings
        if by in (DetectLocal.BRIDGE_INTERFACE, DetectLocal.INTERFACE_NAME_PREFIX):
            return "", settings.bridge_interface or settings.interface_name_prefix
        cidr = self.node_cidr if by is DetectLocal.NODE_CIDR else next(iter(settings.cluster_cidrs), "")
        return cidr, ""

    def node_port_addresses(self, rules):
        """Where node ports answer; a family that has no network in the list answers everywhere."""
        wanted = self.settings.node_port_addresses
        if wanted == ("primary",):
            return frozenset(self.own_addresses[:1])
        networks = [ip_network(cidr) for cidr in wanted if family_of(cidr) == self.family]
        has_localhost = self.settings.localhost_node_ports and rules is Rules.IPTABLES and self.family is IPFamily.IPV4
        own = (*self.own_addresses, *(("127.0.0.1",) if has_localhost else ()))
        return frozenset(a for a in own if not networks or any(ip_address(a) in n for n in networks))

    def situation(self, rules=Rules.NFT):
        """The same for the oracle, spelled out without the planner's help."""
        pod_cidr, pod_interface = self.pods_told_by
        return Situation(
            snapshot=self.snapshot,
            node="here",
            zone=self.zone,
            addresses=frozenset(self.own_addresses),
            node_port_addresses=self.node_port_addresses(rules),
            pod_cidr=pod_cidr,
            pod_interface=pod_interface,
            service_cidr=next(iter(self.settings.service_cidrs), ""),
            masquerade_all=self.settings.masquerade_all,
            is_closed=self.is_closed,
            has_policies=bool(self.policies),
            rules=rules,
        )

    def with_settings(self, **changes):
        values = {name: getattr(self.settings, name) for name in self.settings.__struct_fields__}
        return replace(self, settings=NodeSettings(**{**values, **changes}))


def world(endpoints=(), zone=None, own_addresses=(NODE, NODE2), ports=(("http", 80),), targets=None, **fields):
    """One Service with these endpoints."""
    slices = (endpoint_slice(list(endpoints), ports=targets or (("http", 80),)),) if endpoints else ()
    return World((service(ip=CLUSTER_IP, ports=ports, **fields),), slices, zone, own_addresses=own_addresses)


def exposed(endpoints=(), node_port=NODE_PORT, ingress=({"ip": LB},), **fields):
    """The same, open to the outside by node port, external IP and load balancer."""
    return world(
        endpoints,
        type="LoadBalancer",
        ports=(("http", 80, "TCP", node_port),),
        externalIPs=[EXTERNAL_IP],
        status={"loadBalancer": {"ingress": list(ingress)}},
        **fields,
    )


def to(*ends, masqueraded=False):
    """The outcomes of reaching these endpoints: numbers, or (number, port)."""
    pairs = [end if isinstance(end, tuple) else (end, 80) for end in ends]
    return frozenset(Outcome(PacketFate.ACCEPT, f"10.180.0.{n}", port, masqueraded) for n, port in pairs)


REJECT, DROP = frozenset({REJECTED}), frozenset({DROPPED})
UNTOUCHED = None  # no rule is concerned with it


@dataclass(frozen=True)
class Flow:
    """A connection, and every outcome that it must have; ``iptables`` only where that mode differs on purpose."""

    number: int
    name: str
    world: World
    source: str
    destination: str
    expected: frozenset[Outcome] | None
    port: int = 80
    protocol: str = "tcp"
    iptables: frozenset[Outcome] | str | None = "the same"

    @property
    def packet(self):
        """A Pod's packets come in through an interface of its own, those of all others through the uplink."""
        is_ours = self.source in self.world.own_addresses or ip_address(self.source).is_loopback
        is_pod = ip_address(self.source) in ip_network(self.world.node_cidr)
        interface = "" if is_ours else POD_LINK if is_pod else "uplink"
        return Packet(self.source, self.destination, self.port, self.protocol, interface)

    def outcomes(self, rules=Rules.NFT):
        expected = self.iptables if rules is Rules.IPTABLES and self.iptables != "the same" else self.expected
        return frozenset({Outcome(PacketFate.ACCEPT, self.destination, self.port)}) if expected is None else expected

    def __str__(self):
        return f"{self.number:02} {self.name}: {self.source} to {self.destination}:{self.port}/{self.protocol}"


_IPV4 = re.compile(r"\b(\d+\.\d+\.\d+\.\d+)(?:/(\d+))?\b")


def in_ipv6(text):
    """A text with the twin of each IPv4 address and network, which lie to each other as the originals do."""
    return _IPV4.sub(_twin, text)


def _twin(found):
    address, length = ip_address(found[1]), found[2]
    if address.is_loopback:
        return "::1"
    if length == "0":
        return "::/0"
    return str(ip_address((0xFD00 << 112) | int(address))) + (f"/{96 + int(length)}" if length else "")


def flow_in_ipv6(flow):
    return replace(_in_ipv6(flow), world=world_in_ipv6(flow.world))


def world_in_ipv6(world):
    twin = _in_ipv6(world)
    return replace(twin, slices=tuple(msgspec.structs.replace(s, address_type="IPv6") for s in twin.slices))


def _in_ipv6(value):
    text = in_ipv6(msgspec.json.encode(value).decode()).replace(OTHER_FAMILY["IPv4"], OTHER_FAMILY["IPv6"])
    return msgspec.json.decode(text, type=type(value))


ONE, BOTH = (here(1),), (here(1), there(5))
LOCAL_POLICY = {"externalTrafficPolicy": "Local"}
INTERNAL = {"internalTrafficPolicy": "Local"}
DNS_PORTS = (("tcp", 53, "TCP"), ("udp", 53, "UDP"), ("sctp", 53, "SCTP"))
DNS = world(BOTH, ports=DNS_PORTS, targets=(("tcp", 5353, "TCP"), ("udp", 53, "UDP"), ("sctp", 53, "SCTP")))
RANGES = ["192.168.0.0/24", "203.0.113.0/25"]
TWO_LBS = ({"ip": LB}, {"ip": LB2})


def ranged(ranges, **fields):
    # The load balancer's address is the node's own too, so that a process of the node can send from it.
    return exposed(
        ONE, loadBalancerSourceRanges=ranges, ingress=TWO_LBS, own_addresses=(NODE, NODE2, LB, LB2), **fields
    )


EXTERNALLY_LOCAL = exposed(BOTH, **LOCAL_POLICY)
REMOTE_ONLY = exposed((there(5),), **LOCAL_POLICY)
OPEN, OPEN_INTERNAL = exposed(BOTH), exposed(BOTH, **INTERNAL)
EVERYWHERE = OPEN.with_settings(node_port_addresses=())
BY_BOTH = OPEN.with_settings(node_port_addresses=("192.168.0.0/24", "192.168.1.0/24"))
UNTOLD, UNTOLD_LOCAL = (w.with_settings(cluster_cidrs=()) for w in (OPEN, EXTERNALLY_LOCAL))
BY_NODE_CIDR = EXTERNALLY_LOCAL.with_settings(detect_local=DetectLocal.NODE_CIDR)
BY_BRIDGE = EXTERNALLY_LOCAL.with_settings(detect_local=DetectLocal.BRIDGE_INTERFACE, bridge_interface=POD_LINK)
BY_PREFIX = EXTERNALLY_LOCAL.with_settings(
    detect_local=DetectLocal.INTERFACE_NAME_PREFIX, interface_name_prefix=POD_LINK[:3]
)
CHECKED = replace(exposed(ONE, healthCheckNodePort=HEALTH_PORT, **LOCAL_POLICY), is_closed=True)
UNCHECKED = replace(world(ONE), is_closed=True)
DRAINING = exposed((here(1), here(2), here(3, "draining"), here(4, "dying"), there(5)), **LOCAL_POLICY)
LOCALLY_DRAINING = exposed((here(2, "draining"), here(3, "draining"), here(4, "dying"), there(5)), **LOCAL_POLICY)
REMOTE_DRAINING = exposed((there(5, "draining"),), **LOCAL_POLICY)
DYING = exposed((here(4, "dying"), there(5, "dying")), **LOCAL_POLICY)
ALL_DRAINING = exposed((here(2, "draining"), here(3, "draining"), here(4, "dying"), there(5, "draining")))


def zoned(*zones, zone="a", **fields):
    ends = ((here, 1), (here, 2), (there, 5), (there, 6))
    hints = ({"forZones": [{"name": zone_}]} if zone_ else {} for zone_ in zones)
    hinted = [make(n, hints=hint) for (make, n), hint in zip(ends, hints, strict=True)]
    return exposed(tuple(hinted), zone=zone, **fields)


def node_hinted(first, second):
    def hints(name, zone):
        return {"hints": {"forNodes": [{"name": name}], "forZones": [{"name": zone}]}}

    return exposed(
        (here(1, **hints(first, "a")), here(2, **hints(second, "a")), there(5, **hints("far", "b"))), zone="a"
    )


TWO_SERVICES = World(
    (service(ip=CLUSTER_IP), service("other", OTHER_CLUSTER_IP, (("https", 443),))),
    (endpoint_slice(list(ONE), ports=(("http", 80),)),),
)

LOOPBACK_FLOW = Flow(
    27,
    "node port on loopback",
    EVERYWHERE.with_settings(localhost_node_ports=True),
    "127.0.0.1",
    "127.0.0.1",
    UNTOUCHED,
    NODE_PORT,
    iptables=to(1, 5, masqueraded=True),
)

FLOWS = [
    Flow(1, "cluster IP", world(ONE), "10.180.0.2", CLUSTER_IP, to(1)),
    Flow(2, "an endpoint meets itself", world(ONE), "10.180.0.1", CLUSTER_IP, to(1, masqueraded=True)),
    Flow(3, "two endpoints", world(BOTH), POD, CLUSTER_IP, to(1, 5)),
    Flow(
        4,
        "another target port",
        world(BOTH, ports=(("https", 443),), targets=(("https", 8443),)),
        POD,
        CLUSTER_IP,
        to((1, 8443), (5, 8443)),
        443,
    ),
    Flow(5, "one number, three protocols", DNS, POD, CLUSTER_IP, to((1, 5353), (5, 5353)), 53),
    Flow(6, "one number, three protocols", DNS, POD, CLUSTER_IP, to((1, 53), (5, 53)), 53, "udp"),
    Flow(7, "one number, three protocols", DNS, POD, CLUSTER_IP, to((1, 53), (5, 53)), 53, "sctp"),
    Flow(8, "wrong protocol", world(BOTH), POD, CLUSTER_IP, REJECT, 80, "udp", UNTOUCHED),
    Flow(9, "another Service's port", TWO_SERVICES, POD, CLUSTER_IP, REJECT, 443, iptables=UNTOUCHED),
    Flow(10, "unallocated virtual IP", world(BOTH), POD, UNALLOCATED, DROP, iptables=UNTOUCHED),
    Flow(11, "no endpoints", exposed(), POD, CLUSTER_IP, REJECT),
    Flow(12, "no endpoints", exposed(), OUTSIDE, EXTERNAL_IP, REJECT),
    Flow(13, "no endpoints", exposed(), POD, NODE, REJECT, NODE_PORT),
    Flow(14, "no endpoints", exposed(), OUTSIDE, LB, REJECT),
    Flow(15, "source ranges spare node ports", ranged(RANGES), BLOCKED, NODE, to(1, masqueraded=True), NODE_PORT),
    Flow(16, "source in a range", ranged(RANGES), OUTSIDE, LB, to(1, masqueraded=True)),
    Flow(17, "source in no range", ranged(RANGES), BLOCKED, LB, DROP),
    Flow(17, "source in no range", ranged(RANGES), BLOCKED, LB2, DROP),
    Flow(18, "a pod in no range", ranged(RANGES), POD, LB, DROP),
    Flow(19, "the node in a range", ranged(RANGES), NODE, LB, to(1, masqueraded=True)),
    Flow(19, "the node's second address in no range", ranged(RANGES), NODE2, LB, DROP),
    Flow(19, "another node in a range", ranged(RANGES), OTHER_NODE, LB, to(1, masqueraded=True)),
    Flow(20, "the node, from the load balancer's address", ranged(RANGES), LB, LB, to(1, masqueraded=True)),
    Flow(21, "the same, the node in no range", ranged(["203.0.113.0/25"]), LB, LB, DROP),
    Flow(22, "a range for everybody", ranged([*RANGES, "0.0.0.0/0"]), BLOCKED, LB, to(1, masqueraded=True)),
    Flow(
        23,
        "node ports on every address",
        EVERYWHERE,
        OUTSIDE,
        NODE2,
        to(1, 5, masqueraded=True),
        NODE_PORT,
    ),
    Flow(
        24,
        "node port, second address of the node",
        OPEN,
        OUTSIDE,
        NODE2,
        UNTOUCHED,
        NODE_PORT,
    ),
    Flow(25, "node ports on both addresses", BY_BOTH, OUTSIDE, NODE2, to(1, 5, masqueraded=True), NODE_PORT),
    Flow(26, "node port from the node", OPEN, NODE, NODE, to(1, 5, masqueraded=True), NODE_PORT),
    Flow(26, "node port from the node", OPEN, NODE2, NODE, to(1, 5, masqueraded=True), NODE_PORT),
    LOOPBACK_FLOW,
    Flow(28, "node port on loopback, not asked for", EVERYWHERE, "127.0.0.1", "127.0.0.1", UNTOUCHED, NODE_PORT),
    Flow(
        29,
        "node port addresses of the other family only",
        exposed(BOTH).with_settings(node_port_addresses=(OTHER_FAMILY["IPv4"],)),
        OUTSIDE,
        NODE2,
        to(1, 5, masqueraded=True),
        NODE_PORT,
    ),
    Flow(30, "policy Cluster, pod", OPEN, POD, EXTERNAL_IP, to(1, 5, masqueraded=True)),
    Flow(30, "policy Cluster, pod", OPEN, POD, LB, to(1, 5, masqueraded=True)),
    Flow(30, "policy Cluster, pod", OPEN, POD, NODE, to(1, 5, masqueraded=True), NODE_PORT),
    Flow(31, "policy Cluster, outside", OPEN, OUTSIDE, LB, to(1, 5, masqueraded=True)),
    Flow(31, "policy Cluster, outside", OPEN, OUTSIDE, NODE, to(1, 5, masqueraded=True), NODE_PORT),
    Flow(31, "policy Cluster, another node", OPEN, OTHER_NODE, LB, to(1, 5, masqueraded=True)),
    Flow(31, "policy Cluster, another node", OPEN, OTHER_NODE, NODE, to(1, 5, masqueraded=True), NODE_PORT),
    Flow(32, "policy Local, cluster IP", EXTERNALLY_LOCAL, POD, CLUSTER_IP, to(1, 5)),
    Flow(33, "policy Local, pods short-circuit", EXTERNALLY_LOCAL, POD, LB, to(1, 5)),
    Flow(33, "policy Local, pods short-circuit", EXTERNALLY_LOCAL, POD, EXTERNAL_IP, to(1, 5)),
    Flow(33, "policy Local, pods short-circuit", EXTERNALLY_LOCAL, POD, NODE, to(1, 5), NODE_PORT),
    Flow(33, "policy Local, pods of other nodes too", EXTERNALLY_LOCAL, OTHER_POD, NODE, to(1, 5), NODE_PORT),
    Flow(34, "policy Local, outside", EXTERNALLY_LOCAL, OUTSIDE, LB, to(1)),
    Flow(34, "policy Local, outside", EXTERNALLY_LOCAL, OUTSIDE, EXTERNAL_IP, to(1)),
    Flow(34, "policy Local, outside", EXTERNALLY_LOCAL, OUTSIDE, NODE, to(1), NODE_PORT),
    Flow(34, "policy Local, another node", EXTERNALLY_LOCAL, OTHER_NODE, LB, to(1)),
    Flow(34, "policy Local, another node", EXTERNALLY_LOCAL, OTHER_NODE, NODE, to(1), NODE_PORT),
    Flow(34, "policy Local, another node's pod is outside", BY_NODE_CIDR, OTHER_POD, NODE, to(1), NODE_PORT),
    Flow(34, "policy Local, this node's pod is not", BY_NODE_CIDR, POD, NODE, to(1, 5), NODE_PORT),
    Flow(35, "policy Local, node", EXTERNALLY_LOCAL, NODE, LB, to(1, 5, masqueraded=True)),
    Flow(35, "policy Local, node", EXTERNALLY_LOCAL, NODE2, LB, to(1, 5, masqueraded=True)),
    Flow(36, "policy Local, node", EXTERNALLY_LOCAL, NODE, NODE, to(1, 5, masqueraded=True), NODE_PORT),
    Flow(36, "policy Local, node", EXTERNALLY_LOCAL, NODE2, NODE, to(1, 5, masqueraded=True), NODE_PORT),
    Flow(37, "policy Local, cluster IP", EXTERNALLY_LOCAL, NODE, CLUSTER_IP, to(1, 5, masqueraded=True)),
    Flow(37, "policy Local, cluster IP", EXTERNALLY_LOCAL, OUTSIDE, CLUSTER_IP, to(1, 5, masqueraded=True)),
    Flow(37, "policy Local, cluster IP", EXTERNALLY_LOCAL, OTHER_NODE, CLUSTER_IP, to(1, 5, masqueraded=True)),
    Flow(37, "another node's pod is outside", BY_NODE_CIDR, OTHER_POD, CLUSTER_IP, to(1, 5, masqueraded=True)),
    Flow(38, "policy Local, none here", REMOTE_ONLY, OUTSIDE, LB, DROP),
    Flow(38, "policy Local, none here", REMOTE_ONLY, OUTSIDE, NODE, DROP, NODE_PORT),
    Flow(39, "policy Local, none here, pod", REMOTE_ONLY, POD, LB, to(5)),
    Flow(40, "internal policy Local", OPEN_INTERNAL, POD, CLUSTER_IP, to(1)),
    Flow(41, "internal policy Local, node", OPEN_INTERNAL, NODE, CLUSTER_IP, to(1, masqueraded=True)),
    Flow(41, "internal policy Local, node", OPEN_INTERNAL, NODE2, CLUSTER_IP, to(1, masqueraded=True)),
    Flow(41, "internal policy Local, outside", OPEN_INTERNAL, OUTSIDE, CLUSTER_IP, to(1, masqueraded=True)),
    Flow(41, "internal policy Local, another node", OPEN_INTERNAL, OTHER_NODE, CLUSTER_IP, to(1, masqueraded=True)),
    Flow(42, "internal policy, outside", OPEN_INTERNAL, POD, LB, to(1, 5, masqueraded=True)),
    Flow(
        42,
        "internal policy, outside",
        OPEN_INTERNAL,
        NODE,
        NODE,
        to(1, 5, masqueraded=True),
        3001,
    ),
    Flow(42, "internal policy, outside", OPEN_INTERNAL, OUTSIDE, LB, to(1, 5, masqueraded=True)),
    Flow(43, "internal policy Local, none here", world((there(5),), **INTERNAL), POD, CLUSTER_IP, DROP),
    Flow(44, "internal policy Local, none at all", world((), **INTERNAL), POD, CLUSTER_IP, REJECT),
    Flow(45, "pods cannot be told: node", UNTOLD, NODE, CLUSTER_IP, to(1, 5)),
    Flow(45, "pods cannot be told: outside", UNTOLD, OUTSIDE, CLUSTER_IP, to(1, 5)),
    Flow(46, "pods cannot be told: policy Local", UNTOLD_LOCAL, POD, LB, to(1)),
    Flow(46, "pods cannot be told: policy Local", UNTOLD_LOCAL, POD, NODE, to(1), NODE_PORT),
    Flow(
        47,
        "masquerade all",
        world(BOTH).with_settings(masquerade_all=True),
        POD,
        CLUSTER_IP,
        to(1, 5, masqueraded=True),
    ),
    Flow(48, "draining ones rest while others are ready", DRAINING, OUTSIDE, LB, to(1, 2)),
    Flow(49, "draining ones rest while others are ready", DRAINING, POD, CLUSTER_IP, to(1, 2, 5)),
    Flow(50, "draining ones are used where none is ready", LOCALLY_DRAINING, OUTSIDE, LB, to(2, 3)),
    Flow(51, "but not where another is", LOCALLY_DRAINING, POD, CLUSTER_IP, to(5)),
    Flow(52, "one draining elsewhere", REMOTE_DRAINING, POD, CLUSTER_IP, to(5)),
    Flow(52, "one draining elsewhere", REMOTE_DRAINING, OUTSIDE, LB, DROP),
    Flow(53, "none serves", DYING, POD, CLUSTER_IP, REJECT),
    Flow(53, "none serves", DYING, OUTSIDE, LB, REJECT),
    Flow(54, "all are draining", ALL_DRAINING, OUTSIDE, LB, to(2, 3, 5, masqueraded=True)),
    Flow(55, "mode Proxy", exposed(BOTH, ingress=({"ip": LB, "ipMode": "Proxy"},)), OUTSIDE, LB, UNTOUCHED),
    Flow(55, "mode Proxy", exposed(BOTH, ingress=({"ip": LB, "ipMode": "Proxy"},)), POD, LB, UNTOUCHED),
    Flow(56, "health checks of a closed host", CHECKED, OUTSIDE, NODE, DROP, HEALTH_PORT, iptables=UNTOUCHED),
    Flow(56, "the same, the Service gone", UNCHECKED, OUTSIDE, NODE, DROP, HEALTH_PORT),
    Flow(57, "zone hints", zoned("a", "b", "c", "a"), POD, CLUSTER_IP, to(1, 6)),
    Flow(58, "a zone hint is missing", zoned("a", "b", None, "a"), POD, CLUSTER_IP, to(1, 2, 5, 6)),
    Flow(58, "a node without a zone", zoned("a", "b", "c", "a", zone=None), POD, CLUSTER_IP, to(1, 2, 5, 6)),
    Flow(58, "no endpoint for the zone", zoned("b", "b", "c", "b"), POD, CLUSTER_IP, to(1, 2, 5, 6)),
    Flow(59, "node hints", node_hinted("here", "other"), POD, CLUSTER_IP, to(1)),
    Flow(59, "no node hint for this one: its zone", node_hinted("some", "other"), POD, CLUSTER_IP, to(1, 2)),
    Flow(60, "policy Local does not heed hints", zoned("b", "b", "c", "a", **LOCAL_POLICY), OUTSIDE, LB, to(1, 2)),
    # Beyond upstream's: Pods that are told by where their packets come in, which packets of the node itself do not.
    Flow(61, "pods by bridge: pod", BY_BRIDGE, POD, LB, to(1, 5)),
    Flow(61, "pods by bridge: pod", BY_BRIDGE, POD, CLUSTER_IP, to(1, 5)),
    Flow(61, "pods by bridge: another's pod", BY_BRIDGE, OTHER_POD, CLUSTER_IP, to(1, 5, masqueraded=True)),
    Flow(61, "pods by bridge: node", BY_BRIDGE, NODE, CLUSTER_IP, to(1, 5, masqueraded=True)),
    Flow(62, "pods by prefix: pod", BY_PREFIX, POD, NODE, to(1, 5), NODE_PORT),
    Flow(62, "pods by prefix: another's pod", BY_PREFIX, OTHER_POD, NODE, to(1), NODE_PORT),
    Flow(62, "pods by prefix: outside", BY_PREFIX, OUTSIDE, CLUSTER_IP, to(1, 5, masqueraded=True)),
    Flow(62, "pods by prefix: node", BY_PREFIX, NODE2, LB, to(1, 5, masqueraded=True)),
]
FLOWS_IN_IPV6 = [
    *(flow_in_ipv6(flow) for flow in FLOWS if flow is not LOOPBACK_FLOW),
    flow_in_ipv6(replace(LOOPBACK_FLOW, number=28, name="loopback never has node ports in IPv6", iptables="the same")),
]
