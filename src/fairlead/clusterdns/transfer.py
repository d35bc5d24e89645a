"""Transfers of the whole zone to secondary servers: AXFR (RFC 5936), and IXFR (RFC 1995) limited to "no change".

In the order SOA, NS, version, then Service by Service, and the SOA again. Names that cannot be listed are left out: Pod
names, which are computed, and endpoint names of Services with a virtual IP, an addition to the specification. Only the
cluster domain is transferred, not the reverse trees. No history is kept, so an IXFR from an older serial is answered
with the whole zone, as RFC 1995 section 4 allows.
"""

from collections.abc import Callable, Iterator
from functools import partial
from ipaddress import ip_address
from itertools import chain
from typing import NamedTuple

from fairlead.clusterdns.encoder import TCP_MAX, ReplyLimits, encode
from fairlead.clusterdns.endpoints import facts_of
from fairlead.clusterdns.found import Existing, Found, ZoneView
from fairlead.clusterdns.grammar import Apex, EndpointNode, PortNode, ServiceNode, VersionName
from fairlead.clusterdns.names import Name
from fairlead.clusterdns.other_names import find_apex, find_version
from fairlead.clusterdns.plugins.file import ZoneFile, ZoneFiles
from fairlead.clusterdns.plugins.kubernetes import Kubernetes
from fairlead.clusterdns.query import Query
from fairlead.clusterdns.records import Answer, Origin, Rcode, Reason, RRset, RRType, Soa
from fairlead.clusterdns.server_blocks import ServerBlocks
from fairlead.clusterdns.service_names import find_endpoint, find_port, find_service
from fairlead.clusterdns.zone import Zone
from fairlead.model.names import ObjectKey
from fairlead.model.objects import Service
from fairlead.model.snapshot import ClusterSnapshot

# A record with two names of 255 octets, uncompressed, has 526: a hundred of them always fit a message of 65,535.
RECORDS_PER_MESSAGE = 100

_ADDRESSES = (RRType.A, RRType.AAAA)


class TransferSource(NamedTuple):
    """A zone as a whole: its SOA record, and all records between the first SOA and the last."""

    soa: RRset
    records: Callable[[], Iterator[RRset]]


def source_of(name: Name, client: str, server: ServerBlocks) -> TransferSource | None:
    """The zone of this name, if the client may transfer it."""
    block = server.find(name).block
    granted = (grant for grant in block.grants if grant.zone == name)
    if not any(not g.networks or any(ip_address(client) in network for network in g.networks) for g in granted):
        return None
    for plugin in block.plugins:
        if isinstance(plugin, Kubernetes):
            for settings in plugin.zones:
                if settings.origin == name:
                    view = server.authority.view_of(settings)
                    return TransferSource(view.zone.soa(name), partial(zone_records, view.snapshot, view.zone))
        if isinstance(plugin, ZoneFiles):
            for zone in plugin.zones:
                if zone.apex == name:
                    return TransferSource(zone.soa, partial(file_records, zone))
    return None


def transfer(query: Query, source: TransferSource, known_serial: int | None) -> Iterator[bytes]:
    """The messages of a transfer; ``known_serial`` is the client's serial in an IXFR."""
    (soa,) = source.soa.data
    assert isinstance(soa, Soa)
    if known_serial is not None and known_serial >= soa.serial:
        yield _message(query, (source.soa,))
        return
    batch: list[RRset] = []
    for rrset in source.records():
        if sum(len(kept.data) for kept in batch) + len(rrset.data) > RECORDS_PER_MESSAGE:
            yield _message(query, tuple(batch))
            batch = []
        batch.append(rrset)
    yield _message(query, tuple(batch))


def file_records(zone: ZoneFile) -> Iterator[RRset]:
    """All records of a zone file between two SOA records."""
    yield zone.soa
    for owner in sorted(zone.nodes):
        for rtype, rrset in sorted(zone.nodes[owner].items()):
            if rtype != RRType.SOA:
                yield from _pieces(rrset)
    yield zone.soa


def zone_records(snapshot: ClusterSnapshot, zone: Zone) -> Iterator[RRset]:
    """All records of the cluster domain between two SOA records; large sets come in pieces."""
    view = ZoneView(snapshot, zone)
    soa = zone.soa(zone.origin)
    services = (_service_records(service, view) for _, service in sorted(snapshot.services.items()))
    yield soa
    for rrset in chain(_all(find_apex(Apex(zone.origin), view), RRType.NS), _version(view), *services):
        yield from _pieces(rrset)
    yield soa


def _version(view: ZoneView) -> Iterator[RRset]:
    return _all(find_version(VersionName(), view), RRType.TXT)


def _service_records(service: Service, view: ZoneView) -> Iterator[RRset]:
    key = service.key
    found = find_service(ServiceNode(key), view)
    yield from _all(found, RRType.CNAME, *_ADDRESSES, RRType.SRV)
    if not isinstance(found, Existing) or found.alias:
        return
    for protocol, port in sorted(_named_ports(service, view)):
        yield from _all(find_port(PortNode(key, protocol, port), view), RRType.SRV)
    for endpoint in _endpoints(key, view) if service.is_headless else ():
        yield from _all(find_endpoint(EndpointNode(key, endpoint), view), *_ADDRESSES)


def _named_ports(service: Service, view: ZoneView) -> set[tuple[str, str]]:
    """Protocol and name of each port that has a name."""
    if not service.is_headless:
        return {(port.protocol.lower(), port.name) for port in service.spec.ports if port.name}
    facts = facts_of(view.snapshot.slices_of(service.key), view.zone)
    return {((port.protocol or "TCP").lower(), port.name) for f in facts for port in f.ports if port.name}


def _endpoints(key: ObjectKey, view: ZoneView) -> list[str]:
    facts = facts_of(view.snapshot.slices_of(key), view.zone)
    return sorted({name for f in facts for name in f.names})


def _all(found: Found, *types: RRType) -> Iterator[RRset]:
    """The records of these types of a name, when it exists; glue of the name servers with them."""
    if not isinstance(found, Existing):
        return
    for make in (found.records[rtype] for rtype in types if rtype in found.records):
        records = make()
        yield from records.answer
        yield from (glue for glue in records.additional if records.answer[0].rtype == RRType.NS)


def _pieces(rrset: RRset) -> Iterator[RRset]:
    for start in range(0, len(rrset.data), RECORDS_PER_MESSAGE):
        yield RRset(rrset.owner, rrset.rtype, rrset.ttl, rrset.data[start : start + RECORDS_PER_MESSAGE])


def _message(query: Query, rrsets: tuple[RRset, ...]) -> bytes:
    answer = Answer(Rcode.NOERROR, Origin(Reason.ZONE), rrsets, zone=query.question.name)
    return encode(query, answer, ReplyLimits(TCP_MAX))
