"""The output of a container's process: written to a log, and sent to attached clients.

The node agent reads the process's pipes or terminal itself, for only who reads can tell when a line was written and on
which stream. Who is attached is waited for, as a terminal is: a process that writes faster than they read is held up.
"""

import asyncio
import os
import time
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from fairlead.drivers.linux.descriptors import PipeReader
from fairlead.drivers.pods.runtime import OwnEnds
from fairlead.streaming.exec_events import Output
from fairlead.streaming.log_lines import LogLines

KEPT_FOR_FIRST = 256 * 1024  # octets
_QUEUED = 4  # pieces of up to 64 KiB that wait for one client


LARGEST, FILES = 10 * 1024 * 1024, 5  # octets of a log file, and how many there are, as kubelet's defaults


class LogFile:
    """The log of one run of a container, while it is written: the newest file of at most FILES, of which each is begun
    when the one before it is full. Earlier ones are at the same path with a number, the newest of them with 1.

    Attributes:
        generation: how many files have been begun.

    Args:
        largest: octets of one file, at least; a line is not cut.
    """

    def __init__(self, path: Path, largest: int = LARGEST) -> None:
        self.path, self.generation, self._largest = path, 0, largest
        self._changed = asyncio.Event()
        self._closed = False
        self._open()

    def _open(self) -> None:
        self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._size = os.fstat(self._file).st_size

    def append(self, data: bytes) -> None:
        if data:
            self._size += os.write(self._file, data)
            if self._size >= self._largest and data.endswith(b"\n"):
                self._begin_another()
            self._tell()

    def _begin_another(self) -> None:
        os.close(self._file)
        for number in range(FILES - 1, 0, -1):
            older = self.path if number == 1 else _numbered(self.path, number - 1)
            if older.exists():
                older.replace(_numbered(self.path, number))
        self.generation += 1
        self._open()

    def close(self) -> None:
        os.close(self._file)
        self._closed = True
        self._tell()

    async def grown(self, position: int, generation: int) -> bool:
        """Wait until the file of that generation is longer than that, or another one was begun; False when neither will
        be."""
        while self._size <= position and generation == self.generation and not self._closed:
            await self._changed.wait()
        return self._size > position or generation != self.generation

    def _tell(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()


class FinishedLog:
    """The log of a run that has ended."""

    def __init__(self, path: Path) -> None:
        self.path, self.generation = path, 0

    async def grown(self, position: int, generation: int) -> bool:
        return False


def remove_log(path: Path) -> None:
    """Remove a log and its earlier files."""
    for each in _files_of(path):
        each.unlink(missing_ok=True)


def size_of_log(path: Path) -> int:
    """Octets of a log and its earlier files."""
    total = 0
    for each in _files_of(path):
        with suppress(FileNotFoundError):  # its writer may give it another name at this moment
            total += each.stat().st_size
    return total


def _files_of(path: Path) -> tuple[Path, ...]:
    return (path, *(_numbered(path, number) for number in range(1, FILES)))


def _numbered(path: Path, number: int) -> Path:
    return path.with_name(f"{path.name}.{number}")


class ContainerStreams:
    """A running container's process as those see it who are attached, and its log.

    What it writes before anybody is attached is kept for the first client, when there is to be one only: such a client
    (`kubectl run -i`) has started the process, and attaches as soon as it sees it run.

    Attributes:
        takes_more_input: the end of one client's input is not the end of the process's; there may be many clients.
    """

    def __init__(self, own: OwnEnds, log: LogFile, *, takes_more_input: bool = False) -> None:
        self.own, self.log, self.takes_more_input = own, log, takes_more_input
        self._attached: set[Attached] = set()
        self._first: deque[tuple[Output, bytes]] | None = None if takes_more_input else deque()
        self._pumps = [asyncio.create_task(self._pump(output, source)) for output, source in own.outputs.items()]

    def attach(self) -> "Attached":
        """A client that gets all output from now on."""
        attached = Attached(self, self._first or ())
        self._first = None
        self._attached.add(attached)
        return attached

    def leave(self, attached: "Attached") -> None:
        self._attached.discard(attached)

    async def finish(self) -> None:
        """Take what the process has left behind, and close everything; it has ended. Nobody is waited for any more:
        what is left is at most what the kernel keeps in a pipe."""
        for source in self.own.outputs.values():
            source.drain()
        for attached in list(self._attached):
            await attached.stop_holding_up()
        await asyncio.gather(*self._pumps)
        for attached in list(self._attached):
            await attached.end()
        self.own.close()
        self.log.close()

    async def _pump(self, output: Output, source: PipeReader) -> None:
        lines = LogLines(output.value)
        while data := await source.read():
            self.log.append(lines.receive(data, time.time_ns()))
            if self._first is not None:
                self._keep_for_first((output, data))
            for attached in list(self._attached):
                await attached.show((output, data))
        self.log.append(lines.end(time.time_ns()))

    def _keep_for_first(self, piece: tuple[Output, bytes]) -> None:
        """Keep output for the first client: the newest, at most KEPT_FOR_FIRST octets."""
        if self._first is not None:
            self._first.append(piece)
            while len(self._first) > 1 and sum(len(data) for _, data in self._first) > KEPT_FOR_FIRST:
                self._first.popleft()


class Attached:
    """A client of a container's process.

    Attributes:
        terminal: a descriptor of the process's terminal, or None.
    """

    def __init__(self, streams: ContainerStreams, pieces: Iterable[tuple[Output, bytes]] = ()) -> None:
        self.terminal = streams.own.terminal
        self._streams = streams
        self._pieces = deque(pieces)
        self._changed = asyncio.Condition()
        self._holds_up, self._ended = True, False

    async def show(self, piece: tuple[Output, bytes]) -> None:
        """Keep a piece for the client once there is room for it."""
        async with self._changed:
            await self._changed.wait_for(lambda: len(self._pieces) < _QUEUED or not self._holds_up)
            self._pieces.append(piece)
            self._changed.notify_all()

    async def read(self) -> tuple[Output, bytes] | None:
        """The next piece of what the process writes, or None when it has ended."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._pieces or self._ended)
            self._changed.notify_all()
            return self._pieces.popleft() if self._pieces else None

    async def stop_holding_up(self) -> None:
        async with self._changed:
            self._holds_up = False
            self._changed.notify_all()

    async def end(self) -> None:
        """The process has ended."""
        async with self._changed:
            self._ended = True
            self._changed.notify_all()

    async def write(self, data: bytes) -> None:
        """Give the process input, as fast as it takes it."""
        if stdin := self._streams.own.stdin:
            await stdin.write(data)

    def end_input(self) -> None:
        """Close the process's standard input, unless others may use it later, as they may a terminal."""
        stdin = self._streams.own.stdin
        if stdin and self.terminal is None and not self._streams.takes_more_input:
            stdin.close()

    async def detach(self) -> None:
        """The client has gone."""
        self._streams.leave(self)
        await self.stop_holding_up()
