"""Look-up of the names of Services: virtual IPs, headless endpoints, ports, endpoint names, external names.

A Service with a virtual IP exists whether or not it has endpoints; a headless one exists while it has a ready endpoint
(kubernetes/dns#234); whether there is a selector never matters, for only slices are read. SRV ports are the Service's
for a virtual IP, and the slice's (target ports) for endpoints.
"""

from collections.abc import Callable, Iterable
from functools import partial
from itertools import chain
from typing import NamedTuple

from fairlead.clusterdns.endpoints import Facts, facts_of, packed
from fairlead.clusterdns.existing import (
    ADDRESS_TYPES,
    NO_RECORDS,
    Existing,
    Found,
    Records,
    View,
    address_sets,
    missing,
)
from fairlead.clusterdns.grammar import EndpointNode, PortNode, ProtocolNode, ServiceNode
from fairlead.clusterdns.names import Name, is_valid, to_name
from fairlead.clusterdns.records import Origin, Reason, RRset, RRType, Srv, Target
from fairlead.model.addresses import parse_ip
from fairlead.model.names import ObjectKey
from fairlead.model.objects import Service


class Row(NamedTuple):
    """One address behind one port, before duplicates are dropped: what SRV records and their weights are made of."""

    target: Name
    address: bytes
    port: int
    port_name: str
    protocol: str


def service_name(key: ObjectKey, view: View) -> Name:
    """The name of a Service."""
    return (key.name, key.namespace, "svc", *view.zone.origin)


def find_service(node: ServiceNode, view: View) -> Found:
    """A Service by its bare name."""
    return _find(node.key, view, _bare_service)


def find_protocol(node: ProtocolNode, view: View) -> Found:
    """The empty node between a Service and its named ports (RFC 8020)."""

    def named(service: Service, view: View) -> Found:
        ports = (row for row in _rows(service, view) if row.port_name)
        exists = any(row.protocol.lower() == node.protocol for row in ports)
        return Existing(Origin(Reason.BRANCH, node.key)) if exists else missing(Reason.NO_SUCH_PORT, node.key)

    return _find(node.key, view, _unless_alias(named))


def find_port(node: PortNode, view: View) -> Found:
    """A named port of a Service: SRV records, and nothing else."""

    def named(service: Service, view: View) -> Found:
        wanted = (node.port, node.protocol)
        rows = [row for row in _rows(service, view) if (row.port_name, row.protocol.lower()) == wanted and node.port]
        if not rows:
            return missing(Reason.NO_SUCH_PORT, node.key)
        owner = (f"_{node.port}", f"_{node.protocol}", *service_name(node.key, view))
        return Existing(Origin(Reason.SERVICE_PORT, node.key), {RRType.SRV: lambda: _srv(owner, view, rows)})

    return _find(node.key, view, _unless_alias(named))


def find_endpoint(node: EndpointNode, view: View) -> Found:
    """An endpoint of any Service, headless or not, by host name or dashed address."""

    def named(service: Service, view: View) -> Found:
        facts = [f for f in _facts(service, view) if node.endpoint in f.names]
        if not facts:
            return missing(Reason.NO_SUCH_ENDPOINT, node.key)
        owner = (node.endpoint, *service_name(node.key, view))
        addresses = tuple(chain.from_iterable(f.names[node.endpoint] for f in facts))
        rows = [row for f in facts for row in _endpoint_rows(f, owner[1:], {node.endpoint: f.names[node.endpoint]})]
        return Existing(Origin(Reason.ENDPOINT, node.key), _tables(owner, view, lambda: addresses, lambda: rows))

    return _find(node.key, view, _unless_alias(named))


def endpoint_names(key: ObjectKey, address: bytes, view: View) -> list[Name]:
    """The names that an address has as a ready endpoint of a Service."""
    service = view.snapshot.services.get(key)
    if service is None or not view.zone.exposes(key.namespace):
        return []
    found = chain.from_iterable(f.names_by_address.get(address, ()) for f in _facts(service, view))
    return [(label, *service_name(key, view)) for label in dict.fromkeys(found)]


def _find(key: ObjectKey, view: View, look: Callable[[Service, View], Found]) -> Found:
    if not view.shows(key.namespace):
        return missing(Reason.NO_NAMESPACE, ObjectKey("", key.namespace))
    service = view.snapshot.services.get(key)
    if service is None:
        return missing(Reason.NO_SERVICE, key)
    return _refusal(service, view) or look(service, view)


def _refusal(service: Service, view: View) -> Found | None:
    """Why a Service that is there has no name all the same."""
    if service.is_external_name:
        target = to_name(service.spec.external_name)
        usable = target and is_valid(target) and parse_ip(service.spec.external_name) is None
        return None if usable else missing(Reason.BAD_EXTERNAL_NAME, service.key)
    if service.is_headless or view.zone.ignore_empty:
        reason = Reason.NO_READY_ENDPOINT if service.is_headless else Reason.EMPTY_SERVICE
        return None if any(f.rows for f in _facts(service, view)) else missing(reason, service.key)
    return None


def _unless_alias(look: Callable[[Service, View], Found]) -> Callable[[Service, View], Found]:
    def guarded(service: Service, view: View) -> Found:
        return missing(Reason.BELOW_EXTERNAL_NAME, service.key) if service.is_external_name else look(service, view)

    return guarded


def _bare_service(service: Service, view: View) -> Found:
    owner = service_name(service.key, view)
    if service.is_external_name:
        target = to_name(service.spec.external_name)
        cname = RRset(owner, RRType.CNAME, view.zone.ttl, (Target(target),))
        return Existing(Origin(Reason.EXTERNAL_NAME, service.key), {RRType.CNAME: lambda: Records((cname,))}, target)
    reason = Reason.HEADLESS if service.is_headless else Reason.CLUSTER_IP
    addresses, rows = partial(_addresses, service, view), partial(_rows, service, view)
    return Existing(Origin(reason, service.key), _tables(owner, view, addresses, rows))


def _tables(
    owner: Name, view: View, addresses: Callable[[], Iterable[bytes]], rows: Callable[[], Iterable[Row]]
) -> dict[int, Callable[[], Records]]:
    """The records by type of a name with addresses; made when called."""
    return {
        RRType.A: lambda: _address_records(owner, view, addresses(), 4),
        RRType.AAAA: lambda: _address_records(owner, view, addresses(), 16),
        RRType.SRV: lambda: _srv(owner, view, list(rows())),
    }


def _address_records(owner: Name, view: View, addresses: Iterable[bytes], octets: int) -> Records:
    found = tuple(dict.fromkeys(a for a in addresses if len(a) == octets))
    return Records((RRset(owner, ADDRESS_TYPES[octets], view.zone.ttl, found),)) if found else NO_RECORDS


def _srv(owner: Name, view: View, rows: list[Row]) -> Records:
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


def _facts(service: Service, view: View) -> list[Facts]:
    return facts_of(view.snapshot.slices_of(service.key), view.zone.endpoint_pod_names)


def _addresses(service: Service, view: View) -> Iterable[bytes]:
    if service.is_headless:
        return (address for facts in _facts(service, view) for _, address in facts.rows)
    return (packed(ip) for ip in service.cluster_ips if parse_ip(ip))


def _rows(service: Service, view: View) -> Iterable[Row]:
    owner = service_name(service.key, view)
    if service.is_headless:
        return chain.from_iterable(_endpoint_rows(facts, owner, facts.names) for facts in _facts(service, view))
    addresses = tuple(_addresses(service, view))
    return (Row(owner, a, p.port, p.name, p.protocol) for p in service.spec.ports for a in addresses)


def _endpoint_rows(facts: Facts, service: Name, names: dict[str, tuple[bytes, ...]]) -> Iterable[Row]:
    """Rows of endpoints under these names; a slice port without a number means "all ports" and has no record."""
    for port in facts.ports:
        if port.port is None:
            continue
        for name, addresses in names.items():
            for address in addresses:
                yield Row((name, *service), address, port.port, port.name or "", port.protocol or "TCP")
