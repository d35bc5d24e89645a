"""Wrong answers about names, for as long as a test of a lab wants them: of a lab's name server alone.

``mode`` of a fault: ``servfail``, ``nxdomain``, ``refused``, ``drop`` (no reply), ``truncate`` (over UDP nothing but
the bit TC; over TCP all is well), ``delay`` (by ``seconds``), ``stale`` (what was answered when the fault began). It
concerns a ``name``, or with ``*.`` before it everything below; ``*`` is every name.
"""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype

from fairlead.clusterdns.responder import DnsClient, Pending, Reply, Responder
from fairlead.drivers.dns.listener import Services
from fairlead.drivers.steering.faults import SteeredFaults

KIND = "dns"
_KEPT = (dns.rdatatype.A, dns.rdatatype.AAAA, dns.rdatatype.SRV)
_RCODES = {"servfail": dns.rcode.SERVFAIL, "nxdomain": dns.rcode.NXDOMAIN, "refused": dns.rcode.REFUSED}


class FaultyServices(Services):
    """Answers as ``Services`` does, except about names of which it is told otherwise."""

    faults: SteeredFaults
    _late: dict[int, tuple[bytes, float]]
    _stale: dict[int, dict[tuple[str, int], dns.message.Message]]

    @classmethod
    def around(cls, services: Services, faults: SteeredFaults) -> "FaultyServices":
        """These services, with faults."""
        made = cls(*services)
        made.faults, made._late, made._stale = faults, {}, {}
        return made

    def begin(self, responders: Iterable[Responder]) -> None:
        """Faults have changed: nothing that is kept ready may go past them, and what is to become stale is noted."""
        wanted = {id(fault): fault for fault in self.faults.of(KIND) if fault["mode"] == "stale"}
        found = list(responders)
        for number, fault in wanted.items():
            if number not in self._stale:
                self._stale[number] = self._answers(str(fault["name"]), found[0])
        for number in self._stale.keys() - wanted.keys():
            del self._stale[number]
        for responder in found:
            responder.prepared.clear()

    def _answers(self, name: str, responder: Responder) -> dict[tuple[str, int], dns.message.Message]:
        kept = {}
        for rdtype in _KEPT:
            reply = super().respond(dns.message.make_query(name, rdtype).to_wire(), responder, DnsClient(""))
            if isinstance(reply, bytes):
                kept[name, int(rdtype)] = dns.message.from_wire(reply, ignore_trailing=True)
        return kept

    def respond(self, packet: bytes, responder: Responder, client: DnsClient) -> Reply:
        """The reply to a packet: wrong, late, none, or the right one."""
        found = self._fault_about(packet) if self.faults else None
        if found is None:
            return super().respond(packet, responder, client)
        fault, query = found
        match fault["mode"]:
            case "drop":
                return None
            case "truncate" if not responder.is_stream:
                return _empty_reply(query, truncated=True)
            case "stale":
                return self._as_it_was(fault, query)
            case mode if mode in _RCODES:
                return _empty_reply(query, _RCODES[mode])
        reply = super().respond(packet, responder, client)
        is_late = fault["mode"] == "delay" and isinstance(reply, bytes)
        return self._later(reply, float(fault["seconds"]), client) if is_late else reply

    def _fault_about(self, packet: bytes) -> tuple[Mapping[str, Any], dns.message.Message] | None:
        try:
            query = dns.message.from_wire(packet)
            name = query.question[0].name.to_text().lower()
        except (dns.exception.DNSException, IndexError):
            return None
        return next(((fault, query) for fault in self.faults.of(KIND) if concerns(fault["name"], name)), None)

    def _as_it_was(self, fault: Mapping[str, Any], query: dns.message.Message) -> bytes:
        asked = query.question[0]
        before = self._stale.get(id(fault), {}).get((asked.name.to_text().lower(), int(asked.rdtype)))
        response = dns.message.make_response(query, recursion_available=True)
        if before is not None:
            response.flags = before.flags | dns.flags.QR
            response.set_rcode(before.rcode())
            response.answer, response.authority = before.answer, before.authority
        return response.to_wire()

    def _later(self, reply: Reply, seconds: float, client: DnsClient) -> Pending:
        """A promise of the reply, which ``later`` keeps."""
        nothing: Any = None  # else is looked at of it
        promise = Pending(nothing, nothing, nothing, nothing, client)
        assert isinstance(reply, bytes)
        self._late[id(promise)] = (reply, seconds)
        return promise

    async def later(self, pending: Pending, responder: Responder) -> bytes | None:
        """The reply that could not be given at once."""
        kept = self._late.pop(id(pending), None)
        if kept is None:
            return await super().later(pending, responder)
        await asyncio.sleep(kept[1])
        return kept[0]


def concerns(pattern: str, name: str) -> bool:
    """Whether a fault about this pattern is about a name; both absolute."""
    if pattern == "*":
        return True
    if pattern.startswith("*."):
        return name.endswith(pattern[1:])
    return name == pattern


def _empty_reply(
    query: dns.message.Message, rcode: dns.rcode.Rcode = dns.rcode.NOERROR, *, truncated: bool = False
) -> bytes:
    """A reply without records."""
    response = dns.message.make_response(query, recursion_available=True)
    response.set_rcode(rcode)
    if truncated:
        response.flags |= dns.flags.TC
    return response.to_wire()
