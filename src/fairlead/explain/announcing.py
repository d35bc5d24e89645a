"""Which nodes attract a load balancer's address, by the announcers' Events, and which nodes may.

Routers outside are not queried. The sources are Events of Fairlead's announcer and of MetalLB about a Service
(``nodeAssigned``), and Events of the announcer about a Node (``BGPSessionUp``, ``BGPSessionDown``). API servers delete
Events after an hour, so a missing Event proves nothing.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from fairlead.dataplane.announcing import candidates
from fairlead.explain.cluster import Cluster, Ref
from fairlead.explain.documents import name_of, namespace_of, text
from fairlead.explain.statements import Evidence, EvidenceKind, Statement, failed, said, unchecked
from fairlead.model.document import Doc
from fairlead.model.objects import Service
from fairlead.model.phrases import Phrase

_ASSIGNED = re.compile(r'^announcing from nodes? (?P<nodes>"[^"]+"(?:, "[^"]+")*) with protocol "(?P<protocol>\w+)"')
_SESSION = re.compile(r"BGP session with (?P<router>\S+?):? (?:is up: )?(?P<reason>.*)$")
_MANY_AT_ONCE = "bgp"  # each node reports for itself, and all that reported attract


class Announcement(NamedTuple):
    """The nodes that attract a Service's address, and the protocol."""

    nodes: tuple[str, ...]
    protocol: str
    evidence: Evidence


class LostSession(NamedTuple):
    """A node's BGP session that has ended, or never came up."""

    node: str
    router: str
    reason: str
    evidence: Evidence


def announcement_of(cluster: Cluster, service: Service) -> Announcement | None:
    """The last Event of the announcers about a Service; with BGP, of each of them."""
    told: list[tuple[re.Match[str], Doc]] = []
    for event in sorted(cluster.events_of(Ref("Service", *service.key)), key=_time):
        match = _ASSIGNED.match(_message(event)) if text(event, "reason") == "nodeAssigned" else None
        if match:
            told.append((match, event))
    if not told:
        return None
    last, event = told[-1]
    alike = [match for match, _ in told if match["protocol"] == last["protocol"] == _MANY_AT_ONCE] or [last]
    nodes = dict.fromkeys(name for match in alike for name in re.findall(r'"([^"]+)"', match["nodes"]))
    return Announcement(tuple(nodes), last["protocol"], _evidence(cluster, event))


def tell_announcement(cluster: Cluster, service: Service, address: str) -> Statement:
    """Which nodes attract packets for a load balancer's address."""
    if not cluster.has_read("Node", "EndpointSlice"):
        return cluster.missing("which nodes may announce it", "Node", "EndpointSlice")
    able = candidates(cluster.snapshot, service.key, address)
    if not able:
        return failed("no node may announce it: none is Ready, allowed to, and has an endpoint where it needs one")
    found = announcement_of(cluster, service)
    if found is not None:
        return said(
            Phrase("{nodes} attract it, by {protocol}", nodes=found.nodes, protocol=found.protocol), found.evidence
        )
    return unchecked(Phrase("which node attracts it: no Event of the Service says so; {nodes} may", nodes=able))


def lost_sessions(cluster: Cluster) -> Iterator[LostSession]:
    """BGP sessions of nodes whose last Event says that they are down."""
    last: dict[tuple[str, str], tuple[Doc, str]] = {}
    for name in sorted(cluster.snapshot.nodes):
        for event in sorted(cluster.events_of(Ref("Node", "", name)), key=_time):
            match = _SESSION.search(_message(event))
            if match and text(event, "reason") in ("BGPSessionUp", "BGPSessionDown"):
                last[name, match["router"]] = event, match["reason"]
    for (node, router), (event, reason) in last.items():
        if text(event, "reason") == "BGPSessionDown":
            yield LostSession(node, router, reason, _evidence(cluster, event))


def _message(event: Doc) -> str:
    return text(event, "message") or text(event, "note")


def _time(event: Doc) -> str:
    """Time of its last occurrence: RFC 3339 in UTC sorts as text."""
    times = (text(event, "series", "lastObservedTime"), text(event, "lastTimestamp"), text(event, "eventTime"))
    return next(filter(None, times), text(event, "metadata", "creationTimestamp"))


def _evidence(cluster: Cluster, event: Doc) -> Evidence:
    where = cluster.sources.get(Ref("Event", namespace_of(event), name_of(event)), "")
    return Evidence(f"Event {text(event, 'reason')}: {_message(event)}", where, EvidenceKind.OBSERVATION)
