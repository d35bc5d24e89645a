"""Corefiles in tests: read with files that are only texts, and answered by an upstream server that is only a table."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatch

import dns.rdatatype

from fairlead.clusterdns.authority import Authority
from fairlead.clusterdns.chain import Ask, DnsRequest, Run
from fairlead.clusterdns.configuration import Configuration, configuration_of
from fairlead.clusterdns.corefile.faults import Wrong
from fairlead.clusterdns.names import to_name, to_text
from fairlead.clusterdns.plugins.scope import CorefileSurroundings
from fairlead.clusterdns.plugins.template import record_of
from fairlead.clusterdns.records import Answer, Origin, Question, Rcode, Reason
from fairlead.clusterdns.server_blocks import ServerBlocks
from tests.support.dns_cases import ZONE, filled

RESOLV_CONF = "# comment\nnameserver 192.0.2.53\nsearch corp.lan\nnameserver fe80::1%eth0\n"
FILES = {"/etc/resolv.conf": RESOLV_CONF, "/etc/hosts": "127.0.0.1 localhost\n"}


def configured(
    text: str, files: Mapping[str, str] | None = None, environment: Mapping[str, str] | None = None
) -> Configuration:
    """What a Corefile stands for on a machine with these files, and an interface ``eth0``."""
    known = {**FILES, **(files or {})}

    def read(name: str, _: float | None) -> str:
        if name not in known:
            raise Wrong(f"{name}: No such file or directory")
        return known[name]

    def imports(pattern: str, _: str) -> list[tuple[str, str]]:
        if any(character in pattern for character in "*?["):
            return [(name, known[name]) for name in sorted(known) if fnmatch(name, pattern)]
        return [(pattern, read(pattern, None))]

    interfaces = {"eth0": ("192.0.2.10", "2001:db8::10"), "lo": ("127.0.0.1",)}
    around = CorefileSurroundings(read, lambda name: interfaces.get(name, ()), "node-1")
    return configuration_of(text, "Corefile", around, environment or {}, imports)


@dataclass
class World:
    """Upstream servers: the records that they have, by server address or for all, and what they were asked.

    A record is a line of a zone file. Names that have records of another type are there; others do not exist.
    """

    records: tuple[str, ...] = ()
    by_server: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    rcode: Rcode | None = None
    asked: list[str] = field(default_factory=list)

    def answer(self, ask: Ask) -> Answer:
        server = ask.upstream.servers[0]
        name, qtype = ask.question
        self.asked.append(f"{server} {to_text(name)} {dns.rdatatype.to_text(dns.rdatatype.RdataType.make(qtype))}")
        if self.rcode is not None:
            return Answer(self.rcode, Origin(Reason.UPSTREAM), failure="told to fail" if self.rcode == 2 else "")
        records = [record_of(line) for line in self.by_server.get(str(server), self.records)]
        own = [rrset for rrset in records if rrset.owner == name]
        found = tuple(rrset for rrset in own if rrset.rtype in (qtype, 5))
        return Answer(Rcode.NOERROR if own else Rcode.NXDOMAIN, Origin(Reason.UPSTREAM), found)


def synced() -> Authority:
    """The cluster of the table of names."""
    authority = filled(Authority(replace(ZONE, own_addresses=("10.9.9.9",))))
    authority.finish_sync(0)
    return authority


@dataclass
class Asked:
    """Blocks over the cluster of the table of names, in front of a world."""

    configuration: Configuration
    world: World = field(default_factory=World)
    authority: Authority = field(default_factory=synced)
    port: int = 53
    _turn: int = 0

    def __call__(self, name: str, qtype: str = "A", client: str = "192.0.2.99", **request: object) -> Answer:
        """The answer to a question."""
        blocks = tuple(block for block in self.configuration.blocks if self.port in block.ports)
        server = ServerBlocks(blocks, self.authority)
        question = Question(to_name(name), int(dns.rdatatype.from_text(qtype)))
        self._turn += 1
        made = DnsRequest(question, server, client, lot=self._turn)._replace(**request)
        run = Run(server.answer(made))
        while isinstance(run.step, Ask):
            run.resume(self.world.answer(run.step))
        return run.step

    def told(self, name: str, qtype: str = "A", **request: object) -> str:
        """The answer in short: the data of its records, or its verdict."""
        return told(self(name, qtype, **request))


def told(answer: Answer) -> str:
    """Owners that differ from the first, types that follow it, and data; or NODATA, NXDOMAIN, and so on."""
    if not answer.answer:
        return "NODATA" if answer.rcode is Rcode.NOERROR else answer.rcode.name
    data = [line.split(" ", 4)[4] for rrset in answer.answer for line in rrset.lines()]
    verdict = "" if answer.rcode is Rcode.NOERROR else f"{answer.rcode.name} "
    return verdict + ", ".join(data)


def owners(answer: Answer) -> list[str]:
    """The owner of each record set of the answer."""
    return [to_text(rrset.owner) for rrset in answer.answer]


def ttls(answer: Answer) -> set[int]:
    """The TTLs in an answer."""
    return {rrset.ttl for rrset in (*answer.answer, *answer.authority)}
