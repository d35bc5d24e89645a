"""Marks reach listeners, and cost nothing without any."""

import asyncio
import socket

import msgspec
import pytest

from fairlead.drivers.change_marks import ChangeMarks, RecentMarks, recent_folder, recent_marks
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


def test_every_listener_gets_all_marks(tmp_path):
    folder, first, second = tmp_path / "marks", [], []

    async def run():
        with listening(folder, first.extend), listening(folder, second.extend):
            ChangeMarks(folder).tell(mark(n) for n in range(250))
            await until(lambda: len(first) == len(second) == 250)

    asyncio.run(asyncio.wait_for(run(), 60))
    assert first == second == [mark(n) for n in range(250)]
    assert not folder.exists(), "nothing is left behind"


def test_a_dead_listener_is_dropped_and_a_slow_one_delays_no_other(tmp_path):
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

    asyncio.run(asyncio.wait_for(run(), 60))
    assert heard == [mark(1)]


def test_recent_marks_are_bounded():
    recent = RecentMarks()
    for number in range(1000):
        recent.add(mark(number))
    assert '"web-999"' in recent.text()
    assert '"web-1"' not in recent.text()


def test_recent_marks_can_be_read_later(tmp_path):
    folder = tmp_path / "marks"
    ChangeMarks(folder).tell([mark(1), mark(2)])
    ChangeMarks(folder).tell([msgspec.structs.replace(mark(3), part="node-2", done=1.0)])
    assert recent_marks(folder, 0.0) == [msgspec.structs.replace(mark(3), part="node-2", done=1.0), mark(1), mark(2)]
    assert recent_marks(folder, 2.0) == [mark(1), mark(2)]
    assert recent_marks(tmp_path / "other/marks", 0.0) == []


def test_the_number_of_kept_marks_is_bounded(tmp_path):
    """Two files for each part, and the newest marks are always in them."""
    teller = ChangeMarks(tmp_path / "marks")
    for number in range(2000):
        teller.tell([mark(number)])
    sizes = [path.stat().st_size for path in recent_folder(tmp_path / "marks").iterdir()]
    assert len(sizes) == 2
    assert sum(sizes) < 150_000
    kept = [each.version for each in recent_marks(tmp_path / "marks", 0.0)]
    assert sorted(kept) == list(range(2000 - len(kept), 2000))
    assert len(kept) > 300


def test_truncated_marks_are_ignored(tmp_path):
    folder = tmp_path / "marks"
    ChangeMarks(folder).tell([mark(1)])
    (path,) = recent_folder(folder).iterdir()
    path.write_bytes(path.read_bytes() + b'{"part":"no')
    assert recent_marks(folder, 0.0) == [mark(1)]
