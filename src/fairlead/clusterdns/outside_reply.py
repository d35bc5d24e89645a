"""Replies of upstream servers as answers: each record set with its own TTL, names in their original spelling.

Names in the data of the types of RFC 1035, of SRV and of DNAME are read, because they can be rewritten or compressed;
all other data stays unchanged (RFC 3597).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import dns.flags
import dns.message
import dns.name
import dns.rrset

from fairlead.clusterdns.names import Name
from fairlead.clusterdns.records import (
    Answer,
    Data,
    Exchange,
    NameTarget,
    Origin,
    Rcode,
    Reason,
    RRset,
    RRType,
    Soa,
    Srv,
)

_ORIGIN = Origin(Reason.UPSTREAM)


@dataclass(frozen=True, slots=True)
class OutsideReply:
    """The reply of an upstream server.

    Attributes:
        denies: the name, or the type of record, does not exist.
        lifetime: seconds that it may be kept: the least TTL, or for a denial what its SOA allows (RFC 2308 section 5).
    """

    answer: Answer
    denies: bool
    lifetime: int

    def aged(self, age: int, bound: int | None = None, stale_ttl: int | None = None) -> Answer:
        """The answer after ``age`` seconds, no TTL above ``bound``; ``stale_ttl`` replaces all TTLs."""

        def ttl(was: int) -> int:
            left = max(was - age, 0) if stale_ttl is None else stale_ttl
            return left if bound is None else min(left, bound)

        return with_ttls(self.answer, ttl)


def with_ttls(answer: Answer, ttl: Callable[[int], int]) -> Answer:
    """An answer with other TTLs."""

    def changed(section: tuple[RRset, ...]) -> tuple[RRset, ...]:
        return tuple(replace(s, ttl=ttl(s.ttl)) for s in section)

    sections = changed(answer.answer), changed(answer.authority), changed(answer.additional)
    return answer._replace(answer=sections[0], authority=sections[1], additional=sections[2])


def read_reply(message: dns.message.Message, asked: Name) -> OutsideReply:
    """The reply in a message, which the driver has checked to be one to the question about ``asked``."""
    rcode = Rcode(int(message.rcode()))
    sections = [tuple(_rrset(found, asked) for found in section) for section in message.sections[1:4]]
    answer, authority, additional = sections
    denies = rcode is Rcode.NXDOMAIN or (rcode is Rcode.NOERROR and not _has_data(answer, message))
    return OutsideReply(
        Answer(
            rcode,
            _ORIGIN,
            answer,
            authority,
            additional,
            truncated=bool(message.flags & dns.flags.TC),
            authentic=bool(message.flags & dns.flags.AD),
        ),
        denies,
        _lifetime(answer, authority, denies),
    )


def _has_data(answer: tuple[RRset, ...], message: dns.message.Message) -> bool:
    """Whether the reply has records of the asked type: an alias without target records is a denial (RFC 2308 section
    2.2)."""
    asked = int(message.question[0].rdtype) if message.question else RRType.ANY
    return any(asked in (rrset.rtype, RRType.ANY) for rrset in answer)


def _lifetime(answer: tuple[RRset, ...], authority: tuple[RRset, ...], denies: bool) -> int:
    ttls = [rrset.ttl for rrset in answer]
    soas = [(s.ttl, s.data[0]) for s in authority if s.rtype == RRType.SOA]
    if denies and soas:
        ttls += [min(ttl, soa.minimum) for ttl, soa in soas if isinstance(soa, Soa)]
    elif denies and not answer:
        return 0
    return min(ttls, default=0)


def _rrset(found: dns.rrset.RRset, asked: Name) -> RRset:
    owner = _name(found.name)
    if tuple(label.lower() for label in owner) == asked:
        owner = asked  # the encoder then repeats the very case of the client's question
    return RRset(owner, int(found.rdtype), int(found.ttl), tuple(_data(rdata) for rdata in found))


def _name(name: dns.name.Name) -> Name:
    return tuple(label.decode("latin-1") for label in name.labels[:-1])


_READ: Mapping[int, Callable[[Any], Data]] = {
    RRType.CNAME: lambda rdata: NameTarget(_name(rdata.target)),
    RRType.NS: lambda rdata: NameTarget(_name(rdata.target)),
    RRType.PTR: lambda rdata: NameTarget(_name(rdata.target)),
    RRType.MX: lambda rdata: Exchange(rdata.preference, _name(rdata.exchange)),
    RRType.SRV: lambda rdata: Srv(rdata.priority, rdata.weight, rdata.port, _name(rdata.target)),
    RRType.SOA: lambda rdata: Soa(
        _name(rdata.mname),
        _name(rdata.rname),
        rdata.serial,
        rdata.refresh,
        rdata.retry,
        rdata.expire,
        rdata.minimum,
    ),
}


def _data(rdata: Any) -> Data:
    read = _READ.get(int(rdata.rdtype))
    if read is not None and hasattr(rdata, "to_wire") and type(rdata).__name__ != "GenericRdata":
        return read(rdata)
    wire: bytes = rdata.to_wire()
    return wire


def data_of(rdata: Any) -> Data:
    """The data of one record as dnspython has read it."""
    return _data(rdata)
