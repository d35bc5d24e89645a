"""Sixty connections and what must become of them: one table for the evaluator, the oracle and the kernel.

The cast: POD on this node, NODE with a second address NODE2, somebody OUTSIDE, and BLOCKED, who is outside too but in
no source range; endpoints .1 to .4 on this node and .5 to .7 on another.
"""

from dataclasses import dataclass, field, replace

from fairlead.dataplane.node_view import NodeSettings, view_node
from fairlead.model.addresses import IPFamily
from fairlead.trace.contract import Rules, Situation
from fairlead.trace.packet import DROPPED, REJECTED, Fate, Outcome, Packet
from tests.unit.proxy_objects import endpoint, endpoint_slice, node, service, snapshot

POD = "10.180.0.9"
NODE, NODE2 = "192.168.0.2", "192.168.1.2"
OUTSIDE, BLOCKED = "203.0.113.2", "203.0.113.130"
CLUSTER_IP, OTHER_CLUSTER_IP, UNALLOCATED = "172.30.0.41", "172.30.0.42", "172.30.0.50"
EXTERNAL_IP, LB, LB2 = "192.168.99.11", "1.2.3.4", "5.6.7.8"
NODE_PORT = 3001
POD_CIDR, SERVICE_CIDR = "10.0.0.0/8", "172.30.0.0/16"
LOCAL = {f"10.180.0.{i}" for i in range(1, 5)}
HOSTS = (NODE, NODE2, LB, LB2)  # addresses whose senders are processes of the node


def here(number, state="ready", **fields):
    return endpoint(f"10.180.0.{number}", "here", state=state, **fields)


def there(number, state="ready", **fields):
    return endpoint(f"10.180.0.{number}", "there", state=state, **fields)


@dataclass(frozen=True)
class World:
    """A cluster, the settings of this node's proxy, and what this node is."""

    services: tuple
    slices: tuple = ()
    zone: str | None = None
    settings: NodeSettings = field(
        default_factory=lambda: NodeSettings(cluster_cidrs=(POD_CIDR,), service_cidrs=(SERVICE_CIDR,))
    )
    own_addresses: tuple[str, ...] = (NODE, NODE2)

    @property
    def snapshot(self):
        return snapshot(*self.services, *self.slices, self.node)

    @property
    def node(self):
        return node("here", self.zone, (NODE,), "10.180.0.0/24")

    @property
    def view(self):
        return view_node(self.settings, "here", self.node, self.own_addresses, IPFamily.IPV4)

    def situation(self, rules=Rules.NFT):
        """The same for the oracle, spelled out without the planner's help."""
        wanted = self.settings.node_port_addresses
        if wanted == ("primary",):
            node_port_addresses = {NODE}
        elif not any(cidr.startswith("192") for cidr in wanted):
            node_port_addresses = set(self.own_addresses)
        else:
            node_port_addresses = {a for a in (NODE, NODE2) if any(a.rsplit(".", 1)[0] in cidr for cidr in wanted)}
        return Situation(
            snapshot=self.snapshot,
            node="here",
            zone=self.zone,
            addresses=frozenset(self.own_addresses),
            node_port_addresses=frozenset(node_port_addresses),
            pod_cidr=next(iter(self.settings.cluster_cidrs), ""),
            service_cidr=next(iter(self.settings.service_cidrs), ""),
            masquerade_all=self.settings.masquerade_all,
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
    return frozenset(Outcome(Fate.ACCEPT, f"10.180.0.{n}", port, masqueraded) for n, port in pairs)


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
    expected: frozenset | None
    port: int = 80
    protocol: str = "tcp"
    iptables: frozenset | str | None = "the same"

    @property
    def packet(self):
        return packet(self.source, self.destination, self.port, self.protocol)

    def outcomes(self, rules=Rules.NFT):
        expected = self.iptables if rules is Rules.IPTABLES and self.iptables != "the same" else self.expected
        return frozenset({Outcome(Fate.ACCEPT, self.destination, self.port)}) if expected is None else expected

    def __str__(self):
        return f"{self.number:02} {self.name}: {self.source} to {self.destination}:{self.port}/{self.protocol}"


def packet(source, destination, port=80, protocol="tcp"):
    is_ours = source in HOSTS or source.startswith("127.")
    interface = "" if is_ours else ("pod0" if source.startswith("10.180.") else "uplink")
    return Packet(source, destination, port, protocol, interface)


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
BY_BOTH = OPEN.with_settings(node_port_addresses=("192.168.0.0/24", "192.168.1.0/24"))
UNTOLD, UNTOLD_LOCAL = (w.with_settings(cluster_cidrs=()) for w in (OPEN, EXTERNALLY_LOCAL))
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
    Flow(20, "the node, from the load balancer's address", ranged(RANGES), LB, LB, to(1, masqueraded=True)),
    Flow(21, "the same, the node in no range", ranged(["203.0.113.0/25"]), LB, LB, DROP),
    Flow(22, "a range for everybody", ranged([*RANGES, "0.0.0.0/0"]), BLOCKED, LB, to(1, masqueraded=True)),
    Flow(
        23,
        "node ports on every address",
        OPEN.with_settings(node_port_addresses=()),
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
    Flow(28, "node port on loopback", OPEN, "127.0.0.1", "127.0.0.1", UNTOUCHED, NODE_PORT),
    Flow(
        29,
        "node port addresses of the other family only",
        exposed(BOTH).with_settings(node_port_addresses=("fd00::/64",)),
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
    Flow(32, "policy Local, cluster IP", EXTERNALLY_LOCAL, POD, CLUSTER_IP, to(1, 5)),
    Flow(33, "policy Local, pods short-circuit", EXTERNALLY_LOCAL, POD, LB, to(1, 5)),
    Flow(33, "policy Local, pods short-circuit", EXTERNALLY_LOCAL, POD, EXTERNAL_IP, to(1, 5)),
    Flow(33, "policy Local, pods short-circuit", EXTERNALLY_LOCAL, POD, NODE, to(1, 5), NODE_PORT),
    Flow(34, "policy Local, outside", EXTERNALLY_LOCAL, OUTSIDE, LB, to(1)),
    Flow(34, "policy Local, outside", EXTERNALLY_LOCAL, OUTSIDE, EXTERNAL_IP, to(1)),
    Flow(34, "policy Local, outside", EXTERNALLY_LOCAL, OUTSIDE, NODE, to(1), NODE_PORT),
    Flow(35, "policy Local, node", EXTERNALLY_LOCAL, NODE, LB, to(1, 5, masqueraded=True)),
    Flow(36, "policy Local, node", EXTERNALLY_LOCAL, NODE, NODE, to(1, 5, masqueraded=True), NODE_PORT),
    Flow(37, "policy Local, cluster IP", EXTERNALLY_LOCAL, NODE, CLUSTER_IP, to(1, 5, masqueraded=True)),
    Flow(37, "policy Local, cluster IP", EXTERNALLY_LOCAL, OUTSIDE, CLUSTER_IP, to(1, 5, masqueraded=True)),
    Flow(38, "policy Local, none here", REMOTE_ONLY, OUTSIDE, LB, DROP),
    Flow(38, "policy Local, none here", REMOTE_ONLY, OUTSIDE, NODE, DROP, NODE_PORT),
    Flow(39, "policy Local, none here, pod", REMOTE_ONLY, POD, LB, to(5)),
    Flow(40, "internal policy Local", OPEN_INTERNAL, POD, CLUSTER_IP, to(1)),
    Flow(41, "internal policy Local, node", OPEN_INTERNAL, NODE, CLUSTER_IP, to(1, masqueraded=True)),
    Flow(41, "internal policy Local, outside", OPEN_INTERNAL, OUTSIDE, CLUSTER_IP, to(1, masqueraded=True)),
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
    Flow(57, "zone hints", zoned("a", "b", "c", "a"), POD, CLUSTER_IP, to(1, 6)),
    Flow(58, "a zone hint is missing", zoned("a", "b", None, "a"), POD, CLUSTER_IP, to(1, 2, 5, 6)),
    Flow(58, "a node without a zone", zoned("a", "b", "c", "a", zone=None), POD, CLUSTER_IP, to(1, 2, 5, 6)),
    Flow(58, "no endpoint for the zone", zoned("b", "b", "c", "b"), POD, CLUSTER_IP, to(1, 2, 5, 6)),
    Flow(59, "node hints", node_hinted("here", "other"), POD, CLUSTER_IP, to(1)),
    Flow(59, "no node hint for this one: its zone", node_hinted("some", "other"), POD, CLUSTER_IP, to(1, 2)),
    Flow(60, "policy Local does not heed hints", zoned("b", "b", "c", "a", **LOCAL_POLICY), OUTSIDE, LB, to(1, 2)),
]
