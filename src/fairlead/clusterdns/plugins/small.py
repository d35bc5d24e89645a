"""Plugins of only a few lines each: ``any``, ``chaos``, ``header``, ``local``, ``minimal``, ``nsid``."""

from dataclasses import dataclass, replace

from fairlead.clusterdns.chain import DnsRequest, Lookup
from fairlead.clusterdns.corefile.blocks import Directive
from fairlead.clusterdns.corefile.faults import Wrong
from fairlead.clusterdns.corefile.values import none
from fairlead.clusterdns.found import address_sets
from fairlead.clusterdns.names import IN_ADDR_ARPA, Name, is_within
from fairlead.clusterdns.plugins.scope import BlockScope
from fairlead.clusterdns.query import AA, NSID, RA, RD
from fairlead.clusterdns.records import Answer, NameTarget, Origin, Rcode, Reason, RRset, RRType, Soa, Text

CHAOS = 3  # class
_ORIGIN = Origin(Reason.CONFIGURED)
_REFUSED_ANY = RRset((), RRType.HINFO, 8482, (b"\x0dANY obsoleted\x0cSee RFC 8482",))
_FLAGS = {"aa": AA, "ra": RA, "rd": RD}


@dataclass(frozen=True)
class RefuseAny:
    """A question for all types gets one record that says so (RFC 8482)."""

    async def serve(self, request: DnsRequest, rest: Lookup) -> Answer:
        name, qtype = request.question
        if qtype != RRType.ANY:
            return await rest(request)
        return Answer(Rcode.NOERROR, _ORIGIN, (replace(_REFUSED_ANY, owner=name),), zone=())


@dataclass(frozen=True)
class Chaos:
    """Names of the class CH that describe the server: its version, name and authors."""

    version: str
    hostname: str
    authors: tuple[str, ...]
    any_class = True

    async def serve(self, request: DnsRequest, rest: Lookup) -> Answer:
        texts = {
            ("version", "bind"): (self.version,),
            ("version", "server"): (self.version,),
            ("hostname", "bind"): (self.hostname,),
            ("id", "server"): (self.hostname,),
            ("authors", "bind"): self.authors,
        }
        name, qtype = request.question
        if request.qclass != CHAOS or qtype != RRType.TXT or name not in texts:
            return await rest(request)
        record = RRset(name, RRType.TXT, 0, tuple(map(Text, texts[name])), CHAOS)
        return Answer(Rcode.NOERROR, _ORIGIN, (record,), zone=())


@dataclass(frozen=True)
class Header:
    """Bits of the header that are set, or cleared, in every reply."""

    set_flags: int
    clear_flags: int
    any_class = True

    async def serve(self, request: DnsRequest, rest: Lookup) -> Answer:
        answer = await rest(request)
        return answer._replace(
            set_flags=answer.set_flags & ~self.clear_flags | self.set_flags,
            clear_flags=answer.clear_flags & ~self.set_flags | self.clear_flags,
        )


_LOCAL: tuple[Name, ...] = (("localhost",), *((octet, *IN_ADDR_ARPA) for octet in ("0", "127", "255")))
_LOOPBACK = (bytes((127, 0, 0, 1)), bytes(15) + b"\x01")
_LOCAL_TTL = 86400  # seconds; these names never change


@dataclass(frozen=True)
class Local:
    """``localhost`` and the reverse names of this machine's loopback addresses are answered locally (RFC 6303)."""

    async def serve(self, request: DnsRequest, rest: Lookup) -> Answer:
        name, qtype = request.question
        if name[:1] == ("localhost",) and len(name) > 1 and qtype in (RRType.A, RRType.AAAA):
            return self._answer(name, qtype)  # from a search list: localhost.default.svc.cluster.local
        zone = next((zone for zone in _LOCAL if is_within(name, zone)), None)
        return await rest(request) if zone is None else self._answer(name, qtype, zone)

    def _answer(self, name: Name, qtype: int, zone: Name = ()) -> Answer:
        if name == ("1", "0", "0", "127", *IN_ADDR_ARPA) and qtype == RRType.PTR:
            pointer = RRset(name, RRType.PTR, _LOCAL_TTL, (NameTarget(("localhost",)),))
            return Answer(Rcode.NOERROR, _ORIGIN, (pointer,), zone=zone)
        sets = address_sets(name, _LOCAL_TTL, _LOOPBACK) if name[:1] == ("localhost",) else ()
        found = tuple(rrset for rrset in sets if rrset.rtype == qtype)
        soa = Soa(("localhost",), ("root", "localhost"), 1, 0, 0, 0, _LOCAL_TTL)
        denied = () if found else (RRset(zone, RRType.SOA, _LOCAL_TTL, (soa,)),)
        return Answer(Rcode.NOERROR, _ORIGIN, found, denied, zone=zone)


@dataclass(frozen=True)
class Minimal:
    """Only the answer section. Denials and referrals keep their other sections."""

    async def serve(self, request: DnsRequest, rest: Lookup) -> Answer:
        answer = await rest(request)
        return answer._replace(authority=(), additional=()) if answer.answer else answer


@dataclass(frozen=True)
class Nsid:
    """Names this server to clients that ask for it (RFC 5001)."""

    name: str
    any_class = True

    async def serve(self, request: DnsRequest, rest: Lookup) -> Answer:
        answer = await rest(request)
        return answer._replace(options=(*answer.options, (NSID, self.name.encode())))


def read_any(directive: Directive, scope: BlockScope) -> None:
    """``any``."""
    none(directive)
    scope.plugins.append(RefuseAny())


def read_chaos(directive: Directive, scope: BlockScope) -> None:
    """``chaos [VERSION [AUTHOR...]]``."""
    version, *authors = directive.arguments or ("Fairlead",)
    scope.plugins.append(Chaos(version, scope.around.hostname, tuple(authors)))


def read_header(directive: Directive, scope: BlockScope) -> None:
    """``header { set|clear FLAG... }``, the last one deciding; ``response`` in front is allowed, ``query`` is not."""
    set_flags = clear_flags = 0
    for option in directive.options:
        words = (option.name, *option.arguments)
        action, *flags = words[1:] if words[0] == "response" else words
        unknown = [flag for flag in flags if flag not in _FLAGS]
        if action not in ("set", "clear") or unknown or not flags:
            raise Wrong(f"header: {' '.join(words)!r} is not set or clear with some of {', '.join(_FLAGS)}")
        bits = sum(_FLAGS[flag] for flag in set(flags))
        set_flags, clear_flags = (
            (set_flags | bits, clear_flags & ~bits) if action == "set" else (set_flags & ~bits, clear_flags | bits)
        )
    scope.plugins.append(Header(set_flags, clear_flags))


def read_local(directive: Directive, scope: BlockScope) -> None:
    """``local``."""
    none(directive)
    scope.plugins.append(Local())


def read_minimal(directive: Directive, scope: BlockScope) -> None:
    """``minimal``."""
    none(directive)
    scope.plugins.append(Minimal())


def read_nsid(directive: Directive, scope: BlockScope) -> None:
    """``nsid [DATA]``."""
    scope.plugins.append(Nsid(" ".join(directive.arguments) or scope.around.hostname))
