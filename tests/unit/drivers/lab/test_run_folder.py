"""What is known of a running lab, and from which versions of it."""

import json

from fairlead.drivers.lab.run_folder import RunningLab, find


def test_a_lab_is_found_as_it_was_written(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    folder = tmp_path / "fairlead" / "a"
    folder.mkdir(parents=True)
    assert find("a") is None
    lab = RunningLab(folder, 7, "https://127.0.0.1:6443", "n")
    lab.write()
    assert find("a") == lab


def test_a_lab_of_an_earlier_version_can_still_be_taken_down(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    folder = tmp_path / "fairlead" / "a"
    folder.mkdir(parents=True)
    (folder / "lab.json").write_text(json.dumps({"pid": 7, "server": "https://127.0.0.1:6443"}))
    assert find("a") == RunningLab(folder, 7, "https://127.0.0.1:6443")
