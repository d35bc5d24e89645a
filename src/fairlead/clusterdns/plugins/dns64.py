"""``dns64``: for names with IPv4 addresses alone, IPv6 addresses that lead to them through a NAT64 (RFC 6147)."""

from dataclasses import dataclass, replace
from ipaddress import IPv6Network

from fairlead.clusterdns.chain import DnsRequest, Lookup
from fairlead.clusterdns.corefile.blocks import Directive
from fairlead.clusterdns.corefile.faults import Wrong
from fairlead.clusterdns.corefile.values import network, none, one
from fairlead.clusterdns.plugins.scope import BlockScope
from fairlead.clusterdns.records import Answer, Question, Rcode, RRset, RRType, Soa

WELL_KNOWN = IPv6Network("64:ff9b::/96")
PREFIX_LENGTHS = (32, 40, 48, 56, 64, 96)  # RFC 6052 section 2.2
TTL_WITHOUT_SOA = 600  # seconds at most, RFC 6147 section 5.1.7
_MAPPED = bytes(10) + b"\xff\xff"  # IPv4-mapped addresses are no IPv6 addresses of the name, section 5.1.4


@dataclass(frozen=True)
class Dns64:
    """Translates for clients over IPv6; ``ipv4_too`` for all.

    Attributes:
        every: names that have IPv6 addresses too are translated.
    """

    prefix: IPv6Network = WELL_KNOWN
    every: bool = False
    ipv4_too: bool = False

    async def serve(self, request: DnsRequest, rest: Lookup) -> Answer:
        answer = await rest(request)
        if request.question.qtype != RRType.AAAA or not self._translates(answer, request.client):
            return answer
        ipv4 = await rest(request._replace(question=Question(request.question.name, RRType.A)))
        if not any(rrset.rtype == RRType.A for rrset in ipv4.answer):
            return answer
        most = _ttl_of(answer)
        sets = tuple(self._translated(rrset, most) for rrset in ipv4.answer if rrset.rtype != RRType.RRSIG)
        depends, private = answer.depends | ipv4.depends, answer.private or ipv4.private
        bare = ipv4._replace(authority=(), additional=(), authentic=False)
        return bare._replace(answer=sets, depends=depends, private=private)

    def _translates(self, answer: Answer, client: str) -> bool:
        if not self.ipv4_too and ":" not in client:
            return False
        if answer.rcode is Rcode.NXDOMAIN or answer.rcode is Rcode.REFUSED:
            return False
        found = [data for rrset in answer.answer if rrset.rtype == RRType.AAAA for data in rrset.data]
        return self.every or all(isinstance(data, bytes) and data.startswith(_MAPPED) for data in found)

    def _translated(self, rrset: RRset, most: int) -> RRset:
        if rrset.rtype != RRType.A:
            return rrset
        data = tuple(embedded(self.prefix, octets) for octets in rrset.data if isinstance(octets, bytes))
        return RRset(rrset.owner, RRType.AAAA, min(rrset.ttl, most), data)


def embedded(prefix: IPv6Network, ipv4: bytes) -> bytes:
    """An IPv4 address within a prefix, by RFC 6052 section 2.2: the octet of bits 64 to 71 stays zero."""
    start = prefix.prefixlen // 8
    octets = bytearray(prefix.network_address.packed)
    position = start
    for octet in ipv4:
        position += position == 8  # the octet that stays zero
        octets[position] = octet
        position += 1
    return bytes(octets)


def _ttl_of(denial: Answer) -> int:
    soas = [(s.ttl, s.data[0]) for s in denial.authority if s.rtype == RRType.SOA]
    return min((min(ttl, soa.minimum) for ttl, soa in soas if isinstance(soa, Soa)), default=TTL_WITHOUT_SOA)


def read_dns64(directive: Directive, scope: BlockScope) -> None:
    """``dns64 [PREFIX] { prefix PREFIX; translate_all; allow_ipv4 }``."""
    found = Dns64(_prefix(directive.arguments[0]) if directive.arguments else WELL_KNOWN)
    made = [found]

    def prefix(option: Directive) -> None:
        made.append(replace(made[-1], prefix=_prefix(one(option))))

    def translate_all(option: Directive) -> None:
        none(option)
        made.append(replace(made[-1], every=True))

    def allow_ipv4(option: Directive) -> None:
        none(option)
        made.append(replace(made[-1], ipv4_too=True))

    scope.options(directive, {"prefix": prefix, "translate_all": translate_all, "allow_ipv4": allow_ipv4})
    scope.plugins.append(made[-1])


def _prefix(text: str) -> IPv6Network:
    found = network(text)
    if not isinstance(found, IPv6Network) or found.prefixlen not in PREFIX_LENGTHS:
        lengths = ", ".join(map(str, PREFIX_LENGTHS))
        raise Wrong(f"dns64: {text} is no IPv6 prefix of one of the lengths {lengths}")
    return found
