"""What the DNS listeners share beside their sockets."""

import logging
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from fairlead.clusterdns.names import to_text
from fairlead.clusterdns.query import Refusal
from fairlead.clusterdns.records import Rcode
from fairlead.clusterdns.responder import Elsewhere, Reply, Responder, SearchStep
from fairlead.model.addresses import IPNetwork

log = logging.getLogger(__name__)

Forward = Callable[[Elsewhere, Responder], Awaitable[bytes]]
Search = Callable[[SearchStep, str, Responder], Awaitable[bytes]]
Log = Callable[[str, bytes], None]  # client and reply


class Services(NamedTuple):
    """What a listener needs beside its socket.

    Attributes:
        forward: whom to ask about names outside.
        search: who walks searches; needed only where the zone says that they are walked.
        log: whom to tell of each reply.
        transfer_to: who may transfer the zone.
    """

    forward: Forward
    log: Log | None = None
    transfer_to: tuple[IPNetwork, ...] = ()
    search: Search | None = None

    def respond(self, packet: bytes, responder: Responder) -> Reply:
        """What becomes of a packet. A fault of ours costs its sender a SERVFAIL, and nobody else anything."""
        try:
            return responder.respond(packet)
        except Exception:
            log.exception("no reply to %s", packet.hex())
            responder.faults += 1
            return Refusal(packet, Rcode.SERVFAIL).reply

    async def later(self, unfinished: Elsewhere | SearchStep, client: str, responder: Responder) -> bytes:
        """The reply that could not be given at once."""
        try:
            if isinstance(unfinished, Elsewhere):
                return await self.forward(unfinished, responder)
            assert self.search is not None, "the zone says that searches are walked"
            return await self.search(unfinished, client, responder)
        except Exception:
            log.exception("no reply about %s", to_text(unfinished.query.question.name))
            responder.faults += 1
            return responder.refuse(unfinished.query, Rcode.SERVFAIL)
