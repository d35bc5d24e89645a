"""The one question of this package: what is the answer for a name?

Whether a name exists depends on its shape (``grammar``) and the snapshot, not on the type asked. NXDOMAIN is decided
here and nowhere else. A name that exists answers with its records of the asked type, or with NODATA. So a name with
something below it always exists (RFC 8020), and every type of one name agrees on that.

Refuses: wildcards, zone transfers, any type but A and AAAA across an externalName. Behaviour: Kubernetes DNS-based
service discovery 1.1.0, and CoreDNS's kubernetes plugin where the specification says nothing; docs/dns.md lists where
we differ.
"""

from collections.abc import Callable
from typing import Any

from fairlead.clusterdns import other_names, service_names
from fairlead.clusterdns.found import NO_RECORDS, Existing, Found, Missing, Records, ZoneView, service_tags
from fairlead.clusterdns.grammar import (
    AddressNode,
    Apex,
    Branch,
    ClusterNode,
    EndpointNode,
    Nameserver,
    NamespaceNode,
    Node,
    OutsideNode,
    PodNode,
    PortNode,
    ProtocolNode,
    ReverseBranch,
    ServiceBound,
    ServiceNode,
    Unshaped,
    VersionName,
    ZonalBranch,
    ZonalNode,
    node_of,
)
from fairlead.clusterdns.names import Name, from_dashed
from fairlead.clusterdns.records import (
    ANY_CHANGE,
    Answer,
    Origin,
    Question,
    Rcode,
    Reason,
    RRType,
    Tag,
    address_tag,
    namespace_tag,
)
from fairlead.clusterdns.zone import Outside, Zone
from fairlead.model.snapshot import ClusterSnapshot

CHAIN_MAX = 10  # CNAMEs followed within the zone, upstream's limit

_NOTHING: frozenset[Tag] = frozenset()
_EVERYTHING = frozenset((ANY_CHANGE,))

_FIND: dict[type, Callable[[Any, ZoneView], Found]] = {
    Apex: other_names.find_apex,
    VersionName: other_names.find_version,
    Branch: other_names.find_branch,
    Nameserver: other_names.find_nameserver,
    NamespaceNode: other_names.find_namespace,
    PodNode: other_names.find_pod,
    AddressNode: other_names.find_address,
    ReverseBranch: other_names.find_reverse_branch,
    Unshaped: other_names.find_unshaped,
    ServiceNode: service_names.find_service,
    ProtocolNode: service_names.find_protocol,
    PortNode: service_names.find_port,
    EndpointNode: service_names.find_endpoint,
    ClusterNode: service_names.find_cluster,
    ZonalBranch: service_names.find_zonal_branch,
    ZonalNode: service_names.find_zonal,
}


def answer(question: Question, view: ZoneView) -> Answer:
    """The answer to a question, in one state of the cluster.

    The name is lower-case; an answer whose ``outside`` is set needs records that only upstream servers have.
    """
    return _resolve(question, view, ())


def unsynced_answer(question: Question, view: ZoneView) -> Answer:
    """The answer while the cluster is not yet known: SERVFAIL, never a false NXDOMAIN; the zone itself is known."""
    zone = view.of(question.name).zone
    apex = zone.apex_of(question.name)
    if apex is None:
        return _outside_answer(question.name, zone)
    if question.name == apex:
        return answer(question, ZoneView(ClusterSnapshot(), zone))
    unknown = _negative(Rcode.SERVFAIL, Origin(Reason.NOT_SYNCED), question.name, zone, _EVERYTHING)
    return unknown._replace(failure=Reason.NOT_SYNCED.value)


def _resolve(question: Question, whole: ZoneView, trail: tuple[Name, ...]) -> Answer:
    view = whole.of(question.name)
    node = node_of(question.name, view.zone)
    if isinstance(node, OutsideNode):
        return _outside_answer(question.name, view.zone)
    found = _FIND[type(node)](node, view)
    depends = _depends(node, view)
    if isinstance(found, Missing):
        return _missing_answer(question, view.zone, found, depends)
    if found.alias and question.qtype in (RRType.A, RRType.AAAA):
        return _follow(question, whole, found, depends, (*trail, question.name))
    return _existing_answer(question, view.zone, found, depends)


def denial(question: Question, view: ZoneView, origin: Origin) -> Answer:
    """NXDOMAIN of a name in the zone, for this reason."""
    whole = view.of(question.name)
    return _negative(Rcode.NXDOMAIN, origin, question.name, whole.zone, _EVERYTHING)


def _existing_answer(question: Question, zone: Zone, found: Existing, depends: frozenset[Tag]) -> Answer:
    make = found.records.get(question.qtype)
    records: Records = make() if make else NO_RECORDS
    if records.answer:
        apex = zone.apex_of(question.name)
        return Answer(Rcode.NOERROR, found.origin, records.answer, (), records.additional, depends, zone=apex)
    return _negative(Rcode.NOERROR, found.origin, question.name, zone, depends)


def _missing_answer(question: Question, zone: Zone, found: Missing, depends: frozenset[Tag]) -> Answer:
    """NXDOMAIN; but an unknown part of a reverse tree may be known upstream (kubeadm's ``fallthrough``)."""
    if zone.falls_through(question.name):
        return Answer(Rcode.NOERROR, found.origin, depends=depends, outside=question.name)
    return _negative(Rcode.NXDOMAIN, found.origin, question.name, zone, depends)


def _negative(rcode: Rcode, origin: Origin, name: Name, zone: Zone, depends: frozenset[Tag]) -> Answer:
    apex = zone.apex_of(name) or ()
    return Answer(rcode, origin, authority=(zone.soa(apex),), depends=depends, zone=apex)


def _outside_answer(name: Name, zone: Zone) -> Answer:
    origin = Origin(Reason.OUTSIDE)
    if zone.outside is Outside.FORWARD:
        return Answer(Rcode.NOERROR, origin, outside=name)
    if zone.outside is Outside.REFUSE:
        return Answer(Rcode.REFUSED, origin)
    return _negative(Rcode.NXDOMAIN, origin, name, zone, _NOTHING)


def _follow(
    question: Question, view: ZoneView, found: Existing, depends: frozenset[Tag], trail: tuple[Name, ...]
) -> Answer:
    """An alias first, then what its target answers; the last name decides the response code (RFC 6604)."""
    assert found.alias is not None
    if found.alias in trail or len(trail) > CHAIN_MAX:
        return _negative(Rcode.NOERROR, Origin(Reason.CNAME_LOOP), question.name, view.zone, depends)
    rest = _resolve(Question(found.alias, question.qtype), view, trail)
    depends |= rest.depends
    if rest.origin.reason is Reason.CNAME_LOOP:
        return rest._replace(depends=depends)
    cname = found.records[RRType.CNAME]().answer
    # An authoritative server that asks nobody leaves an alias out of its zones to the client (RFC 1034 section 4.3.2).
    rcode = Rcode.NOERROR if rest.rcode is Rcode.REFUSED else rest.rcode
    zone = view.zone.origin
    return rest._replace(rcode=rcode, origin=found.origin, answer=cname + rest.answer, depends=depends, zone=zone)


def _depends(node: Node, view: ZoneView) -> frozenset[Tag]:
    if isinstance(node, ServiceBound):
        return service_tags(node.key)
    match node:
        case NamespaceNode(namespace):
            return frozenset((namespace_tag(namespace),))
        case PodNode(namespace, label):
            return frozenset((namespace_tag(namespace), address_tag(str(from_dashed(label)))))
        case AddressNode(address):
            owners = other_names.owners(str(address), view)
            return frozenset((address_tag(str(address)),)).union(*map(service_tags, owners))
        case Apex() | ReverseBranch() | Nameserver() | Branch():
            return _EVERYTHING
    return _NOTHING
