"""Connections to upstream servers, over TCP or TLS (RFC 7858), kept open for a while after an exchange.

One question at a time is on a connection; questions at the same time have several. A kept connection that turns out to
be closed by the other side is replaced once.
"""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

from fairlead.clusterdns.upstreams import TlsIdentity, Upstream, UpstreamServer


class Stream(NamedTuple):
    """An open connection, and when it was last used."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    used: float

    def close(self) -> None:
        self.writer.close()


def tls_context(identity: TlsIdentity) -> ssl.SSLContext:
    """Trust in certificates: of the files, else of the system. The server's name, or its address, must be in its own.

    Raises:
        OSError, ssl.SSLError: a file cannot be read or used.
    """
    context = ssl.create_default_context(cafile=identity.authorities or None)
    if identity.certificate:
        context.load_cert_chain(identity.certificate, identity.key or None)
    return context


class UpstreamStreams:
    """The connections of one group of servers."""

    def __init__(self, upstream: Upstream) -> None:
        self._identity, self._idle, self._most = upstream.identity, upstream.idle, upstream.kept
        self._kept: dict[UpstreamServer, list[Stream]] = {}
        self._context: ssl.SSLContext | None = None

    async def exchange(self, server: UpstreamServer, query: bytes, seconds: float) -> bytes:
        """The reply to a query that has the same id.

        Raises:
            OSError, EOFError: there is none; a TimeoutError is an OSError.
        """
        async with asyncio.timeout(seconds):
            kept = self._take(server)
            if kept is not None:
                try:
                    return await self._converse(server, kept, query)
                except (ConnectionError, EOFError):
                    pass  # closed by the other side while it was idle
            return await self._converse(server, await self._open(server), query)

    def close(self) -> None:
        for streams in self._kept.values():
            for stream in streams:
                stream.close()
        self._kept.clear()

    async def _converse(self, server: UpstreamServer, stream: Stream, query: bytes) -> bytes:
        async with _closed_on_failure(stream):
            stream.writer.write(len(query).to_bytes(2, "big") + query)
            await stream.writer.drain()
            while True:
                length = int.from_bytes(await stream.reader.readexactly(2), "big")
                reply = await stream.reader.readexactly(length)
                if reply[:2] == query[:2]:
                    break
        self._keep(server, stream)
        return reply

    async def _open(self, server: UpstreamServer) -> Stream:
        security = {}
        if server.tls:
            self._context = self._context or tls_context(self._identity)
            security = {"ssl": self._context, "server_hostname": server.tls_name or server.address}
        reader, writer = await asyncio.open_connection(server.address, server.port, **security)  # type: ignore[arg-type]
        return Stream(reader, writer, time.monotonic())

    def _take(self, server: UpstreamServer) -> Stream | None:
        streams = self._kept.get(server, [])
        while streams:
            stream = streams.pop()
            if time.monotonic() - stream.used < self._idle and not stream.reader.at_eof():
                return stream
            stream.close()
        return None

    def _keep(self, server: UpstreamServer, stream: Stream) -> None:
        streams = self._kept.setdefault(server, [])
        if len(streams) < self._most and self._idle:
            streams.append(stream._replace(used=time.monotonic()))
        else:
            stream.close()


@asynccontextmanager
async def _closed_on_failure(stream: Stream) -> AsyncIterator[None]:
    try:
        yield
    except BaseException:
        stream.close()
        raise
