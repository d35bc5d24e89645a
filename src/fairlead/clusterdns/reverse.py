"""Inner nodes of the reverse trees: the partial addresses below which the cluster has an address.

``0.10.in-addr.arpa`` exists when some ``10.0.x.y`` is known, and then answers NODATA, not NXDOMAIN (RFC 8020). Counting
per prefix keeps that O(changed addresses). IPv6 is counted down to /64; a deeper node exists if its /64 does, because
one inner node for each nibble and address would cost too much.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

from immutables import Map

from fairlead.clusterdns.names import IN_ADDR_ARPA, IP6_ARPA, Name, reverse_name
from fairlead.model.addresses import parse_ip

_IPV6_DEPTH = 16  # nibbles, a /64

NodeCounts = Map[Name, int]


def count_nodes(counts: NodeCounts, before: Iterable[str], after: Iterable[str]) -> NodeCounts:
    """The counts after addresses (text) have changed from ``before`` to ``after``."""
    old, new = set(before), set(after)
    steps = Counter(node for address in new - old for node in _inner_nodes(address))
    steps.subtract(node for address in old - new for node in _inner_nodes(address))
    for node, step in steps.items():
        count = counts.get(node, 0) + step
        counts = counts.set(node, count) if count else _without(counts, node)
    return counts


def all_nodes(groups: Iterable[Iterable[str]]) -> NodeCounts:
    """The counts of a whole cluster, each group being the addresses (text) of one object."""
    return Map(Counter(node for group in groups for address in set(group) for node in _inner_nodes(address)))


def is_inner_node(counts: NodeCounts, name: Name) -> bool:
    """Whether an address of the cluster lies below this reverse name."""
    if name[-2:] == IP6_ARPA:
        name = name[-_IPV6_DEPTH - 2 :]
    return name in counts


def _inner_nodes(address: str) -> Sequence[Name]:
    octets = address.split(".")
    if len(octets) == 4:  # the fast path for IPv4, of which there are thousands
        a, b, c, _ = octets
        return (a, *IN_ADDR_ARPA), (b, a, *IN_ADDR_ARPA), (c, b, a, *IN_ADDR_ARPA)
    parsed = parse_ip(address)
    if parsed is None:
        return ()
    name = reverse_name(parsed)
    return [name[start:] for start in range(len(name) - 2 - _IPV6_DEPTH, len(name) - 2)]


def _without(counts: NodeCounts, node: Name) -> NodeCounts:
    return counts.delete(node) if node in counts else counts
