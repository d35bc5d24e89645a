"""The services that all DNS listeners share."""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import NamedTuple

from fairlead.clusterdns.chain import Ask
from fairlead.clusterdns.names import to_text
from fairlead.clusterdns.query import Refusal
from fairlead.clusterdns.records import Rcode
from fairlead.clusterdns.responder import DnsClient, Noted, Pending, Reply, Responder
from fairlead.clusterdns.upstream_cache import MOMENT
from fairlead.drivers.dns.outside import OutsideForwarders

log = logging.getLogger(__name__)

Tell = Callable[[Noted, float], None]  # a reply, and how many seconds it took


class Services(NamedTuple):
    """The services that a listener needs besides its socket.

    Attributes:
        outside: whom to ask about names that are not answered from here.
        tell: whom to tell of replies that their block wants a line about.
    """

    outside: OutsideForwarders
    tell: Tell | None = None

    def respond(self, packet: bytes, responder: Responder, client: DnsClient) -> Reply:
        """The reply to a packet. A fault of ours costs its sender a SERVFAIL, and nobody else anything."""
        started = time.perf_counter()
        try:
            reply = responder.respond(packet, client)
            if isinstance(reply, Pending):
                reply = self._from_cache(packet, reply, responder)
        except Exception:
            log.exception("no reply to %s", packet.hex())
            responder.faults += 1
            return Refusal(packet, Rcode.SERVFAIL).reply
        self._tell(responder, started)
        return reply

    async def later(self, pending: Pending, responder: Responder) -> bytes | None:
        """The reply that could not be given at once."""
        started = time.perf_counter()
        try:
            step = pending.run.step
            while isinstance(step, Ask):
                step = pending.run.resume(await self.outside(step))
            reply = responder.finish(pending, step)
        except Exception:
            log.exception("no reply about %s", to_text(pending.query.question.name))
            responder.faults += 1
            return responder.refuse(pending.query, Rcode.SERVFAIL)
        self._tell(responder, started)
        return reply

    def _from_cache(self, packet: bytes, pending: Pending, responder: Responder) -> Reply:
        """The reply, when all that it asks the world outside is in the cache. One that is asked for often is kept ready
        for a moment, in which TTLs hardly change."""
        step, at_hand = pending.run.step, []
        while isinstance(step, Ask):
            found = self.outside.cached(step)
            if found is None:
                return pending
            at_hand.append(found)
            step = pending.run.resume(found.answer)
        if not (all(found.soon for found in at_hand) and responder.suits_a_moment(pending, step)):
            return responder.finish(pending, step)
        if not responder.has_momentary:
            asyncio.get_running_loop().call_later(MOMENT, responder.forget_momentary)
        return responder.finish_for_a_moment(packet, pending, step, tuple(found.given_again for found in at_hand))

    def _tell(self, responder: Responder, started: float) -> None:
        if responder.noted:
            noted, responder.noted = responder.noted, []
            if self.tell is not None:
                for one in noted:
                    self.tell(one, time.perf_counter() - started)
