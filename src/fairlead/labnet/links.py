"""The lab's network in the words of iproute2: a switch, nodes on it, Pods routed by their nodes. No I/O here: ``netns``
has ``ip`` do what this says.

The switch namespace has a bridge ``underlay``; each node has an address there in each IP family of the lab, and owns a
Pod CIDR in each (``addresses``). A Pod has a host address and reaches everything through its gateway, a permanent
neighbour that stands for the node's end of its veth pair; so every packet of a Pod passes its node's IP layer, where
the proxy's rules are. The world outside the cluster is one more host on the bridge, which knows the way to nodes and to
addresses of load balancers, and none to Pods or virtual IPs.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import ip_address

from fairlead.labnet.addresses import PLANS, Families, plan_of, with_prefix
from fairlead.model.addresses import family_of, first_of

WIRE = "wire"  # the bridge's end of the cable that leads to other hosts
POD_LINKS = "veth"  # what the names of the nodes' ends of Pods' links begin with

# In the words of nft: what comes over a Pod's link must be from an address to which that link is the way. IPv4 has a
# setting for that (rp_filter, RFC 3704), IPv6 has none. ND claims to another host's address are dropped as well.
STRICT_SOURCES = f"""
table ip6 fairlead-sources {{
  chain of-pods {{
    type filter hook prerouting priority raw
    iifname "{POD_LINKS}*" fib saddr . iif oif missing counter drop
  }}
}}
"""


@dataclass(frozen=True)
class NodeNetwork:
    """A node's place on the network.

    Attributes:
        index: counts from 1; what has no address of its own is numbered by it.
        addresses: on the underlay, one or more of each family; the first is the node's own.
        pod_cidrs: one of each family.
    """

    index: int
    name: str
    addresses: tuple[str, ...]
    pod_cidrs: tuple[str, ...]

    @property
    def address(self) -> str:
        return self.addresses[0]

    @property
    def cable(self) -> str:
        """The bridge's end of the node's cable."""
        return f"node{self.index}"


@dataclass(frozen=True)
class PodLink:
    """The veth pair of a Pod.

    Attributes:
        name: the node's end, at most 15 characters.
        pod_ips: the Pod's addresses, one of each family.
        node_ips: the source addresses of what the node itself sends to the Pod, in the same order.
    """

    name: str
    pod_ips: tuple[str, ...]
    node_ips: tuple[str, ...]

    @property
    def node_mac(self) -> str:
        return _mac(0x02, self.pod_ips[0])

    @property
    def pod_mac(self) -> str:
        return _mac(0x06, self.pod_ips[0])


def _mac(first: int, ip: str) -> str:
    """A locally administered address that is a function of the IP address: its octets, or a digest where they are too
    many."""
    packed = ip_address(ip).packed
    octets = packed if len(packed) == 4 else hashlib.sha256(packed).digest()[:4]
    return ":".join(f"{byte:02x}" for byte in (first, 0, *octets))


def switch_commands(nodes: Iterable[NodeNetwork], families: Families) -> list[str]:
    """The commands that make an empty namespace the switch."""
    plans = [PLANS[family] for family in families]
    return [
        *bridge_commands(f"address {_mac(0x02, plans[0].switch)}"),  # which joined hosts know while the lab is down
        *(f"addr add {with_prefix(plan.switch, plan.underlay)} dev underlay{plan.at_once}" for plan in plans),
        *(f"route add {plan.outside_network} dev underlay" for plan in plans),
        *pod_routes(nodes),
    ]


def bridge_commands(address: str = "") -> list[str]:
    """The commands that make an empty namespace a switch without an IP address, for hosts that have joined a lab."""
    return [
        "link set lo up",
        f"link add underlay {address} type bridge forward_delay 0",
        "link set underlay up",
    ]


def pod_routes(nodes: Iterable[NodeNetwork]) -> list[str]:
    """The ways to the Pods of these nodes, for hosts that are on the underlay too."""
    return [f"route replace {way}" for node in nodes for way in _ways(node)]


def no_pod_routes(node: NodeNetwork) -> list[str]:
    """Takes away what ``pod_routes`` has made for a node."""
    return [f"route del {way}" for way in _ways(node)]


def _ways(node: NodeNetwork) -> Iterator[str]:
    for cidr in node.pod_cidrs:
        yield f"{cidr} via {first_of(family_of(cidr), node.addresses)}"


def cable_commands(name: str, address: str, namespace: int, mtu: int) -> list[str]:
    """Run in the switch: a cable from the bridge to the namespace behind this descriptor (which ``ip`` inherits), whose
    link-layer address there is always the same for the same IP address. The bridge takes the least MTU of its cables.
    """
    there = f"name eth0 address {_mac(0x02, address)} mtu {mtu} netns /proc/self/fd/{namespace}"
    return [
        f"link add {name} mtu {mtu} type veth peer {there}",
        f"link set {name} master underlay up",
    ]


def wire_commands(namespace: int, mtu: int) -> list[str]:
    """Run in the switch: a cable to a namespace that has nothing but its end of it, where all frames are picked up."""
    return [
        f"link add {WIRE} mtu {mtu} type veth peer name eth0 mtu {mtu} netns /proc/self/fd/{namespace}",
        f"link set {WIRE} master underlay up",
    ]


def wire_end_commands() -> list[str]:
    """Run in the namespace at the end of the wire. The kernel is to say nothing of its own there, as IPv6 would."""
    return ["link set eth0 addrgenmode none", "link set eth0 up"]


def node_commands(node: NodeNetwork, others: Iterable[NodeNetwork]) -> list[str]:
    """Run in a node's namespace once the cable is there. The default route leads to the switch, which knows no way on:
    without one, a virtual IP would be unreachable before the node's rules had seen the packet."""
    plans = [plan_of(cidr) for cidr in node.pod_cidrs]
    return [
        "link set lo up",
        *(_addition(address) for address in node.addresses),
        "link set eth0 up",
        *(f"route add default via {plan.switch}" for plan in plans),
        *(f"route add {plan.outside_network} dev eth0" for plan in plans),
        *pod_routes(other for other in others if other != node),
    ]


def _addition(address: str) -> str:
    plan = plan_of(address)
    return f"addr add {with_prefix(address, plan.underlay)} dev eth0{plan.at_once}"


def outside_commands(families: Families) -> list[str]:
    """Run in the namespace of the world outside once its cable is there: all that it knows of are its neighbours. Its
    routes to load balancers' addresses are in ``balancing``."""
    plans = [PLANS[family] for family in families]
    return [
        "link set lo up",
        *(f"addr add {with_prefix(plan.outside, plan.outside_network)} dev eth0{plan.at_once}" for plan in plans),
        "link set eth0 up",
        *(f"route add {plan.underlay} dev eth0" for plan in plans),
    ]


def attach_commands(link: PodLink, namespace: int, mtu: int) -> list[str]:
    """Run in a node's namespace: the node's half of a Pod's connection, the other end put into the Pod's namespace."""
    peer = f"peer name eth0 address {link.pod_mac} mtu {mtu} netns /proc/self/fd/{namespace}"
    commands = [
        f"link add {link.name} address {link.node_mac} mtu {mtu} type veth {peer}",
        # Both ends have permanent entries for each other, so this link needs no ARP, and ARP claims are ignored.
        f"link set {link.name} arp off up",
    ]
    for pod_ip, node_ip in zip(link.pod_ips, link.node_ips, strict=True):
        commands += [
            f"neigh replace {pod_ip} lladdr {link.pod_mac} dev {link.name} nud permanent",
            f"route replace {_host(pod_ip)} dev {link.name} src {node_ip}",
        ]
    return commands


def pod_commands(link: PodLink) -> list[str]:
    """Run in a Pod's namespace once its end of the pair is there."""
    commands = [
        "link set lo up",
        *(f"addr add {_host(ip)} dev eth0{plan_of(ip).at_once}" for ip in link.pod_ips),
        "link set eth0 up",
    ]
    for gateway in (plan_of(ip).pod_gateway for ip in link.pod_ips):
        commands += [
            f"neigh replace {gateway} lladdr {link.node_mac} dev eth0 nud permanent",
            f"route add {gateway} dev eth0 scope link",
            f"route add default via {gateway} dev eth0",
        ]
    return commands


def _host(ip: str) -> str:
    return f"{ip}/{ip_address(ip).max_prefixlen}"
