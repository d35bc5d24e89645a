"""How much memory asyncio keeps for each TLS connection.

It reads from the socket into a buffer of the connection's own, of 256 KiB (``asyncio/sslproto.py``,
``SSLProtocol.max_size``; the size cannot be given), and gives OpenSSL what it has read in the same step. A TLS record
has 16 KiB at the most. A watch is one connection with a few hundred octets now and then. With five watches for each
node, and as many ends in the API server, the buffers outweigh everything else that is kept. No data stays in them
between two steps, so all connections of a thread can have the same buffer.
"""

import threading
from asyncio.sslproto import SSLProtocol

TLS_BUFFER = 32 << 10  # octets


class _Thread(threading.local):
    """The buffer of the connections of one thread, which has one event loop at a time."""

    def __init__(self) -> None:
        self.buffer = memoryview(bytearray(TLS_BUFFER))


_thread = _Thread()


def keep_tls_buffers_small() -> None:
    """Let the TLS connections that this process makes from now on read into one buffer of ``TLS_BUFFER`` per thread."""
    SSLProtocol.max_size = TLS_BUFFER
    # A connection assigns a new buffer and a view of it when it is made. This property drops both.
    shared = property(lambda _: _thread.buffer, lambda *_: None)
    for attribute in ("_ssl_buffer", "_ssl_buffer_view"):
        setattr(SSLProtocol, attribute, shared)
