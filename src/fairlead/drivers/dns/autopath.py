"""Completes the first steps of searches (``clusterdns.autopath``), asking the world outside where that must decide.

Whatever goes wrong, or takes longer than a client should wait for a step that it can do without, the first step is
denied as it would be anyway: the client then goes through its search list by itself.
"""

import asyncio

from fairlead.clusterdns.authority import Authority
from fairlead.clusterdns.autopath import later_steps
from fairlead.clusterdns.encoder import encode
from fairlead.clusterdns.names import to_text
from fairlead.clusterdns.query import Query
from fairlead.clusterdns.records import Answer, Rcode
from fairlead.clusterdns.responder import Responder, SearchStep
from fairlead.drivers.dns.forwarder import Forwarder, NoAnswer, Overloaded

PATIENCE = 1.0  # seconds


class Autopath:
    """Replies to first steps.

    Attributes:
        successes: searches that ended with the first reply.
    """

    def __init__(self, authority: Authority, forwarder: Forwarder) -> None:
        self.successes = 0
        self.forwarder = forwarder
        self._authority = authority

    async def __call__(self, step: SearchStep, client: str, responder: Responder) -> bytes:
        """The reply to a first step that came from ``client``, an address."""
        found = await self._end_of_search(step, client)
        self.successes += found is not None
        answer = found or step.denial
        reply = encode(step.query, answer, step.limits)
        responder.count(step.query, answer.rcode, to_text(answer.zone or ()), reply)
        return reply

    async def _end_of_search(self, step: SearchStep, client: str) -> Answer | None:
        try:
            async with asyncio.timeout(PATIENCE):
                for found in later_steps(step.query.question, client, self._authority.view):
                    whole = found if found.outside is None else await self._from_outside(found, step.query)
                    if whole is not None:
                        return whole
        except (TimeoutError, NoAnswer, Overloaded):
            pass
        return None

    async def _from_outside(self, found: Answer, query: Query) -> Answer | None:
        whole = await self.forwarder.complete(found, query)
        if whole.rcode not in (Rcode.NOERROR, Rcode.NXDOMAIN):
            raise NoAnswer(whole.rcode.name)  # nobody knows whether the name exists and ends the search
        return whole if whole.rcode is Rcode.NOERROR else None
