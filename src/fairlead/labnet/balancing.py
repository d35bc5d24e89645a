"""How packets for load balancers' addresses get from the world outside to nodes, in the words of iproute2 and nft.

When they are spread, the world outside is the router in front of the nodes: it has an equal-cost route for each address
to all nodes that serve it, and the kernel picks one by a hash of addresses and ports. A TCP connection stays with the
node that its first packet went to, as with a cloud's load balancer, even when that node serves no new ones: its
conntrack mark names the node, and a routing table for that mark leads there. So a node can be drained while its
connections end in their own time; only one that is silent is taken out of the way.
"""

import enum
from collections.abc import Iterable, Iterator, Mapping, Sequence
from ipaddress import ip_address
from zlib import crc32

from fairlead.model.addresses import IPFamily, family_of


class LoadBalancing(enum.StrEnum):
    """The protocol that brings packets for a load balancer's address to nodes.

    SPREAD: the world outside, to all nodes that serve it. ONE_NODE: one node answers for it on the link. BGP: nodes
    announce addresses to a router that a user runs in the world outside.
    """

    SPREAD = "spread"
    ONE_NODE = "one-node"
    BGP = "bgp"


PROTOCOL = 201  # of the routes and rules that the router has made (rtnetlink's rtm_protocol, a number that nobody has)
# Addresses and ports choose among equal routes, not addresses alone.
SETTINGS = {IPFamily.IPV4: "ipv4/fib_multipath_hash_policy", IPFamily.IPV6: "ipv6/fib_multipath_hash_policy"}
BY_PORTS = "1"

Ways = Mapping[str, tuple[str, ...]]  # by address: the nodes that it is routed to
Answering = Mapping[str, bool]  # by a node's address: whether it is there at all
Tables = Mapping[int, str]  # by a routing table's number: the node that it leads to; empty for a node that is silent


def first_routes(balancing: LoadBalancing, cidrs: Iterable[str]) -> list[str]:
    """Routes of the world outside to addresses of which nothing is known yet."""
    match balancing:
        case LoadBalancing.ONE_NODE:
            return [f"route replace {cidr} dev eth0" for cidr in cidrs]
        case LoadBalancing.SPREAD:
            return [f"route replace unreachable {cidr}" for cidr in cidrs]
        case LoadBalancing.BGP:
            return []


def route_changes(before: Ways, after: Ways) -> list[str]:
    """From routes to addresses to others."""
    changed = [address for address in after if after[address] != before.get(address, ())]
    gone = [address for address in before if before[address] and not after.get(address)]
    return [
        *(f"route del {address} proto {PROTOCOL}" for address in sorted(gone)),
        *(_route(address, after[address]) for address in sorted(changed) if after[address]),
    ]


def _route(address: str, nodes: Sequence[str]) -> str:
    if len(nodes) == 1:
        return f"route replace {address} proto {PROTOCOL} via {nodes[0]}"
    hops = " ".join(f"nexthop via {node}" for node in nodes)
    return f"route replace {address} proto {PROTOCOL} {hops}"


def table_of(node: str) -> int:
    """The mark of connections to a node, and the number of the routing table that leads there.

    Args:
        node: its address.
    """
    return crc32(ip_address(node).packed) | 1 << 30  # away from the tables that every kernel has


def tables_of(answering: Answering) -> Tables:
    """The routing tables that there must be for nodes."""
    return {table_of(node): node if is_there else "" for node, is_there in answering.items()}


def table_changes(before: Tables, after: Tables, cidrs: Iterable[str]) -> list[str]:
    """From the routing tables of nodes to others; all of one family.

    Args:
        cidrs: of load balancers' addresses in that family.
    """
    cidrs = list(cidrs)
    commands = []
    for number in sorted({*before, *after}):
        old, new = before.get(number, ""), after.get(number, "")
        if number not in before:
            commands += [f"rule add to {cidr} fwmark {number} table {number} protocol {PROTOCOL}" for cidr in cidrs]
        if old and not new:
            commands += [f"route del {cidr} table {number}" for cidr in cidrs]
        if new and new != old:
            commands += [f"route replace {cidr} via {new} table {number}" for cidr in cidrs]
        if number not in after:
            commands += [f"rule del to {cidr} fwmark {number} table {number}" for cidr in cidrs]
    return commands


def marking_rules(nodes: Iterable[str], cidrs: Iterable[str]) -> str:
    """The rules that have a connection stay with its node, as a file for ``nft``; they replace those of before."""
    cidrs, nodes = list(cidrs), sorted(nodes)
    families = [family for family in IPFamily if any(family_of(cidr) == family for cidr in cidrs)]
    body = "".join(line for family in families for line in _declarations(family, nodes, cidrs))
    back = "".join(f"    meta l4proto tcp {_to(family)} meta mark set ct mark\n" for family in families)
    learn = "".join(f"    meta l4proto tcp ct mark 0 {_to(family)} {_mark(family)}\n" for family in families)
    return (
        "table inet fairlead-router\ndelete table inet fairlead-router\ntable inet fairlead-router {\n"
        f"{body}"
        f"  chain back {{\n    type route hook output priority mangle\n{back}  }}\n"
        f"  chain learn {{\n    type filter hook postrouting priority mangle\n{learn}  }}\n}}\n"
    )


_NFT = {IPFamily.IPV4: "ip", IPFamily.IPV6: "ip6"}


def _to(family: IPFamily) -> str:
    return f"{_NFT[family]} daddr @balanced-{_NFT[family]}"


def _mark(family: IPFamily) -> str:
    return f"ct mark set rt {_NFT[family]} nexthop map @nodes-{_NFT[family]}"


def _declarations(family: IPFamily, nodes: Iterable[str], cidrs: Iterable[str]) -> Iterator[str]:
    name = _NFT[family]
    type_ = {IPFamily.IPV4: "ipv4_addr", IPFamily.IPV6: "ipv6_addr"}[family]
    marks = ", ".join(f"{node} : {table_of(node)}" for node in nodes if family_of(node) == family)
    networks = ", ".join(cidr for cidr in cidrs if family_of(cidr) == family)
    elements = f"elements = {{ {marks} }}" if marks else ""
    yield f"  map nodes-{name} {{ type {type_} : mark; {elements} }}\n"
    yield f"  set balanced-{name} {{ type {type_}; flags interval; auto-merge; elements = {{ {networks} }} }}\n"
