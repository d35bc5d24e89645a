"""How much memory asyncio keeps for each TLS connection.

It reads from the socket into a buffer of the connection's own, of 256 KiB (``asyncio/sslproto.py``,
``SSLProtocol.max_size``; the size cannot be given). A TLS record has 16 KiB at the most, and a watch is one connection
that says a few hundred octets now and then: with five watches for each node and as many ends in the API server, the
buffers outweigh everything else that is kept.
"""

from asyncio.sslproto import SSLProtocol

TLS_BUFFER = 32 << 10  # octets


def keep_tls_buffers_small() -> None:
    """Give TLS connections that this process makes from now on no more than ``TLS_BUFFER`` each."""
    SSLProtocol.max_size = TLS_BUFFER
