"""Accepting connections on a socket, without ever spinning and without letting strangers fill the table.

asyncio's own servers try again a thousand times in a row when descriptors run out, with a line in the log for each, and
let any number of TLS handshakes wait for a minute. Here it is a tenth of a second of rest, a line a second, and
a bounded number of handshakes, of which the oldest gives way.
"""

import asyncio
import errno
import logging
import resource
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress

from fairlead.drivers.linux.rare_log import RareLog

log = RareLog(logging.getLogger(__name__))

MAX_HANDSHAKES = 256
BACKLOG = 1024  # the kernel holds as many until they are accepted
REST_SECONDS = 0.1
PER_ROUND = 32  # connections that are accepted before anything else is done
_EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})

Welcome = Callable[[socket.socket], Awaitable[None]]


class Acceptor:
    """Accepts on one listening socket from its making until ``close``."""

    def __init__(self, listener: socket.socket, welcome: Welcome, relieve: Callable[[], None] = lambda: None) -> None:
        """Args:
        welcome: takes a connection over, with its handshake; it is cancelled when too many are at it.
        relieve: called when descriptors have run out, to give some back.
        """
        self._listener, self._welcome, self._relieve = listener, welcome, relieve
        self._loop = asyncio.get_running_loop()
        self._arriving: dict[asyncio.Task[None], None] = {}  # the oldest first
        self._resting: asyncio.TimerHandle | None = None
        listener.listen(BACKLOG)
        listener.setblocking(False)
        self._loop.add_reader(listener, self._accept)

    def close(self) -> None:
        """Stop accepting, and end the handshakes that are under way."""
        if self._resting:
            self._resting.cancel()
        self._loop.remove_reader(self._listener)
        self._listener.close()
        for task in self._arriving:
            task.cancel()

    def _accept(self) -> None:
        for _ in range(PER_ROUND):
            try:
                connection, _ = self._listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                self._rest(error)
                return
            connection.setblocking(False)
            self._start(connection)

    def _start(self, connection: socket.socket) -> None:
        if len(self._arriving) >= MAX_HANDSHAKES:
            next(iter(self._arriving)).cancel()
        task = self._loop.create_task(self._greet(connection))
        self._arriving[task] = None
        task.add_done_callback(lambda done: self._arriving.pop(done, None))

    async def _greet(self, connection: socket.socket) -> None:
        # What a stranger sends is no fault of ours: a handshake that fails or never ends is not told.
        with suppress(OSError, TimeoutError, asyncio.IncompleteReadError):
            try:
                await self._welcome(connection)
            except BaseException:
                connection.close()
                raise

    def _rest(self, error: OSError) -> None:
        log.warning(f"no connection can be accepted at the moment: {error.strerror}")
        if error.errno in _EXHAUSTED:
            self._relieve()
        self._loop.remove_reader(self._listener)
        self._resting = self._loop.call_later(REST_SECONDS, self._go_on)

    def _go_on(self) -> None:
        self._resting = None
        self._loop.add_reader(self._listener, self._accept)


def raise_descriptor_limit() -> int:
    """Let this process have as many descriptors as it is allowed; how many that is."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
