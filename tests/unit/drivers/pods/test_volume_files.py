"""The files of a volume on disk, while somebody reads them."""

import os

import pytest

from fairlead.drivers.pods.volume_files import replace_files
from fairlead.nodeagent.volumes import VolumeFile

pytestmark = pytest.mark.io  # files, sockets or processes


def shown(folder):
    """What a container sees: contents and modes by path."""
    roots = [path for path in folder.iterdir() if not path.name.startswith("..")]
    files = [f for root in roots for f in ([root] if root.is_file() else root.rglob("*")) if f.is_file()]
    return {str(f.relative_to(folder)): VolumeFile(f.read_bytes(), f.stat().st_mode & 0o777) for f in files}


ONE = {"a": VolumeFile(b"1"), "deep/er": VolumeFile(b"2", 0o400)}


@pytest.mark.parametrize(
    "after",
    [
        pytest.param({**ONE, "a": VolumeFile(b"3")}, id="another content"),
        pytest.param({**ONE, "a": VolumeFile(b"1", 0o600)}, id="another mode"),
        pytest.param({**ONE, "b": VolumeFile(b"")}, id="one more"),
        pytest.param({"deep/er": VolumeFile(b"2", 0o400)}, id="one less"),
        pytest.param({"deep": VolumeFile(b"")}, id="a file for a folder"),
        pytest.param({}, id="none"),
    ],
)
def test_files_are_replaced_all_at_once(tmp_path, after):
    replace_files(tmp_path, ONE, None)
    assert shown(tmp_path) == ONE
    with (tmp_path / "a").open() as reader:
        before = os.readlink(tmp_path / "..data")
        replace_files(tmp_path, after, None)
        assert reader.read() == "1"
    assert shown(tmp_path) == after
    assert os.readlink(tmp_path / "..data") != before
    assert not (tmp_path / before).exists()


def test_nothing_happens_when_nothing_has_changed(tmp_path):
    replace_files(tmp_path, ONE, None)
    before = os.readlink(tmp_path / "..data")
    replace_files(tmp_path, dict(ONE), None)
    assert os.readlink(tmp_path / "..data") == before


def test_leftovers_of_an_interrupted_change_are_removed(tmp_path):
    replace_files(tmp_path, ONE, None)
    (tmp_path / "..half").mkdir()
    replace_files(tmp_path, {"a": VolumeFile(b"2")}, None)
    assert not (tmp_path / "..half").exists()


def test_the_group_of_the_volumes_may_read_whatever_the_mode(tmp_path):
    replace_files(tmp_path, ONE, os.getgid())
    assert shown(tmp_path)["deep/er"].mode == 0o440
