"""The server blocks of one socket: which one answers a name, and its options.

The block with the longest zone that holds the name answers it (upstream's rule), whatever its plugins then say.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from fairlead.clusterdns.authority import Authority
from fairlead.clusterdns.chain import DEPTH_MAX, DnsRequest, Lookup, Plugin, linked, unanswered
from fairlead.clusterdns.names import Name
from fairlead.clusterdns.plugins.logs import ErrorRule, LogRule
from fairlead.clusterdns.plugins.scope import Certificate, Grant
from fairlead.clusterdns.records import Answer, Origin, Question, Rcode, Reason

DEFAULT_PORT, TLS_PORT = 53, 853


@dataclass(frozen=True)
class Block:
    """One server block.

    Attributes:
        ports, tls_ports: the ports without and with TLS.
        addresses: of these ports; none means all addresses of the machine.
        plugins: in the order in which they are asked.
        udp_size: the largest reply over UDP in octets; None for the server's.
        grants: who may transfer which zone.
    """

    zones: tuple[Name, ...] = ((),)
    ports: tuple[int, ...] = (DEFAULT_PORT,)
    tls_ports: tuple[int, ...] = ()
    certificate: Certificate | None = None
    addresses: tuple[str, ...] = ()
    plugins: tuple[Plugin, ...] = ()
    udp_size: int | None = None
    logs: tuple[LogRule, ...] = ()
    errors: ErrorRule | None = None
    grants: tuple[Grant, ...] = ()

    @property
    def all_ports(self) -> tuple[int, ...]:
        """All ports, with or without TLS."""
        return self.ports + self.tls_ports


class LinkedBlock(NamedTuple):
    """A block with its plugins linked."""

    block: Block
    lookup: Lookup


_NOBODY = LinkedBlock(Block(), unanswered)


class ServerBlocks:
    """The blocks of a socket, over one cluster."""

    def __init__(self, blocks: Iterable[Block], authority: Authority) -> None:
        self.authority = authority
        self.blocks = tuple(blocks)
        self._by_zone: dict[Name, LinkedBlock] = {}
        for block in self.blocks:
            served = LinkedBlock(block, linked(block.plugins))
            for zone in block.zones:
                self._by_zone.setdefault(zone, served)

    def find(self, name: Name) -> LinkedBlock:
        """The block that answers a name."""
        for start in range(len(name) + 1):
            served = self._by_zone.get(name[start:])
            if served is not None:
                return served
        return _NOBODY

    async def answer(self, request: DnsRequest) -> Answer:
        """The answer to a request."""
        return await self.find(request.question.name).lookup(request)

    async def ask_about(self, question: Question, request: DnsRequest) -> Answer:
        """The answer to another question, which an answer to this request needs."""
        if request.depth >= DEPTH_MAX:
            return Answer(Rcode.SERVFAIL, Origin(Reason.LOOP), failure="the name leads round in circles")
        return await self.answer(request._replace(question=question, depth=request.depth + 1))


def standing_for(plugins: tuple[Plugin, ...]) -> tuple[Block, ...]:
    """One block for all names."""
    return (Block(plugins=plugins),)
