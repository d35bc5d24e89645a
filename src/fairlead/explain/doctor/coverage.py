"""The data that an examination did not have: a partial diagnosis must say so."""

from collections.abc import Iterator

from fairlead.explain.cluster import Cluster, plural
from fairlead.explain.observations import CONNTRACK, IPTABLES, LOG, NFT, NFT_JSON, SOCKETS
from fairlead.explain.statements import Statement, unchecked
from fairlead.model.phrases import Phrase

_KINDS = ("Pod", "EndpointSlice", "Node", "Event", "NetworkPolicy", "StatefulSet")
_OBSERVATIONS = {
    (SOCKETS,): "where processes listen (ss -ltn)",
    (NFT, NFT_JSON, IPTABLES): "rules of nodes (nft, iptables-save)",
    (CONNTRACK,): "flows (conntrack -L)",
    (LOG,): "logs of DNS servers",
}


def not_checked(cluster: Cluster) -> Iterator[Statement]:
    """Statements about what was not checked, and the data that it needs."""
    kinds = [plural(kind) for kind in _KINDS if not cluster.has_read(kind)]
    if kinds:
        yield unchecked(Phrase("objects that were not read: {kinds}", kinds=kinds))
    unseen = [Phrase(what) for of, what in _OBSERVATIONS.items() if not any(o.kind in of for o in cluster.observations)]
    if unseen:
        yield unchecked(Phrase("what was not looked at: {unseen}", unseen=unseen))
    for fault in cluster.faults:
        yield unchecked(Phrase("{where}: {message}", where=fault.where, message=fault.message))
