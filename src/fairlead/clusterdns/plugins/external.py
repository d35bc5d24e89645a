"""``k8s_external``: Services by their external addresses, in a separate zone.

service.namespace.Z                    A, AAAA, SRV
_port._protocol.service.namespace.Z    SRV
endpoint.service.namespace.Z           with ``headless``: an endpoint of a headless Service
apex.Z, ns1.apex.Z                     this server
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from fairlead.clusterdns.answer import answer
from fairlead.clusterdns.chain import DnsRequest, Lookup
from fairlead.clusterdns.corefile.blocks import Directive
from fairlead.clusterdns.corefile.faults import Wrong
from fairlead.clusterdns.corefile.values import all_zones, fallthrough, none, number, one
from fairlead.clusterdns.endpoints import packed
from fairlead.clusterdns.found import ZoneView, address_sets
from fairlead.clusterdns.names import IN_ADDR_ARPA, IP6_ARPA, Name, from_reverse, is_within, to_name
from fairlead.clusterdns.plugins.scope import BlockScope
from fairlead.clusterdns.records import (
    ANY_CHANGE,
    Answer,
    NameTarget,
    Origin,
    Question,
    Rcode,
    Reason,
    RRset,
    RRType,
    Soa,
    Srv,
)
from fairlead.clusterdns.zone import Zone
from fairlead.model.addresses import parse_ip
from fairlead.model.names import ObjectKey
from fairlead.model.objects import Service

TTL = 5  # seconds
REFRESH, RETRY, EXPIRE = 7200, 1800, 86400  # seconds
_DEPENDS = frozenset((ANY_CHANGE,))
_ORIGIN = Origin(Reason.EXTERNAL)


@dataclass(frozen=True)
class External:
    """Zones with the external addresses of the Services that ``cluster`` exposes.

    Attributes:
        apex: the label below which this server has its own names.
        headless: show headless Services with their endpoints too.
    """

    zones: tuple[Name, ...]
    cluster: Zone
    apex: str = "dns"
    ttl: int = TTL
    headless: bool = False
    fallthrough: tuple[Name, ...] = ()

    async def serve(self, request: DnsRequest, rest: Lookup) -> Answer:
        question, authority = request.question, request.server.authority
        view = authority.view_of(self.cluster)
        if question.qtype == RRType.PTR and question.name[-2:] in (IN_ADDR_ARPA, IP6_ARPA):
            pointer = self._pointer(question, view) if authority.synced else None
            return pointer or await rest(request)
        zone = max((zone for zone in self.zones if is_within(question.name, zone)), key=len, default=None)
        if zone is None:
            return await rest(request)
        if not authority.synced:
            return self._negative(Rcode.SERVFAIL, zone, view)
        found = self._answer(question, zone, view)
        if found.rcode is Rcode.NXDOMAIN and any(is_within(question.name, through) for through in self.fallthrough):
            further = await rest(request)
            return found if further.unanswered else further
        return found

    def _answer(self, question: Question, zone: Name, view: ZoneView) -> Answer:
        labels = question.name[: len(question.name) - len(zone)]
        match labels:
            case ():
                return self._positive(question, zone, view, self._apex_sets(zone, view))
            case (*below, apex) if apex == self.apex:
                return self._own(question, zone, view, tuple(below))
            case (service, namespace):
                return self._service(question, zone, view, ObjectKey(namespace, service))
            case (port, protocol, service, namespace) if port[:1] == protocol[:1] == "_":
                return self._port(question, zone, view, ObjectKey(namespace, service), (port[1:], protocol[1:]))
            case (_, service, namespace) if self.headless:
                return self._from_cluster(question, zone, view, labels, ObjectKey(namespace, service))
        is_namespace = len(labels) == 1 and view.shows(labels[0])
        return self._negative(Rcode.NOERROR if is_namespace else Rcode.NXDOMAIN, zone, view)

    def _service(self, question: Question, zone: Name, view: ZoneView, key: ObjectKey) -> Answer:
        service = _exposed_service(key, view)
        if service is None:
            return self._negative(Rcode.NXDOMAIN, zone, view)
        if service.is_headless and self.headless:
            return self._from_cluster(question, zone, view, (key.name, key.namespace), key)
        addresses = _addresses(service)
        names = [to_name(point.hostname) for point in service.status.load_balancer.ingress if point.hostname]
        if names and not addresses:
            alias = RRset(question.name, RRType.CNAME, self.ttl, (NameTarget(names[0]),))
            return self._positive(question, zone, view, (alias,), aliased=True)
        if not addresses:
            return self._negative(Rcode.NXDOMAIN, zone, view)
        ports = [(port.port, port.name, port.protocol) for port in service.spec.ports]
        return self._positive(question, zone, view, self._sets(question.name, question.name, addresses, ports))

    def _port(self, question: Question, zone: Name, view: ZoneView, key: ObjectKey, wanted: tuple[str, str]) -> Answer:
        service = _exposed_service(key, view)
        addresses = _addresses(service) if service else ()
        ports = [
            (port.port, port.name, port.protocol)
            for port in (service.spec.ports if service else ())
            if (port.name, port.protocol.lower()) == wanted
        ]
        if not addresses or not ports:
            return self._negative(Rcode.NXDOMAIN, zone, view)
        srv = [s for s in self._sets(question.name, question.name[2:], addresses, ports) if s.rtype == RRType.SRV]
        return self._positive(question, zone, view, srv)

    def _sets(
        self, owner: Name, target: Name, addresses: tuple[bytes, ...], ports: Iterable[tuple[int, str, str]]
    ) -> tuple[RRset, ...]:
        numbers = tuple(dict.fromkeys(number for number, _, _ in ports))
        weight = 100 // (len(numbers) * len(addresses)) if numbers else 100
        srv = tuple(Srv(0, max(1, weight), number, target) for number in numbers)
        return (*address_sets(owner, self.ttl, addresses), *((RRset(owner, RRType.SRV, self.ttl, srv),) if srv else ()))

    def _from_cluster(self, question: Question, zone: Name, view: ZoneView, labels: Name, key: ObjectKey) -> Answer:
        """A headless Service or one of its endpoints: as in the cluster's own zone, under the names of this one."""
        service = _exposed_service(key, view)
        if service is None or not service.is_headless:
            return self._negative(Rcode.NXDOMAIN, zone, view)
        inside = (*labels, "svc", *self.cluster.origin)
        found = answer(Question(inside, question.qtype), view)
        if not found.answer:
            return self._negative(found.rcode, zone, view)
        return found._replace(
            answer=tuple(self._moved(rrset, zone) for rrset in found.answer),
            additional=tuple(self._moved(rrset, zone) for rrset in found.additional),
            zone=zone,
        )

    def _moved(self, rrset: RRset, zone: Name) -> RRset:
        end = len(self.cluster.origin) + 1  # "svc" and the cluster domain

        def moved(name: Name) -> Name:
            return name[:-end] + zone

        data = tuple(d._replace(target=moved(d.target)) if isinstance(d, Srv) else d for d in rrset.data)
        return replace(rrset, owner=moved(rrset.owner), data=data, ttl=self.ttl)

    def _own(self, question: Question, zone: Name, view: ZoneView, below: Name) -> Answer:
        """``apex.Z`` and ``ns1.apex.Z``."""
        owner = ("ns1", self.apex, *zone)
        if below == ("ns1",):
            sets = address_sets(owner, self.ttl, tuple(map(packed, view.zone.own_addresses)))
            return self._positive(question, zone, view, sets)
        return self._negative(Rcode.NXDOMAIN if below else Rcode.NOERROR, zone, view)

    def _apex_sets(self, zone: Name, view: ZoneView) -> tuple[RRset, ...]:
        nameserver = ("ns1", self.apex, *zone)
        return RRset(zone, RRType.NS, self.ttl, (NameTarget(nameserver),)), self._soa(zone, view)

    def _soa(self, zone: Name, view: ZoneView) -> RRset:
        names = ("ns1", self.apex, *zone), ("hostmaster", *zone)
        return RRset(zone, RRType.SOA, self.ttl, (Soa(*names, view.zone.serial, REFRESH, RETRY, EXPIRE, self.ttl),))

    def _positive(
        self, question: Question, zone: Name, view: ZoneView, sets: Iterable[RRset], aliased: bool = False
    ) -> Answer:
        sets = tuple(sets)
        found = tuple(rrset for rrset in sets if rrset.rtype == question.qtype or aliased)
        if not found:
            return self._negative(Rcode.NOERROR, zone, view)
        is_srv = found[0].rtype == RRType.SRV
        glue = tuple(s for s in sets if s.rtype in (RRType.A, RRType.AAAA)) if is_srv else ()
        return Answer(Rcode.NOERROR, _ORIGIN, found, (), glue, _DEPENDS, zone=zone)

    def _negative(self, rcode: Rcode, zone: Name, view: ZoneView) -> Answer:
        return Answer(rcode, _ORIGIN, authority=(self._soa(zone, view),), depends=_DEPENDS, zone=zone)

    def _pointer(self, question: Question, view: ZoneView) -> Answer | None:
        """The Services that have an external address; None if there are none."""
        address = from_reverse(question.name)
        if address is None:
            return None
        # There is no index of these addresses: reverse look-ups of external addresses are rare, and their replies are
        # prepared.
        services = sorted(
            key
            for key, service in view.snapshot.services.items()
            if address.packed in _addresses(service) and _exposed_service(key, view)
        )
        if not services:
            return None
        targets = tuple(NameTarget((key.name, key.namespace, *self.zones[0])) for key in services)
        record = RRset(question.name, RRType.PTR, self.ttl, targets)
        return Answer(Rcode.NOERROR, _ORIGIN, (record,), depends=_DEPENDS, zone=self.zones[0])


def _exposed_service(key: ObjectKey, view: ZoneView) -> Service | None:
    return view.service(key) if view.shows(key.namespace) else None


def _addresses(service: Service) -> tuple[bytes, ...]:
    points = (point.ip for point in service.status.load_balancer.ingress if point.ip)
    texts = dict.fromkeys((*service.spec.external_ips, *points))
    return tuple(address.packed for text in texts if (address := parse_ip(text)))


def read_external(directive: Directive, scope: BlockScope) -> None:
    """``k8s_external [ZONE...] { apex LABEL; ttl N; headless; fallthrough [ZONE...] }``; the cluster comes later."""
    made = [External(all_zones(directive.arguments) or scope.zones, Zone())]

    def headless(option: Directive) -> None:
        none(option)
        made.append(replace(made[-1], headless=True))

    scope.options(
        directive,
        {
            "apex": lambda option: made.append(replace(made[-1], apex=one(option).lower())),
            "ttl": lambda option: made.append(replace(made[-1], ttl=number(one(option), "ttl", 0, 3600))),
            "headless": headless,
            "fallthrough": lambda option: made.append(replace(made[-1], fallthrough=fallthrough(option))),
        },
    )
    if () in made[-1].zones:
        raise Wrong("k8s_external needs a zone: that of the block is the root of all names")
    scope.plugins.append(made[-1])
