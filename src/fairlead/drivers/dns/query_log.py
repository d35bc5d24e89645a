"""The query log and the log of failures, as the server blocks want them: one line for each, on standard output.

The format of ``fairlead dns --log``:

    10.244.0.7 A svc1.default.svc.cluster.local. NOERROR aa,rd 74 octets: 10.96.0.7

A Corefile's ``log`` has upstream's formats, by default its common one. Lines are made from the reply alone, so they
show what the client was sent.
"""

import asyncio
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdataclass
import dns.rdatatype

from fairlead.clusterdns.names import to_text
from fairlead.clusterdns.plugins.logs import Consolidation, class_of
from fairlead.clusterdns.responder import Noted

SHOWN = 4  # records of a reply

_PLACEHOLDER = re.compile(r"\{[^{}\s]+\}")


@dataclass
class QueryLog:
    """Writes the lines; failures that are consolidated are counted until their time is over."""

    write: Callable[[str], None] = field(default=lambda line: print(line, flush=True))
    _counts: dict[Consolidation, int] = field(default_factory=dict)

    def __call__(self, noted: Noted, duration: float) -> None:
        """Write what the block of a reply wants to be told of it."""
        answer, name = noted.answer, noted.query.question.name
        class_ = class_of(int(answer.rcode), bool(answer.answer))
        for rule in noted.block.logs:
            if rule.wants(name, class_, duration):
                self.write(_line(noted, duration, rule.format))
                break
        if noted.block.errors is not None and answer.failure:
            self._fail(noted)

    def _fail(self, noted: Noted) -> None:
        assert noted.block.errors is not None
        rule = noted.block.errors.consolidation(noted.answer.failure)
        if rule is None:
            qtype = dns.rdatatype.to_text(dns.rdatatype.RdataType.make(noted.query.question.qtype))
            name = to_text(noted.query.question.name)
            self.write(f"[ERROR] plugin/errors: {int(noted.answer.rcode)} {name} {qtype}: {noted.answer.failure}")
            return
        self._counts[rule] = self._counts.get(rule, 0) + 1
        if self._counts[rule] == 1:
            asyncio.get_running_loop().call_later(rule.every, self._tell_of, rule)

    def _tell_of(self, rule: Consolidation) -> None:
        number = self._counts.pop(rule)
        text = f"{number} errors like '{rule.pattern.text}' occurred in last {rule.every:g}s"
        self.write(f"[{rule.level.upper()}] plugin/errors: {text}")


def _line(noted: Noted, duration: float, format_: str) -> str:
    if not format_:
        return line_of(noted.client.address, noted.reply)
    values = _values(noted, duration)
    return "[INFO] " + _PLACEHOLDER.sub(lambda found: values.get(found[0][1:-1], "-"), format_)


def _values(noted: Noted, duration: float) -> Mapping[str, str]:
    query = noted.query
    client = noted.client.address
    flags = int.from_bytes(noted.reply[2:4], "big")
    return {
        "type": dns.rdatatype.to_text(dns.rdatatype.RdataType.make(query.question.qtype)),
        "name": to_text(query.question.name),
        "class": dns.rdataclass.to_text(dns.rdataclass.RdataClass.make(query.qclass)),
        "proto": noted.proto,
        "remote": f"[{client}]" if ":" in client else client,
        "port": str(noted.client.port),
        "size": str(query.size),
        "duration": f"{duration:.9f}s",
        "rcode": noted.answer.rcode.name,
        "rsize": str(len(noted.reply)),
        ">rflags": dns.flags.to_text(flags).lower().replace(" ", ","),
        ">bufsize": str(query.edns.size if query.edns else 512),
        ">do": str(query.edns is not None and query.edns.dnssec_ok).lower(),
        ">id": str(query.ident),
        ">opcode": "0",
    }


def line_of(client: str, reply: bytes) -> str:
    """The line of one reply."""
    try:
        message = dns.message.from_wire(reply)
    except dns.exception.DNSException as error:
        return f"{client} unreadable reply of {len(reply)} octets: {error}"
    question = message.question[0] if message.question else None
    asked = f"{dns.rdatatype.to_text(question.rdtype)} {question.name}" if question is not None else "no question"
    flags = dns.flags.to_text(message.flags & ~dns.flags.QR).lower().replace(" ", ",")
    data = [rdata.to_text() for rrset in message.answer for rdata in rrset]
    shown = ", ".join(data[:SHOWN]) + (f" and {len(data) - SHOWN} more" if len(data) > SHOWN else "")
    return f"{client} {asked} {dns.rcode.to_text(message.rcode())} {flags} {len(reply)} octets: {shown or '-'}"
