"""Look-up of the names of Services: virtual IPs, headless endpoints, ports, endpoint names, external names.

A Service with a virtual IP exists whether or not it has endpoints; a headless one exists while it has a ready endpoint
(kubernetes/dns#234); selectors never matter, because only slices are read. SRV ports are the Service's for a virtual
IP, and the slice's (target ports) for endpoints.
"""

from collections.abc import Callable, Iterable
from functools import partial
from itertools import chain
from typing import NamedTuple

from fairlead.clusterdns.endpoints import SliceFacts, facts_of, packed
from fairlead.clusterdns.found import (
    ADDRESS_TYPES,
    NO_RECORDS,
    Existing,
    Found,
    Records,
    ZoneView,
    address_sets,
    missing,
)
from fairlead.clusterdns.grammar import (
    ClusterNode,
    EndpointNode,
    PortNode,
    ProtocolNode,
    ServiceNode,
    ZonalBranch,
    ZonalNode,
)
from fairlead.clusterdns.names import Name, is_valid, to_name
from fairlead.clusterdns.records import NameTarget, Origin, Reason, RRset, RRType, Srv
from fairlead.model.addresses import parse_ip
from fairlead.model.names import ObjectKey
from fairlead.model.objects import Service

Names = dict[str, tuple[bytes, ...]]  # endpoint name -> its addresses


class ServiceRow(NamedTuple):
    """One address behind one port, before duplicates are dropped; SRV records and their weights are built from
    these."""

    target: Name
    address: bytes
    port: int
    port_name: str
    protocol: str


def service_name(key: ObjectKey, view: ZoneView) -> Name:
    """The name of a Service."""
    return (key.name, key.namespace, "svc", *view.zone.origin)


def find_service(node: ServiceNode, view: ZoneView) -> Found:
    """A Service by its bare name."""
    return _find(node.key, view, _bare_service)


def find_protocol(node: ProtocolNode, view: ZoneView) -> Found:
    """The empty node between a Service and its named ports (RFC 8020)."""

    def named(service: Service, view: ZoneView) -> Found:
        ports = (row for row in _rows(service, view) if row.port_name)
        exists = any(row.protocol.lower() == node.protocol for row in ports)
        return Existing(Origin(Reason.BRANCH, node.key)) if exists else missing(Reason.NO_SUCH_PORT, node.key)

    return _find(node.key, view, _unless_alias(named))


def find_port(node: PortNode, view: ZoneView) -> Found:
    """A named port of a Service: SRV records, and nothing else."""

    def named(service: Service, view: ZoneView) -> Found:
        wanted = (node.port, node.protocol)
        rows = [row for row in _rows(service, view) if (row.port_name, row.protocol.lower()) == wanted and node.port]
        if not rows:
            return missing(Reason.NO_SUCH_PORT, node.key)
        owner = (f"_{node.port}", f"_{node.protocol}", *service_name(node.key, view))
        return Existing(Origin(Reason.SERVICE_PORT, node.key), {RRType.SRV: lambda: _srv(owner, view, rows)})

    return _find(node.key, view, _unless_alias(named))


def find_endpoint(node: EndpointNode, view: ZoneView) -> Found:
    """An endpoint of any Service, headless or not, by host name or dashed address."""

    def named(service: Service, view: ZoneView) -> Found:
        facts = [f for f in _named_facts(service, view, node.cluster) if node.endpoint in f.names]
        if not facts:
            return missing(Reason.NO_SUCH_ENDPOINT, node.key)
        owner = (node.endpoint, *node.cluster, *service_name(node.key, view))
        chosen = [(f, {node.endpoint: f.names[node.endpoint]}) for f in facts]
        return Existing(Origin(Reason.ENDPOINT, node.key), _endpoint_tables(owner, node.key, view, chosen))

    return _find(node.key, view, _unless_alias(named))


def find_cluster(node: ClusterNode, view: ZoneView) -> Found:
    """The node above the endpoints of an imported headless Service in one cluster."""

    def named(service: Service, view: ZoneView) -> Found:
        exists = any(f.rows for f in _named_facts(service, view, node.cluster))
        return Existing(Origin(Reason.BRANCH, node.key)) if exists else missing(Reason.NO_SUCH_ENDPOINT, node.key)

    return _find(node.key, view, named)


def find_zonal_branch(node: ZonalBranch, view: ZoneView) -> Found:
    """The empty nodes above the topology zones of a headless Service."""
    return _find(node.key, view, _if_headless(lambda _, __: Existing(Origin(Reason.BRANCH, node.key))))


def find_zonal(node: ZonalNode, view: ZoneView) -> Found:
    """The endpoints in a topology zone. Any zone is a name: a zone whose endpoints have gone must not be denied on a
    server that never saw them.

    Behaviour: CoreDNS's option ``zonal``.
    """

    def zonal(service: Service, view: ZoneView) -> Found:
        facts = _facts(service, view)
        chosen = [(f, f.within(node.topology_zone)) for f in facts]
        if node.prefers and not any(names for _, names in chosen):
            chosen = [(f, f.names) for f in facts]
        directive = "prefer" if node.prefers else "pin"
        owner = (*node.topology_zone.split("."), directive, "_zone", *service_name(node.key, view))
        return Existing(Origin(Reason.TOPOLOGY_ZONE, node.key), _endpoint_tables(owner, node.key, view, chosen))

    return _find(node.key, view, _if_headless(zonal))


def endpoint_names(key: ObjectKey, address: bytes, view: ZoneView) -> list[Name]:
    """The names that an address has as a ready endpoint of a Service."""
    return [name for name, _ in endpoint_pointers(key, address, view)]


def endpoint_pointers(key: ObjectKey, address: bytes, view: ZoneView) -> list[tuple[Name, bool]]:
    """The names of an address as a ready endpoint of a Service, and which of them are host names from a Pod or from the
    author of the slice."""
    service = view.service(key)
    if service is None or not view.shows(key.namespace):
        return []
    named = (
        ((label, *f.cluster), label in f.hostnames)
        for f in _facts(service, view)
        for label in f.names_by_address.get(address, ())
    )
    return [((*labels, *service_name(key, view)), chosen) for labels, chosen in dict(named).items()]


def _find(key: ObjectKey, view: ZoneView, look: Callable[[Service, ZoneView], Found]) -> Found:
    if not view.shows(key.namespace):
        return missing(Reason.NO_NAMESPACE, ObjectKey("", key.namespace))
    service = view.service(key)
    if service is None:
        return missing(Reason.NO_SERVICE, key)
    return _refusal(service, view) or look(service, view)


def _refusal(service: Service, view: ZoneView) -> Found | None:
    """Why an existing Service has no name."""
    if service.is_external_name:
        target = to_name(service.spec.external_name)
        usable = target and is_valid(target) and parse_ip(service.spec.external_name) is None
        return None if usable else missing(Reason.BAD_EXTERNAL_NAME, service.key)
    if service.is_headless or view.zone.ignore_empty:
        reason = Reason.NO_READY_ENDPOINT if service.is_headless else Reason.EMPTY_SERVICE
        return None if any(f.rows for f in _facts(service, view)) else missing(reason, service.key)
    return None


def _unless_alias(look: Callable[[Service, ZoneView], Found]) -> Callable[[Service, ZoneView], Found]:
    def guarded(service: Service, view: ZoneView) -> Found:
        return missing(Reason.BELOW_EXTERNAL_NAME, service.key) if service.is_external_name else look(service, view)

    return guarded


def _if_headless(look: Callable[[Service, ZoneView], Found]) -> Callable[[Service, ZoneView], Found]:
    def guarded(service: Service, view: ZoneView) -> Found:
        return look(service, view) if service.is_headless else missing(Reason.NOT_HEADLESS, service.key)

    return guarded


def _bare_service(service: Service, view: ZoneView) -> Found:
    owner = service_name(service.key, view)
    if service.is_external_name:
        target = to_name(service.spec.external_name)
        cname = RRset(owner, RRType.CNAME, view.zone.ttl, (NameTarget(target),))
        return Existing(Origin(Reason.EXTERNAL_NAME, service.key), {RRType.CNAME: lambda: Records((cname,))}, target)
    reason = Reason.HEADLESS if service.is_headless else Reason.CLUSTER_IP
    addresses, rows = partial(_addresses, service, view), partial(_rows, service, view)
    return Existing(Origin(reason, service.key), _tables(owner, view, addresses, rows))


def _tables(
    owner: Name, view: ZoneView, addresses: Callable[[], Iterable[bytes]], rows: Callable[[], Iterable[ServiceRow]]
) -> dict[int, Callable[[], Records]]:
    """The records by type of a name with addresses; made when called."""
    return {
        RRType.A: lambda: _address_records(owner, view, addresses(), 4),
        RRType.AAAA: lambda: _address_records(owner, view, addresses(), 16),
        RRType.SRV: lambda: _srv(owner, view, list(rows())),
    }


def _endpoint_tables(
    owner: Name, key: ObjectKey, view: ZoneView, chosen: list[tuple[SliceFacts, Names]]
) -> dict[int, Callable[[], Records]]:
    """The records by type of some endpoints of a Service, given as the names chosen of each slice."""
    service = service_name(key, view)
    return _tables(
        owner,
        view,
        lambda: chain.from_iterable(addresses for _, names in chosen for addresses in names.values()),
        lambda: chain.from_iterable(_endpoint_rows(facts, service, names) for facts, names in chosen),
    )


def _address_records(owner: Name, view: ZoneView, addresses: Iterable[bytes], octets: int) -> Records:
    found = tuple(dict.fromkeys(a for a in addresses if len(a) == octets))
    return Records((RRset(owner, ADDRESS_TYPES[octets], view.zone.ttl, found),)) if found else NO_RECORDS


def _srv(owner: Name, view: ZoneView, rows: list[ServiceRow]) -> Records:
    """SRV records, one per target and port; the weight shares 100 among the rows before duplicates are dropped."""
    if not rows:
        return NO_RECORDS
    weight = max(1, 100 // len(rows))
    data = dict.fromkeys(Srv(0, weight, row.port, row.target) for row in rows)
    by_target: dict[Name, list[bytes]] = {}
    for row in rows:
        by_target.setdefault(row.target, []).append(row.address)
    glue = (address_sets(target, view.zone.ttl, tuple(found)) for target, found in by_target.items())
    return Records((RRset(owner, RRType.SRV, view.zone.ttl, tuple(data)),), tuple(chain.from_iterable(glue)))


def _facts(service: Service, view: ZoneView) -> list[SliceFacts]:
    return facts_of(view.snapshot.slices_of(service.key), view.zone)


def _named_facts(service: Service, view: ZoneView, cluster: Name) -> list[SliceFacts]:
    """The slices whose endpoints have names. In a cluster set they are those of one cluster; a Service with a virtual
    IP has none, because clients must not depend on where it runs (KEP-1645)."""
    if view.zone.of_clusterset and not service.is_headless:
        return []
    return [facts for facts in _facts(service, view) if facts.cluster == cluster]


def _addresses(service: Service, view: ZoneView) -> Iterable[bytes]:
    if service.is_headless:
        return (row.address for facts in _facts(service, view) for row in facts.rows)
    return (packed(ip) for ip in service.cluster_ips if parse_ip(ip))


def _rows(service: Service, view: ZoneView) -> Iterable[ServiceRow]:
    owner = service_name(service.key, view)
    if service.is_headless:
        return chain.from_iterable(_endpoint_rows(facts, owner, facts.names) for facts in _facts(service, view))
    addresses = tuple(_addresses(service, view))
    return (ServiceRow(owner, a, p.port, p.name, p.protocol) for p in service.spec.ports for a in addresses)


def _endpoint_rows(facts: SliceFacts, service: Name, names: Names) -> Iterable[ServiceRow]:
    """Rows of endpoints under these names; a slice port without a number means "all ports" and has no record."""
    for port in facts.ports:
        if port.port is None:
            continue
        for name, addresses in names.items():
            for address in addresses:
                yield ServiceRow(
                    (name, *facts.cluster, *service), address, port.port, port.name or "", port.protocol or "TCP"
                )
