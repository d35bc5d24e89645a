"""One client's connection: uvicorn's HTTP protocol, with limits on what a client may take and on how slow it may be.

It also learns the peer's certificate, and lets the application take over a connection whose client asks for an upgrade.
"""

import asyncio
from typing import Any

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from fairlead.drivers.apiserver.connections import Connections
from fairlead.drivers.identity.authentication import user_of_certificate
from fairlead.registry.access.flow_control.levels import Level, level_of

MAX_HEAD = 128 << 10
MAX_PIPELINED = 16  # requests that may follow one that is being answered
BUFFER = 64 << 10  # of a connection that was taken over; reading pauses at twice that
IDLE_SECONDS = 120
FIRST_SECONDS = 20.0  # for the first byte of the first request
HEAD_SECONDS = 10.0  # for a head, from its first byte
LINGER_SECONDS = 2.0  # for the rest of a body that was answered before it was read
STALL_SECONDS = 30.0  # in which a client that is being answered must read something


class _TooLong(Exception):
    """The head of a request is longer, or more requests are sent ahead, than anybody needs."""


class ApiProtocol(HttpToolsProtocol):
    """Puts into the scope: ``peer_certificate``; ``claim``, which says whose the connection is; and ``take_over``, when
    the client asks for an upgrade, which hands the connection out as a reader and a writer."""

    _certificate: Any = None
    _head = 0
    _is_in_head = False
    _head_timer: asyncio.TimerHandle | None = None
    _stall_timer: asyncio.TimerHandle | None = None
    _after_upgrade: bytearray | None = None  # what came after the head of a request for an upgrade
    _is_taken_over = False

    def __init__(self, config: Config, state: ServerState, table: Connections) -> None:
        super().__init__(config, state, {})
        self._table = table

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._certificate = transport.get_extra_info("peercert")
        self.timeout_keep_alive_task = self.loop.call_later(FIRST_SECONDS, self.timeout_keep_alive_handler)
        self._table.add(self)
        if user := user_of_certificate(self._certificate):  # no stranger, even before its first request
            self._claim(user.name, level_of(user))

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._unset_keepalive_if_required()
        self._stop_timers()
        self._table.remove(self)

    @property
    def is_idle(self) -> bool:
        """Whether no request is under way."""
        return not self._is_taken_over and (self.cycle is None or self.cycle.response_complete)

    def cut(self) -> None:
        """End the connection at once."""
        self.transport.abort()

    def _claim(self, user: str, level: Level) -> bool:
        return self._table.claim(self, user, level)

    def on_message_begin(self) -> None:
        self._head = 0
        super().on_message_begin()
        self.scope["peer_certificate"] = self._certificate  # type: ignore[typeddict-unknown-key]
        self.scope["claim"] = self._claim  # type: ignore[typeddict-unknown-key]
        self._is_in_head = True

    def on_headers_complete(self) -> None:
        self._is_in_head = False
        if self._head_timer:
            self._head_timer.cancel()
            self._head_timer = None
        if len(self.pipeline) >= MAX_PIPELINED:
            raise _TooLong
        self.scope["cut"] = self.cut  # type: ignore[typeddict-unknown-key]
        if self.parser.should_upgrade():
            self.scope["take_over"] = self._take_over  # type: ignore[typeddict-unknown-key]
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        if self._after_upgrade is not None:
            self._after_upgrade += data
            return
        if not self._is_lingering:
            self._unset_keepalive_if_required()
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._after_upgrade = bytearray(data[upgrade.args[0] :])
            self.transport.pause_reading()
        except httptools.HttpParserError:
            self._stop_timers()
            self.send_400_response("Invalid HTTP request received.")
        else:
            if self._is_in_head and not self._head_timer:  # few heads come in more than one part
                self._head_timer = self.loop.call_later(HEAD_SECONDS, self.cut)

    @property
    def _is_lingering(self) -> bool:
        """Whether the rest of a body comes for which nobody waits."""
        return self.cycle is not None and self.cycle.response_complete and self.cycle.more_body

    def on_response_complete(self) -> None:
        lingers = self._is_lingering
        super().on_response_complete()
        if self._after_upgrade is not None:  # refused; what follows might be of any protocol
            self.transport.close()
        elif lingers and self.timeout_keep_alive_task:
            self._unset_keepalive_if_required()
            self.timeout_keep_alive_task = self.loop.call_later(LINGER_SECONDS, self.timeout_keep_alive_handler)

    def on_message_complete(self) -> None:
        if self.cycle.response_complete:
            self.cycle.more_body = False
        super().on_message_complete()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._watch_reader()

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._stall_timer:
            self._stall_timer.cancel()
            self._stall_timer = None

    def _watch_reader(self) -> None:
        """See to it that the client reads what it asked for, if slowly: what it does not read is kept for it."""
        unsent = self.transport.get_write_buffer_size()
        self._stall_timer = self.loop.call_later(STALL_SECONDS, self._check_reader, unsent)

    def _check_reader(self, unsent: int) -> None:
        if self.transport.get_write_buffer_size() >= unsent:
            self.cut()
        else:
            self._watch_reader()

    def _stop_timers(self) -> None:
        for timer in (self._head_timer, self._stall_timer):
            if timer:
                timer.cancel()
        self._head_timer = self._stall_timer = None

    def _take_over(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        self._is_taken_over = True
        self.cycle.disconnected = True  # as far as HTTP is concerned
        self.connections.discard(self)
        reader = asyncio.StreamReader(limit=BUFFER, loop=self.loop)
        protocol = _TakenOver(reader, self)
        self.transport.set_protocol(protocol)
        protocol.connection_made(self.transport)
        reader.feed_data(bytes(self._after_upgrade or b""))
        self.transport.resume_reading()
        return reader, asyncio.StreamWriter(self.transport, protocol, reader, self.loop)

    def ended(self) -> None:
        """A connection that was taken over is no more."""
        self._table.remove(self)

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value))
        super().on_header(name, value)

    def _count(self, size: int) -> None:
        self._head += size
        if self._head > MAX_HEAD:
            raise _TooLong


class _TakenOver(asyncio.StreamReaderProtocol):
    """The protocol of a connection that was taken over; it still counts."""

    def __init__(self, reader: asyncio.StreamReader, origin: ApiProtocol) -> None:
        super().__init__(reader, loop=origin.loop)
        self._origin = origin

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._origin.ended()
