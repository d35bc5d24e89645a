"""Run folders: permissions to find, claim and remove them, and those of older versions."""

import json
import os

import pytest

from fairlead.drivers.lab import run_folder
from fairlead.drivers.lab.run_folder import LOCK, MARK, RunFolderInUse, Unusable
from fairlead.drivers.lab.running_labs import ProxylessNodes, RunningLab, find

pytestmark = pytest.mark.io  # files, sockets or processes


@pytest.fixture
def labs(tmp_path, monkeypatch):
    """The folder of all labs."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return run_folder.root()


def claimed(name: str) -> None:
    os.close(run_folder.claim(name))


def test_a_lab_is_found_as_it_was_written(labs):
    (labs / "a").mkdir()
    assert find("a") is None
    lab = RunningLab(labs / "a", 7, "https://127.0.0.1:6443", "n", proxyless=ProxylessNodes(True, ("a", "b")))
    lab.write()
    assert find("a") == lab


def test_a_lab_of_an_earlier_version_can_still_be_taken_down(labs):
    (labs / "a").mkdir()
    (labs / "a" / "lab.json").write_text(json.dumps({"pid": 7, "server": "https://127.0.0.1:6443"}))
    assert find("a") == RunningLab(labs / "a", 7, "https://127.0.0.1:6443")


def test_the_folder_of_all_labs_is_private_whatever_the_umask(tmp_path, monkeypatch):
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    before = os.umask(0)
    try:
        labs = run_folder.root()
    finally:
        os.umask(before)
    assert [oct(path.stat().st_mode & 0o777) for path in (labs, labs.parent)] == ["0o700", "0o700"]


def test_one_process_claims_a_folder_and_leftovers_are_removed(labs, tmp_path):
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "file").touch()
    held = run_folder.claim("a")
    with pytest.raises(RunFolderInUse):
        run_folder.claim("a")
    claimed("b")
    (labs / "b" / "deep").mkdir()
    (labs / "b" / "deep" / "link").symlink_to(kept)
    (labs / "b" / "link").symlink_to(kept)
    run_folder.remove_leftovers()
    assert os.listdir(labs) == ["a"]
    os.close(held)
    run_folder.remove_leftovers()
    assert os.listdir(labs) == []
    assert os.listdir(kept) == ["file"]


@pytest.mark.parametrize("text", [None, b"", b"something else\n", MARK + b"more"])
def test_unmarked_folders_are_neither_removed_nor_claimed(labs, text):
    (labs / "a").mkdir()
    (labs / "a" / "precious").touch()
    if text is not None:
        (labs / "a" / LOCK).write_bytes(text)
    run_folder.remove_leftovers()
    with pytest.raises(Unusable, match="in use for something else"):
        run_folder.claim("a")
    assert (labs / "a" / "precious").exists()


def test_a_link_in_place_of_a_run_folder_is_left_alone(labs, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / LOCK).write_bytes(MARK)
    (labs / "a").symlink_to(other)
    run_folder.remove_leftovers()
    assert find("a") is None
    with pytest.raises(Unusable):
        run_folder.claim("a")
    assert os.listdir(other) == [LOCK]


def test_an_interrupted_removal_is_taken_up_again(labs):
    """The mark goes last; what is left without it is an empty folder, which a lab may have."""
    claimed("a")
    (labs / "a" / "some").touch()
    (labs / "a" / LOCK).unlink()
    (labs / "a" / "some").unlink()
    claimed("a")
    run_folder.remove_leftovers()
    assert os.listdir(labs) == []


def test_nodes_without_a_proxy_are_distinguished():
    assert [ProxylessNodes().include("a"), ProxylessNodes(others=("a",)).include("a")] == [False, True]
    assert [ProxylessNodes(True, ("a",)).include(node) for node in "ab"] == [False, True]
