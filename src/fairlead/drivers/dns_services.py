"""What the DNS listeners share beside their sockets."""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from fairlead.clusterdns.responder import Elsewhere, Responder, SearchStep
from fairlead.model.addresses import IPNetwork

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

    async def later(self, unfinished: Elsewhere | SearchStep, client: str, responder: Responder) -> bytes:
        """The reply that could not be given at once."""
        if isinstance(unfinished, Elsewhere):
            return await self.forward(unfinished, responder)
        assert self.search is not None, "the zone says that searches are walked"
        return await self.search(unfinished, client, responder)
