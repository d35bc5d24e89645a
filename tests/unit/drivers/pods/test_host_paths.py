"""Types of hostPath volumes."""

import os
import socket
from pathlib import Path

import pytest

from fairlead.drivers.pods.host_paths import HostPathError, prepare_host_path

pytestmark = pytest.mark.io


@pytest.fixture
def paths(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
    return {name: tmp_path / name for name in ("folder", "file", "socket", "missing")} | {"device": Path("/dev/null")}


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        *(("", name) for name in ("folder", "file", "socket", "device", "missing")),
        ("Directory", "folder"),
        ("DirectoryOrCreate", "folder"),
        ("DirectoryOrCreate", "missing"),
        ("File", "file"),
        ("FileOrCreate", "file"),
        ("FileOrCreate", "missing"),
        ("Socket", "socket"),
        ("CharDevice", "device"),
    ],
)
def test_host_paths_of_the_right_type_exist_afterwards(paths, kind, name):
    prepare_host_path(paths[name], kind)
    assert paths[name].exists()


@pytest.mark.parametrize("kind", ["", "DirectoryOrCreate"])
def test_folders_are_made_with_those_above_them(tmp_path, kind):
    prepare_host_path(tmp_path / "a" / "b", kind)
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o755 & ~_umask()


def _umask():
    umask = os.umask(0)
    os.umask(umask)
    return umask


@pytest.mark.parametrize(
    ("kind", "name", "what"),
    [
        ("Directory", "missing", "a directory"),
        ("Directory", "file", "a directory"),
        ("DirectoryOrCreate", "file", "a directory"),
        ("File", "folder", "a file"),
        ("FileOrCreate", "folder", "a file"),
        ("File", "missing", "a file"),
        ("Socket", "file", "a socket file"),
        ("CharDevice", "file", "a character device"),
        ("BlockDevice", "device", "a block device"),
    ],
)
def test_host_paths_of_another_type_are_refused_in_upstreams_words(paths, kind, name, what):
    with pytest.raises(HostPathError, match=f"hostPath type check failed: {paths[name]} is not {what}"):
        prepare_host_path(paths[name], kind)
