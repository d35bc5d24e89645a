"""What an examination could not look at: a diagnosis without it must not look whole."""

from collections.abc import Iterator

from fairlead.explain.cluster import Cluster
from fairlead.explain.observations import CONNTRACK, IPTABLES, LOG, NFT, NFT_JSON, SOCKETS
from fairlead.explain.statements import Statement, unchecked

_KINDS = {
    "Pod": "whether Pods match, are ready, and have the ports",
    "EndpointSlice": "whether endpoints are written down as they should be",
    "Node": "whether nodes are ready, and where node ports answer",
    "Event": "what probes, the scheduler and load balancers say",
    "NetworkPolicy": "whether policies keep clients away",
    "StatefulSet": "whether StatefulSets have the Services that they name",
}
_OBSERVATIONS = {
    (SOCKETS,): "which ports processes listen on: no output of `ss -ltn` was read",
    (NFT, NFT_JSON, IPTABLES): "whether nodes have the rules that they should have: no rules were read",
    (CONNTRACK,): "whether flows lead to endpoints that are gone: no output of `conntrack -L` was read",
    (LOG,): "what the DNS server logs: no logs were read",
}


def not_checked(cluster: Cluster) -> Iterator[Statement]:
    """What was not checked, and what it would take."""
    for kind, what in _KINDS.items():
        if not cluster.has_read(kind):
            yield cluster.missing(what, kind)
    for kinds, what in _OBSERVATIONS.items():
        if not any(True for kind in kinds for _ in cluster.observed(kind)):
            yield unchecked(what)
    for fault in cluster.faults:
        yield unchecked(f"{fault.where}: {fault.message}")
