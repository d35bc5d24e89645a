"""The addresses of a lab: one row for each IP family, and where what has a number is in it.

IPv6 repeats the digits of IPv4, so that one can tell who is meant: node 1 is 192.168.64.11 and fd00:192:168:64::11. The
networks are private (RFC 1918, RFC 4193) or for documentation (RFC 5737, RFC 3849), so nobody's on the Internet.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_network

from fairlead.model.addresses import IPFamily, family_of

MAX_NODES = 240  # 192.168.64.11 to .250

Families = tuple[IPFamily, ...]

IPV4_ONLY: Families = (IPFamily.IPV4,)
DUAL_STACK: Families = (IPFamily.IPV4, IPFamily.IPV6)


@dataclass(frozen=True)
class AddressPlan:
    """All addresses of one IP family; networks in CIDR notation.

    Attributes:
        underlay: the link that all nodes are on.
        switch, outside: addresses of the switch there, and of the world outside, which is in ``outside_network``.
        load_balancers, services: addresses of Services, on no interface: the nodes' rules answer for them.
        pods: all Pods. pod_gateway: where a Pod sends everything to, an address that nobody has.
        node, node_pods: a node's address and the network of its Pods, with a place for a number.
        at_once: what has the kernel use an address at once, not after a look for others that have it (RFC 4862).
        settings: kernel settings of every network namespace, to be made before it has links, by path in /proc/sys/net.
        forwarding: the setting that makes a router.
    """

    underlay: str
    switch: str
    outside_network: str
    outside: str
    load_balancers: str
    services: str
    pods: str
    pod_gateway: str
    node: str
    node_pods: str
    forwarding: str
    at_once: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def inside(self) -> tuple[str, ...]:
        """The networks of the cluster, to which no Pod is masqueraded."""
        return (self.pods, self.underlay, self.services, self.load_balancers)

    def service(self, number: int) -> str:
        """The virtual IP with this number."""
        return str(ip_network(self.services)[number])


PLANS = {
    IPFamily.IPV4: AddressPlan(
        underlay="192.168.64.0/24",
        switch="192.168.64.1",
        outside_network="203.0.113.0/24",
        outside="203.0.113.10",
        load_balancers="192.168.65.0/24",
        services="10.96.0.0/16",
        pods="10.244.0.0/16",
        pod_gateway="169.254.1.1",
        node="192.168.64.{}",
        node_pods="10.244.{}.0/24",
        forwarding="ipv4/ip_forward",
    ),
    IPFamily.IPV6: AddressPlan(
        underlay="fd00:192:168:64::/64",
        switch="fd00:192:168:64::1",
        outside_network="2001:db8:203:113::/64",
        outside="2001:db8:203:113::10",
        load_balancers="fd00:192:168:65::/112",
        services="fd00:10:96::/112",
        pods="fd00:10:244::/48",
        pod_gateway="fe80::1",
        node="fd00:192:168:64::{}",
        node_pods="fd00:10:244:{}::/64",
        forwarding="ipv6/conf/all/forwarding",
        at_once=" nodad",
        settings={
            "ipv6/conf/all/disable_ipv6": "0",
            "ipv6/conf/default/disable_ipv6": "0",
            "ipv6/conf/default/accept_dad": "0",  # or nobody on a link can be asked for until a second has passed
        },
    ),
}


def with_prefix(address: str, network: str) -> str:
    """The address with the prefix length of the network that it is in."""
    return f"{address}/{ip_network(network).prefixlen}"


def plan_of(text: str) -> AddressPlan:
    """The row that an address or network belongs to."""
    return PLANS[family_of(text)]


def usual_address(index: int, family: IPFamily) -> str:
    """The address of the node with this number if it has none of its own."""
    return PLANS[family].node.format(10 + index)


def usual_pod_cidr(index: int, family: IPFamily) -> str:
    """The Pod CIDR of the node with this number if it has none of its own."""
    return PLANS[family].node_pods.format(index)
