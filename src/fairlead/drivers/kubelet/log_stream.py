"""Serves a container's log: from a file in the format of ``streaming.log_lines``, and on as it grows."""

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import BinaryIO

from fairlead.drivers.pods.runtime import ContainerLog
from fairlead.streaming.log_lines import LogOptions, LogView

BLOCK = 64 * 1024


async def read_log(log: ContainerLog, options: LogOptions) -> AsyncIterator[bytes]:
    """The log as a reader asked for it, in pieces of about 64 KiB; ends when the log is complete.

    Raises:
        OSError: the file cannot be read.
    """
    view = LogView(options)
    tail = options.tail
    while True:
        generation = log.generation
        with log.path.open("rb") as file:
            file.seek(_beginning(file, tail))
            while not view.is_full:
                if data := file.read(BLOCK):
                    yield view.receive(data)
                elif not (options.follow and await log.grown(file.tell(), generation)):
                    return
                elif file.tell() == os.fstat(file.fileno()).st_size:
                    break  # not this file has grown: another one was begun
        if view.is_full:
            return
        tail = None  # the next file from its beginning


def last_lines(path: Path, lines: int) -> bytes:
    """The last lines of a log, which can be unfinished."""
    with path.open("rb") as file:
        file.seek(_beginning(file, lines))
        return LogView(LogOptions()).receive(file.read())


def _beginning(file: BinaryIO, tail: int | None) -> int:
    """The offset of the last ``tail`` lines of a file."""
    if tail is None:
        return 0
    position = end = file.seek(0, os.SEEK_END)
    wanted = tail + 1  # the newline before the first of those lines; the last line has one of its own
    while position > 0:
        start = max(0, position - BLOCK)
        file.seek(start)
        block = file.read(position - start)
        count = block.count(b"\n")
        if count >= wanted:
            for _ in range(wanted):
                block = block[: block.rindex(b"\n")]
            return start + len(block) + 1
        wanted -= count
        position = start
    return 0 if tail else end
