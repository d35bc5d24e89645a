"""Logs of containers: bounded, and read across their files."""

import asyncio
import os

import pytest

from fairlead.drivers.kubelet.log_stream import read_log
from fairlead.drivers.linux.descriptors import PipeReader
from fairlead.drivers.pods.output import FILES, ContainerStreams, LogFile, remove_log, size_of_log
from fairlead.drivers.pods.runtime import OwnEnds
from fairlead.streaming.exec_events import Output
from fairlead.streaming.log_lines import LogLines, LogOptions

pytestmark = pytest.mark.io


def write(log, text):
    log.append(LogLines("stdout").receive(text.encode(), 0))


def test_a_log_never_has_more_than_its_files(tmp_path):
    async def scenario():
        log = LogFile(tmp_path / "c-0.log", largest=200)
        for number in range(500):
            write(log, f"line {number}\n")
        log.close()
        return sorted(path.name for path in tmp_path.iterdir())

    names = asyncio.run(scenario())
    assert names == ["c-0.log", *(f"c-0.log.{number}" for number in range(1, FILES))]
    sizes = [os.path.getsize(tmp_path / name) for name in names]
    assert max(sizes) < 300
    assert size_of_log(tmp_path / "c-0.log") == sum(sizes)
    remove_log(tmp_path / "c-0.log")
    assert list(tmp_path.iterdir()) == []


def test_a_line_is_not_cut_between_two_files(tmp_path):
    async def scenario():
        log = LogFile(tmp_path / "c-0.log", largest=10)
        log.append(b"half a line that is long")
        log.append(b" and its rest\n")
        log.close()

    asyncio.run(scenario())
    assert (tmp_path / "c-0.log.1").read_bytes() == b"half a line that is long and its rest\n"


def test_a_reader_that_follows_goes_on_in_the_next_file(tmp_path):
    async def scenario():
        log = LogFile(tmp_path / "c-0.log", largest=100)
        read = bytearray()

        async def follow():
            async for piece in read_log(log, LogOptions(follow=True)):
                read.extend(piece)

        write(log, "0\n")
        following = asyncio.create_task(follow())
        for number in range(1, 30):
            while not read.endswith(f"{number - 1}\n".encode()):  # noqa: ASYNC110 - it reads a file, and tells nobody
                await asyncio.sleep(0)
            write(log, f"{number}\n")
        log.close()
        await following
        return read.decode(), log.generation

    text, generation = asyncio.run(scenario())
    assert text == "".join(f"{number}\n" for number in range(30))
    assert generation > 1


@pytest.mark.parametrize(("is_once", "seen"), [(True, b"first second "), (False, b"second ")])
def test_the_first_client_of_a_process_that_has_one_only_sees_what_it_wrote_before(tmp_path, is_once, seen):
    async def scenario():
        reader, writer = os.pipe()
        own = OwnEnds(None, {Output.STDOUT: PipeReader(reader)})
        streams = ContainerStreams(own, log := LogFile(tmp_path / "c-0.log"), takes_more_input=not is_once)
        os.write(writer, b"first \n")
        assert await log.grown(0, 0)
        first = streams.attach()
        os.write(writer, b"second \n")
        os.close(writer)
        pieces = [await first.read() for _ in range(2 if is_once else 1)]
        await streams.finish()
        return b"".join(data for _, data in pieces)

    assert asyncio.run(scenario()).replace(b"\n", b"") == seen
