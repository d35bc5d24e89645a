"""Marks reach those who listen, and cost nobody anything when there is none."""

import asyncio
import socket

import pytest

from fairlead.drivers.change_marks import ChangeMarks, RecentMarks
from fairlead.drivers.ui.marks_socket import listening
from fairlead.model.marks import Mark, Station

pytestmark = pytest.mark.io


def mark(number):
    return Mark("node-1", Station.RULES, "EndpointSlice", "default", f"web-{number}", number, 1.5, 2.5)


async def until(check):
    """Let the event loop read until it is so."""
    for _ in range(100_000):
        if check():
            return
        await asyncio.sleep(0)
    raise AssertionError("it never came")


def test_without_listeners_nothing_happens(tmp_path):
    ChangeMarks(None).tell([mark(1)])
    ChangeMarks(tmp_path / "nobody").tell([mark(1)])
    assert not (tmp_path / "nobody").exists()


def test_all_who_listen_hear_all_marks(tmp_path):
    folder, first, second = tmp_path / "marks", [], []

    async def run():
        with listening(folder, first.extend), listening(folder, second.extend):
            ChangeMarks(folder).tell(mark(n) for n in range(250))
            await until(lambda: len(first) == len(second) == 250)

    asyncio.run(asyncio.wait_for(run(), 10))
    assert first == second == [mark(n) for n in range(250)]
    assert not folder.exists(), "nothing is left behind"


def test_one_who_has_died_is_forgotten_and_one_who_is_slow_waits_alone(tmp_path):
    folder = tmp_path / "marks"
    folder.mkdir()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as dead:
        dead.bind(str(folder / "dead"))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as slow:
        slow.bind(str(folder / "slow"))
        teller = ChangeMarks(folder)
        for number in range(3000):  # more than a buffer holds
            teller.tell([mark(number)])
        assert [path.name for path in folder.iterdir()] == ["slow"]


def test_nonsense_is_passed_over(tmp_path):
    folder, heard = tmp_path / "marks", []

    async def run():
        with listening(folder, heard.extend), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
            (path,) = folder.iterdir()
            for data in (b"", b"{}", b"\xff", b'[{"part": 1}]'):
                other.sendto(data, str(path))
            ChangeMarks(folder).tell([mark(1)])
            await until(lambda: heard)

    asyncio.run(asyncio.wait_for(run(), 10))
    assert heard == [mark(1)]


def test_recent_marks_are_bounded():
    recent = RecentMarks()
    for number in range(1000):
        recent.add(mark(number))
    assert '"web-999"' in recent.text()
    assert '"web-1"' not in recent.text()
