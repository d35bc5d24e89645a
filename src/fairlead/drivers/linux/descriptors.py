"""Pipes and terminals of child processes, read and written by an event loop without buffers of their own.

Nothing is read before a caller asks for it, so that a process which writes faster than its reader reads is held up by
the kernel, as in any pipeline.
"""

import asyncio
import errno
import os

CHUNK = 64 * 1024


class PipeReader:
    """The end of a pipe or terminal that is read. Owns its descriptor; for one reader at a time."""

    def __init__(self, fd: int) -> None:
        os.set_blocking(fd, False)
        self._fd = fd
        self._waiting: asyncio.Future[None] | None = None
        self._draining = False

    async def read(self) -> bytes:
        """Some bytes; none when all who could write have gone, or after ``drain`` when nothing is there."""
        while True:
            try:
                return os.read(self._fd, CHUNK)
            except BlockingIOError:
                if self._draining:
                    return b""
                await self._readable()
            except OSError as error:
                if error.errno == errno.EIO:  # so a terminal says that its last process has let go of it
                    return b""
                raise

    def drain(self) -> None:
        """Have ``read`` give what is there already, and wait for no more."""
        self._draining = True
        if self._waiting and not self._waiting.done():
            self._waiting.set_result(None)

    def close(self) -> None:
        os.close(self._fd)

    async def _readable(self) -> None:
        loop = asyncio.get_running_loop()
        self._waiting = loop.create_future()
        loop.add_reader(self._fd, _wake, self._waiting)
        try:
            await self._waiting
        finally:
            loop.remove_reader(self._fd)


class Sink:
    """The end of a pipe or terminal that is written. Owns its descriptor; for one writer at a time."""

    def __init__(self, fd: int) -> None:
        os.set_blocking(fd, False)
        self._fd: int | None = fd

    async def write(self, data: bytes) -> bool:
        """Write all of the data, however long its reader takes; False when there is no reader any more."""
        left = memoryview(data)
        while left:
            if self._fd is None:
                return False
            try:
                left = left[os.write(self._fd, left) :]
            except BlockingIOError:
                await _writable(self._fd)
            except OSError:  # EPIPE of a pipe, EIO of a terminal
                return False
        return True

    def close(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


async def _writable(fd: int) -> None:
    loop = asyncio.get_running_loop()
    waiting: asyncio.Future[None] = loop.create_future()
    loop.add_writer(fd, _wake, waiting)
    try:
        await waiting
    finally:
        loop.remove_writer(fd)


def _wake(waiting: asyncio.Future[None]) -> None:
    if not waiting.done():
        waiting.set_result(None)
