"""A client's connection that carries one streaming session."""

import asyncio
from contextlib import suppress

CHUNK = 64 * 1024
CLOSING_SECONDS = 5.0


class StreamPeer:
    """Reads and writes with back-pressure: nobody gets ahead of the network by more than the transport's buffer."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def read(self) -> bytes:
        """Some bytes; none when the client has gone."""
        try:
            return await self._reader.read(CHUNK)
        except OSError:
            return b""

    async def send(self, data: bytes) -> None:
        """Send, as soon as the network takes it; a client that has gone is noticed by reading."""
        with suppress(OSError):
            self._writer.write(data)
            await self._writer.drain()

    async def finish(self) -> None:
        """Wait for the client to close the connection, so that no sent data is lost; then close it."""
        with suppress(TimeoutError, OSError):
            async with asyncio.timeout(CLOSING_SECONDS):
                if self._writer.can_write_eof():
                    self._writer.write_eof()
                while await self.read():
                    pass
        self._writer.close()
