"""``file``: zones from zone files (RFC 1035 section 5), answered with authority: aliases, wildcards, delegations."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import dns.exception
import dns.name
import dns.zone
from immutables import Map

from fairlead.clusterdns.chain import DnsRequest, Lookup
from fairlead.clusterdns.corefile.blocks import Directive
from fairlead.clusterdns.corefile.faults import Wrong
from fairlead.clusterdns.corefile.values import all_zones, fallthrough, one, seconds
from fairlead.clusterdns.names import Name, is_within, to_text
from fairlead.clusterdns.outside_reply import data_of
from fairlead.clusterdns.plugins.scope import BlockScope
from fairlead.clusterdns.records import (
    Answer,
    Exchange,
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

RELOAD = 60.0  # seconds between looks at the file
NOWHERE: tuple[Name, ...] = ()
CHAIN_MAX = 10  # aliases followed within the zone

_ORIGIN = Origin(Reason.CONFIGURED)
Sets = Mapping[int, RRset]  # by type


@dataclass(frozen=True)
class ZoneFile:
    """The records of a zone, by owner; empty non-terminals are included, without records."""

    apex: Name
    nodes: Mapping[Name, Sets]

    @property
    def soa(self) -> RRset:
        return self.nodes[self.apex][RRType.SOA]

    def answer(self, question: Question, trail: tuple[Name, ...] = ()) -> Answer:
        """The zone's answer. If its ``outside`` is set, the name leads to another zone."""
        referral = self._cut(question.name)
        if referral is not None:
            return Answer(Rcode.NOERROR, _ORIGIN, (), (referral,), self._glue(referral), zone=None)
        sets = self._sets(question.name)
        if sets is None:
            return self._negative(Rcode.NXDOMAIN)
        if question.qtype in sets:
            found = sets[question.qtype]
            return Answer(Rcode.NOERROR, _ORIGIN, (found,), additional=self._glue(found), zone=self.apex)
        if RRType.CNAME in sets and len(trail) < CHAIN_MAX:
            return self._follow(sets[RRType.CNAME], question.qtype, (*trail, question.name))
        return self._negative(Rcode.NOERROR)

    def _follow(self, alias: RRset, qtype: int, trail: tuple[Name, ...]) -> Answer:
        assert isinstance(alias.data[0], NameTarget)
        target = _lower(alias.data[0].name)
        if target in trail:
            return self._negative(Rcode.NOERROR)
        if not is_within(target, self.apex):
            return Answer(Rcode.NOERROR, _ORIGIN, (alias,), zone=self.apex, outside=target)
        rest = self.answer(Question(target, qtype), trail)
        return rest._replace(answer=(alias, *rest.answer), zone=self.apex)

    def _sets(self, name: Name) -> Sets | None:
        """The records of a name, those of a wildcard under its own name (RFC 4592)."""
        if name in self.nodes:
            return self.nodes[name]
        for start in range(1, len(name) - len(self.apex) + 1):
            encloser = name[start:]
            if encloser in self.nodes:
                wild = self.nodes.get(("*", *encloser))
                return None if wild is None else {t: replace(s, owner=name) for t, s in wild.items()}
        return None

    def _cut(self, name: Name) -> RRset | None:
        """The NS records of the highest zone cut at or above a name."""
        for start in range(len(name) - len(self.apex) - 1, -1, -1):
            sets = self.nodes.get(name[start:], {})
            if RRType.NS in sets:
                return sets[RRType.NS]
        return None

    def _glue(self, found: RRset) -> tuple[RRset, ...]:
        names = [_lower(name) for data in found.data if (name := _target_name(data)) is not None]
        sets = [self.nodes.get(name, {}) for name in dict.fromkeys(names)]
        return tuple(s[t] for s in sets for t in (RRType.A, RRType.AAAA) if t in s)

    def _negative(self, rcode: Rcode) -> Answer:
        soa = self.soa
        assert isinstance(soa.data[0], Soa)
        return Answer(rcode, _ORIGIN, authority=(replace(soa, ttl=min(soa.ttl, soa.data[0].minimum)),), zone=self.apex)


@dataclass(frozen=True)
class ZoneFiles:
    """Some zones."""

    zones: tuple[ZoneFile, ...]
    fallthrough: tuple[Name, ...] = ()

    async def serve(self, request: DnsRequest, rest: Lookup) -> Answer:
        question = request.question
        holding = (zone for zone in self.zones if is_within(question.name, zone.apex))
        zone = max(holding, key=lambda zone: len(zone.apex), default=None)
        if zone is None:
            return await rest(request)
        found = zone.answer(question)
        if found.rcode is Rcode.NXDOMAIN and any(is_within(question.name, through) for through in self.fallthrough):
            further = await rest(request)
            return found if further.unanswered else further
        if found.outside is None:
            return found
        target = await request.server.ask_about(Question(found.outside, question.qtype), request)
        records = found.answer + target.answer
        return found._replace(answer=records, outside=None, private=target.private, depends=target.depends)


def read_file(directive: Directive, scope: BlockScope) -> None:
    """``file DBFILE [ZONE...] { reload DURATION; fallthrough [ZONE...] }``."""
    if not directive.arguments:
        raise Wrong("file needs a zone file")
    path, *zones = directive.arguments
    every, through = [RELOAD], [NOWHERE]
    scope.options(
        directive,
        {
            "reload": lambda option: every.append(seconds(one(option), "reload")),
            "fallthrough": lambda option: through.append(fallthrough(option)),
        },
    )
    text = scope.around.read(path, every[-1])
    apexes = all_zones(zones) or scope.zones
    scope.plugins.append(ZoneFiles(tuple(zone_of(text, apex, path) for apex in apexes), through[-1]))


def zone_of(text: str, apex: Name, path: str) -> ZoneFile:
    """The zone in the text of a zone file.

    Raises:
        Wrong: it cannot be read, or has no SOA record.
    """
    try:
        parsed = dns.zone.from_text(text, origin=to_text(apex), relativize=False, check_origin=False)
    except (dns.exception.DNSException, ValueError, KeyError) as error:
        raise Wrong(f"{path}: {error}") from error
    nodes: dict[Name, dict[int, RRset]] = {}
    for name, rdataset in parsed.iterate_rdatasets():
        owner = _name(name)
        data = tuple(data_of(rdata) for rdata in rdataset)
        nodes.setdefault(owner, {})[int(rdataset.rdtype)] = RRset(owner, int(rdataset.rdtype), int(rdataset.ttl), data)
        for start in range(1, len(owner) - len(apex) + 1):
            nodes.setdefault(owner[start:], {})
    if RRType.SOA not in nodes.get(apex, {}):
        raise Wrong(f"{path}: no SOA record for {to_text(apex)}")
    return ZoneFile(apex, Map({owner: Map(sets) for owner, sets in nodes.items()}))


def _target_name(data: object) -> Name | None:
    match data:
        case Srv(target=name) | NameTarget(name=name) | Exchange(name=name):
            return name
    return None


def _name(name: dns.name.Name) -> Name:
    return tuple(label.decode("latin-1").lower() for label in name.labels if label)


def _lower(name: Name) -> Name:
    return tuple(label.lower() for label in name)
