"""Serves ``exec`` and ``attach``: moves bytes between a client's session and a process, with back-pressure both ways.

What the client sends is read only as fast as the process takes it, and what the process writes only as fast as the
client takes it. A command whose client has gone is hung up on, as by a terminal that is closed, once it has had time to
read what the client has sent; the process of a container goes on.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable

from fairlead.drivers.kubelet.peer import StreamPeer
from fairlead.drivers.linux import terminal
from fairlead.drivers.linux.child_process import StartError
from fairlead.drivers.linux.descriptors import PipeReader
from fairlead.drivers.pods.runtime import Attachment, OwnEnds, Process, Stdio, open_streams
from fairlead.streaming import exec_status
from fairlead.streaming.errors import PeerError
from fairlead.streaming.exec_events import Established, ExecEvent, ExecSession, Gone, Input, InputEnded, Output, Resize
from fairlead.streaming.exec_request import ExecRequest

READS_ON_FOR = 5.0  # seconds

Start = Callable[[Stdio], Awaitable[Process]]


class Conversation:
    """A session and the connection that it goes over."""

    def __init__(self, session: ExecSession, peer: StreamPeer) -> None:
        self._session, self._peer = session, peer
        self._early: list[ExecEvent] = []

    async def establish(self) -> bool:
        """Wait until the command may start; False when the client does not bring that about."""
        try:
            async with asyncio.timeout(self._session.patience):
                self._early += await self._receive(b"")
                while not {Established(), Gone()}.intersection(self._early):
                    self._early += await self._read()
                return Established() in self._early
        except TimeoutError:
            self._early += self._session.start_unasked()
            await self._peer.send(self._session.data_to_send())
            return Established() in self._early

    async def events(self) -> list[ExecEvent]:
        """The next things that happen; ``Gone`` is always the last."""
        if early := self._early:
            self._early = []
            return early
        return await self._read()

    async def output(self, stream: Output, data: bytes) -> None:
        self._session.output(stream, data)
        await self._peer.send(self._session.data_to_send())

    async def finish(self, status: bytes) -> None:
        self._session.finish(status)
        await self._peer.send(self._session.data_to_send())
        await self._peer.finish()

    async def _read(self) -> list[ExecEvent]:
        data = await self._peer.read()
        return await self._receive(data) if data else [Gone()]

    async def _receive(self, data: bytes) -> list[ExecEvent]:
        """What the bytes mean. A client that breaks the protocol is gone."""
        try:
            events = self._session.receive(data)
        except PeerError:
            events = [Gone()]
        await self._peer.send(self._session.data_to_send())
        return events


async def serve_exec(request: ExecRequest, conversation: Conversation, start: Start) -> None:
    """Run a command for a client until it ends or the client goes."""
    if not await conversation.establish():
        return
    own, given = streams = open_streams(request.stdin, request.tty)
    try:
        try:
            process = await start(given)
        finally:
            streams.close_given()
        own.complete()
        await conversation.finish(await _converse(request, conversation, own, process))
    except StartError as error:
        await conversation.finish(exec_status.not_started(str(error)))
    finally:
        own.close()


async def _converse(request: ExecRequest, conversation: Conversation, own: OwnEnds, process: Process) -> bytes:
    pumps = [
        asyncio.create_task(_pump(conversation, source, output if output in request.outputs else None))
        for output, source in own.outputs.items()
    ]
    listening = asyncio.create_task(_listen(conversation, own))
    waiting = asyncio.create_task(process.wait())
    try:
        await asyncio.wait((listening, waiting), return_when=asyncio.FIRST_COMPLETED)
        if not waiting.done():
            await _let_read_on(own, waiting)
            return b""
        for source in own.outputs.values():
            source.drain()
        await asyncio.wait((listening, asyncio.gather(*pumps)), return_when=asyncio.FIRST_COMPLETED)
        return exec_status.exited(waiting.result())
    finally:
        if not waiting.done():
            process.hang_up()
        await _cancel((listening, waiting, *pumps))


async def _let_read_on(own: OwnEnds, waiting: "asyncio.Task[int]") -> None:
    """Give a command time for the input that it has not read yet: some clients go as soon as they have sent it.

    A terminal that is closed hangs up at once.
    """
    if own.stdin and own.terminal is None:
        own.stdin.close()
        await asyncio.wait((waiting,), timeout=READS_ON_FOR)


async def _pump(conversation: Conversation, source: PipeReader, output: Output | None) -> None:
    """Send the output to the client. All output is read, even if the client is gone, so that the command does not
    block."""
    while data := await source.read():
        if output:
            await conversation.output(output, data)


async def _listen(conversation: Conversation, own: OwnEnds) -> None:
    """Give the process what the client sends, until the client has gone."""
    while True:
        for event in await conversation.events():
            match event:
                case Input(data) if own.stdin:
                    await own.stdin.write(data)
                case InputEnded() if own.stdin and own.terminal is None:
                    own.stdin.close()
                case Resize(columns, rows) if own.terminal is not None:
                    terminal.resize(own.terminal, columns, rows)
                case Gone():
                    return


async def serve_attach(request: ExecRequest, conversation: Conversation, attachment: Attachment) -> None:
    """Show a client what a container's process writes, and pass on what the client types, until either goes."""
    try:
        if not await conversation.establish():
            return
        showing = asyncio.create_task(_show(request, conversation, attachment))
        listening = asyncio.create_task(_pass_on(conversation, attachment))
        try:
            await asyncio.wait((showing, listening), return_when=asyncio.FIRST_COMPLETED)
        finally:
            await _cancel((showing, listening))
        await conversation.finish(exec_status.exited(0))
    finally:
        await attachment.detach()


async def _show(request: ExecRequest, conversation: Conversation, attachment: Attachment) -> None:
    while (piece := await attachment.read()) is not None:
        output, data = piece
        if output in request.outputs:
            await conversation.output(output, data)


async def _pass_on(conversation: Conversation, attachment: Attachment) -> None:
    while True:
        for event in await conversation.events():
            match event:
                case Input(data):
                    await attachment.write(data)
                case InputEnded():
                    attachment.end_input()
                case Resize(columns, rows) if attachment.terminal is not None:
                    terminal.resize(attachment.terminal, columns, rows)
                case Gone():
                    return


async def _cancel(tasks: Iterable["asyncio.Task[object]"]) -> None:
    for task in (started := list(tasks)):
        task.cancel()
    await asyncio.gather(*started, return_exceptions=True)
