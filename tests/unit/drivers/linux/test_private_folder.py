"""Folders that only their owner can read or replace. Those of other users: ``integration/lab/test_strangers``."""

import os

import pytest

from fairlead.drivers.linux.private_folder import Untrusted, open_private, private_folder

pytestmark = pytest.mark.io  # files, sockets or processes


def mode(path) -> int:
    return path.stat().st_mode & 0o7777


def test_missing_folders_are_created_private_whatever_the_umask(tmp_path):
    before = os.umask(0)
    try:
        with private_folder(tmp_path / "a" / "b" / "c", within=1) as fd:
            assert os.path.samestat(os.fstat(fd), os.stat(tmp_path / "a" / "b" / "c"))
    finally:
        os.umask(before)
    assert {mode(tmp_path / part) for part in ("a", "a/b", "a/b/c")} == {0o700}


def test_a_folder_that_others_can_only_read_becomes_private(tmp_path):
    (tmp_path / "a").mkdir(mode=0o755)
    os.close(open_private(tmp_path / "a"))
    assert mode(tmp_path / "a") == 0o700


@pytest.mark.parametrize(
    ("way", "is_refused"),
    [
        (0o755, False),
        (0o1777, False),  # as /tmp: nobody else can replace what is ours
        (0o777, True),
        (0o757, True),
    ],
)
def test_other_users_cannot_replace_parent_folders(tmp_path, way, is_refused):
    (tmp_path / "way").mkdir()
    (tmp_path / "way").chmod(way)
    if is_refused:
        with pytest.raises(Untrusted, match="written to by others"):
            open_private(tmp_path / "way" / "a")
        assert not (tmp_path / "way" / "a").exists()
    else:
        os.close(open_private(tmp_path / "way" / "a"))


def test_folders_writable_for_others_are_not_private(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a").chmod(0o777)
    with pytest.raises(Untrusted, match="may have put something there"):
        open_private(tmp_path / "a")


def test_links_are_followed_only_on_the_way_and_where_only_we_can_put_them(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "absolute").symlink_to(tmp_path / "link" / ".." / "real")
    for way in ("link", "absolute"):
        with private_folder(tmp_path / way / "a") as fd:
            assert os.path.samestat(os.fstat(fd), os.stat(tmp_path / "real" / "a"))
    with pytest.raises(Untrusted, match="is a link"):
        open_private(tmp_path / "link")
    with pytest.raises(Untrusted, match="is a link"):
        open_private(tmp_path / "link" / "a", within=1)
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared").chmod(0o1777)
    (tmp_path / "shared" / "link").symlink_to(tmp_path / "real")
    with pytest.raises(Untrusted, match="a link in a folder that others can write to"):
        open_private(tmp_path / "shared" / "link" / "a")


def test_links_in_circles_end(tmp_path):
    (tmp_path / "one").symlink_to("two")
    (tmp_path / "two").symlink_to("one")
    with pytest.raises(Untrusted, match="too many links"):
        open_private(tmp_path / "one" / "a")


def test_a_file_on_the_way_is_no_folder(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError):
        open_private(tmp_path / "file" / "a")
