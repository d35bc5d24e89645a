"""``template``: answers from the Corefile, with parts of the question filled in."""

import re
from dataclasses import dataclass

import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype

from fairlead.clusterdns.chain import DnsRequest, Lookup
from fairlead.clusterdns.corefile.blocks import Directive
from fairlead.clusterdns.corefile.faults import Wrong
from fairlead.clusterdns.corefile.patterns import Pattern, PatternMatch
from fairlead.clusterdns.corefile.values import all_zones, fallthrough, number, one, rcode, record_type
from fairlead.clusterdns.names import Name, is_within, to_name, to_text
from fairlead.clusterdns.outside_reply import data_of
from fairlead.clusterdns.plugins.go_template import Fields, Template, Unfilled, template_of
from fairlead.clusterdns.plugins.scope import BlockScope
from fairlead.clusterdns.records import Answer, NameTarget, Origin, Question, Rcode, Reason, RRset, RRType

ANY_CLASS = 255
DEFAULT_TTL = 3600  # seconds, of a record that gives none
EXTENDED_ERROR = 15  # EDNS option, RFC 8914

_ORIGIN = Origin(Reason.CONFIGURED)
_CLASSES = ("IN", "CH", "HS", "ANY")
_SECTIONS = ("answer", "authority", "additional")


@dataclass(frozen=True)
class Templated:
    """Replies to questions of a class and type about names in ``zones`` that match one of ``patterns``."""

    qclass: int
    qtype: int
    zones: tuple[Name, ...]
    patterns: tuple[Pattern, ...]
    sections: tuple[tuple[str, Template], ...]
    rcode: Rcode = Rcode.NOERROR
    extended: tuple[tuple[int, bytes], ...] = ()
    fallthrough: tuple[Name, ...] = ()
    any_class = True

    async def serve(self, request: DnsRequest, rest: Lookup) -> Answer:
        zone = self._zone(request)
        if zone is None:
            return await rest(request)
        name = to_text(request.question.name)
        found = next((match for pattern in self.patterns if (match := pattern.search(name))), None)
        if found is None:
            if any(is_within(request.question.name, through) for through in self.fallthrough):
                return await rest(request)
            return _failed("template: no expression matches, and there is no fallthrough")
        try:
            answer = self._answer(_fields(request, zone, found))
        except (Unfilled, dns.exception.DNSException, ValueError) as error:
            return _failed(f"template: {error}")
        return await _with_target(answer, request)

    def _zone(self, request: DnsRequest) -> Name | None:
        if self.qclass not in (request.qclass, ANY_CLASS) or self.qtype not in (request.question.qtype, RRType.ANY):
            return None
        inside = (zone for zone in self.zones if is_within(request.question.name, zone))
        return max(inside, key=len, default=None)

    def _answer(self, fields: Fields) -> Answer:
        made: dict[str, list[RRset]] = {section: [] for section in _SECTIONS}
        for section, template in self.sections:
            made[section].append(record_of(template.filled(fields)))
        answer, authority, additional = (tuple(made[section]) for section in _SECTIONS)
        private = any(template.personal for _, template in self.sections)
        whole = Answer(self.rcode, _ORIGIN, answer, authority, additional, zone=())
        return whole._replace(private=private, options=self.extended)


def record_of(text: str) -> RRset:
    """The record that a line of a zone file spells, names being whole with or without their final dot.

    Raises:
        ValueError: there is none in it.
    """
    owner, *words = text.split()
    ttl, words = (int(words[0]), words[1:]) if words and words[0].isdigit() else (DEFAULT_TTL, words)
    if words and words[0].upper() in _CLASSES:
        words = words[1:]
    if len(words) < 2:
        raise ValueError(f"{text!r} is no record")
    rtype = dns.rdatatype.from_text(words[0])
    # Data can be quoted, so it is taken from the text and not joined from the words.
    data = text[re.search(rf"\s{re.escape(words[0])}\s", text).end() :]  # type: ignore[union-attr]  # it is there
    rdata = dns.rdata.from_text(dns.rdataclass.IN, rtype, data, origin=dns.name.root, relativize=False)
    return RRset(to_name(owner), int(rtype), ttl, (data_of(rdata),))


def read_template(directive: Directive, scope: BlockScope) -> None:
    """``template CLASS TYPE [ZONE...] { match …; answer …; authority …; additional …; rcode …; … }``."""
    if len(directive.arguments) < 2:
        raise Wrong("template needs CLASS and TYPE")
    qclass, qtype, *zones = directive.arguments
    read = _Reading()
    scope.options(directive, read.known)
    scope.plugins.append(
        Templated(
            _class_of(qclass),
            record_type(qtype),
            all_zones(zones) or scope.zones,
            tuple(read.patterns) or (Pattern(""),),
            tuple(read.sections),
            Rcode(read.rcode),
            read.extended,
            read.fallthrough,
        )
    )


class _Reading:
    """The options of one directive."""

    def __init__(self) -> None:
        self.patterns: list[Pattern] = []
        self.sections: list[tuple[str, Template]] = []
        self.rcode = 0
        self.extended: tuple[tuple[int, bytes], ...] = ()
        self.fallthrough: tuple[Name, ...] = ()
        self.known = {
            "match": self._match,
            **dict.fromkeys(_SECTIONS, self._section),
            "rcode": self._rcode,
            "ederror": self._extended,
            "fallthrough": self._fallthrough,
            "upstream": lambda _: None,  # always so; kept by upstream for old files
        }

    def _match(self, option: Directive) -> None:
        if not option.arguments:
            raise Wrong("match needs a regular expression")
        self.patterns += map(Pattern, option.arguments)

    def _section(self, option: Directive) -> None:
        if not option.arguments:
            raise Wrong(f"{option.name} needs a record")
        self.sections += [(option.name, template_of(text)) for text in option.arguments]

    def _rcode(self, option: Directive) -> None:
        self.rcode = rcode(one(option))

    def _extended(self, option: Directive) -> None:
        code, *reason = option.arguments or ("",)
        text = " ".join(reason).encode()
        self.extended = ((EXTENDED_ERROR, number(code, "ederror", 0, 65535).to_bytes(2, "big") + text),)

    def _fallthrough(self, option: Directive) -> None:
        self.fallthrough = fallthrough(option)


async def _with_target(answer: Answer, request: DnsRequest) -> Answer:
    """The answer for an alias's target follows it, as a resolver would find it."""
    last = answer.answer[-1] if answer.answer else None
    if last is None or last.rtype != RRType.CNAME or request.question.qtype not in (RRType.A, RRType.AAAA):
        return answer
    assert isinstance(last.data[0], NameTarget)
    target = tuple(label.lower() for label in last.data[0].name)
    found = await request.server.ask_about(Question(target, request.question.qtype), request)
    return answer._replace(answer=answer.answer + found.answer, private=answer.private or found.private)


def _fields(request: DnsRequest, zone: Name, found: PatternMatch) -> Fields:
    return {
        "Name": to_text(request.question.name),
        "Zone": to_text(zone),
        "Class": dns.rdataclass.to_text(dns.rdataclass.RdataClass.make(request.qclass)),
        "Type": dns.rdatatype.to_text(dns.rdatatype.RdataType.make(request.question.qtype)),
        "Remote": request.client,
        "Match": found.groups,
        "Group": found.named,
    }


def _failed(why: str) -> Answer:
    return Answer(Rcode.SERVFAIL, _ORIGIN, failure=why)


def _class_of(text: str) -> int:
    try:
        return int(dns.rdataclass.from_text(text))
    except (dns.exception.DNSException, ValueError) as error:
        raise Wrong(f"{text!r} is not a class") from error
