"""What the DNS listeners share beside their sockets."""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from fairlead.clusterdns.responder import Elsewhere, Responder
from fairlead.model.addresses import IPNetwork

Forward = Callable[[Elsewhere, Responder], Awaitable[bytes]]
Log = Callable[[str, bytes], None]  # client and reply


class Services(NamedTuple):
    """What a listener needs beside its socket.

    Attributes:
        forward: whom to ask about names outside.
        log: whom to tell of each reply.
        transfer_to: who may transfer the zone.
    """

    forward: Forward
    log: Log | None = None
    transfer_to: tuple[IPNetwork, ...] = ()
