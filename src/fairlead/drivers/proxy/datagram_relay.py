"""UDP at one address of this machine: the datagrams of each client go where its first one was decided to go.

UDP has no connections. All datagrams of a client address are one flow, as in connection tracking: until none has
passed for a while, or until a caller ends it because its endpoint no longer serves.
"""

import asyncio
import socket
from contextlib import suppress

from fairlead.drivers.proxy.stream_relay import Address, Decide, Route, bind_source
from fairlead.netfilter.ruleset import Target

IDLE_SECONDS = 60.0
SILENT_SECONDS = 5.0  # for which what is dropped is not decided again
WAITING = 64  # datagrams of a client that are kept while its first is decided about
_LARGEST = 65536


class DatagramRelay:
    """Serves a socket that is bound until ``close``, which ends all flows."""

    def __init__(self, listener: socket.socket, decide: Decide) -> None:
        listener.setblocking(False)
        self._listener, self._decide = listener, decide
        self._flows: dict[Address, _Flow] = {}
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(listener, self._receive)

    def close(self) -> None:
        """End."""
        self._loop.remove_reader(self._listener)
        for flow in list(self._flows.values()):
            flow.end()
        self._listener.close()

    def forget(self, target: Target) -> None:
        """End the flows to an endpoint; what comes next of them is decided again."""
        for flow in [flow for flow in self._flows.values() if flow.target == target]:
            flow.end()

    def _receive(self) -> None:
        with suppress(BlockingIOError, ConnectionError):
            data, client = self._listener.recvfrom(_LARGEST)
            flow = self._flows.get(client)
            if flow is None:
                flow = self._flows[client] = _Flow(self._listener, client, self._flows)
                flow.deciding = asyncio.ensure_future(flow.begin(self._decide))
            flow.take(data)


class _Flow:
    def __init__(self, listener: socket.socket, client: Address, others: dict[Address, "_Flow"]) -> None:
        self._listener, self._client, self._others = listener, client, others
        self._loop = asyncio.get_running_loop()
        self._waiting: list[bytes] | None = []
        self._socket: socket.socket | None = None
        self._end: asyncio.TimerHandle | None = None
        self.target: Target | None = None
        self.deciding: asyncio.Future[None] | None = None

    async def begin(self, decide: Decide) -> None:
        """Decide, and forward the datagrams that have arrived since."""
        try:
            self._open(await decide(self._client))
        except OSError:
            self.end()
            return
        waiting, self._waiting = self._waiting or [], None
        for data in waiting:
            self._send(data)

    def _open(self, route: Route) -> None:
        self._stay(IDLE_SECONDS if route.target else SILENT_SECONDS)
        if route.target is None:
            return
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        try:
            bind_source(made, route.source)
            made.connect((route.target.address, route.target.port))
        except OSError:
            made.close()
            raise
        self._socket, self.target = made, route.target
        self._loop.add_reader(made, self._answer)

    def take(self, data: bytes) -> None:
        """A datagram of the client."""
        if self._waiting is None:
            self._send(data)
        elif len(self._waiting) < WAITING:
            self._waiting.append(data)

    def _send(self, data: bytes) -> None:
        if self._socket is not None:
            with suppress(OSError):  # as good as a datagram lost on the way
                self._socket.send(data)
            self._stay(IDLE_SECONDS)

    def _answer(self) -> None:
        assert self._socket is not None
        with suppress(OSError):
            self._listener.sendto(self._socket.recv(_LARGEST), self._client)
            self._stay(IDLE_SECONDS)

    def _stay(self, seconds: float) -> None:
        if self._end:
            self._end.cancel()
        self._end = self._loop.call_later(seconds, self.end)

    def end(self) -> None:
        """Forget it."""
        self._others.pop(self._client, None)
        if self._end:
            self._end.cancel()
        if self._socket is not None:
            self._loop.remove_reader(self._socket)
            self._socket.close()
            self._socket = None
