"""The file systems that a node looks at."""

from pathlib import Path

import pytest

from fairlead.app.node import disk_space
from fairlead.app.node.disk_space import DiskSpace
from fairlead.nodeagent.usage import FileSystem

ROOM, NONE = FileSystem(1000, 500, 0, 0), FileSystem(1000, 1, 0, 0)


def of(found, monkeypatch):
    """Folders that are on these file systems; None: what cannot be looked at."""

    def file_system(folder):
        if (room := found[folder]) is None:
            raise OSError("stale file handle")
        return room

    monkeypatch.setattr(disk_space, "file_system", file_system)
    return DiskSpace(tuple(found))


@pytest.mark.parametrize(
    ("rooms", "expected"),
    [([ROOM, ROOM], False), ([ROOM, NONE], True), ([NONE, ROOM], True), ([None, ROOM], False), ([None, NONE], True)],
)
def test_one_full_file_system_is_enough_and_one_that_is_away_hides_no_other(monkeypatch, rooms, expected):
    assert of({Path(f"/{n}"): room for n, room in enumerate(rooms)}, monkeypatch).is_short() is expected


@pytest.mark.parametrize(("free", "expected"), [(99, True), (149, True), (150, False)])
def test_what_was_short_is_so_until_there_is_half_as_much_again(monkeypatch, free, expected):
    found = {Path("/a"): NONE}
    space = of(found, monkeypatch)
    assert space.is_short()
    found[Path("/a")] = FileSystem(1000, free, 0, 0)
    assert space.is_short() is expected
