"""Output of commands for other programs."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from fairlead import __version__
from fairlead.app.lab.commands import status as looking
from fairlead.app.lab.commands.status import DoorView, LabView
from fairlead.cli.status import status
from fairlead.cli.version import version
from fairlead.drivers.lab import running_labs
from fairlead.drivers.lab.running_labs import RunningLab
from fairlead.drivers.linux.process_tree import Usage
from fairlead.model.kubernetes_version import KUBERNETES


@pytest.fixture
def one_lab(monkeypatch):
    """A lab that would be running."""
    lab = RunningLab(Path("/run/labs/x"), 1, "https://127.0.0.1:6443")
    view = LabView(lab, (1, 2), None, Usage(9, 2048), [DoorView("default/web", "192.168.64.11:30080/TCP", "-")], "nft")
    monkeypatch.setattr(running_labs, "all_labs", lambda: [lab])
    monkeypatch.setattr(looking, "look_at", lambda _: view)


def test_labs_as_json(one_lab):
    (shown,) = json.loads(CliRunner().invoke(status, ["-o", "json"]).stdout)["labs"]
    assert (shown["name"], shown["server"], shown["proxy"]) == ("x", "https://127.0.0.1:6443", "nft")
    assert (shown["nodes"], shown["pods"]) == ({"ready": 1, "total": 2}, None)
    assert shown["memoryBytes"] == 2 * 1024 * 1024
    assert shown["fromOutside"] == [
        {"service": "default/web", "address": "192.168.64.11:30080/TCP", "onThisMachine": "-"}
    ]


@pytest.mark.parametrize(("output", "stdout"), [("text", ""), ("json", '{\n  "labs": []\n}\n')])
def test_status_without_a_lab(monkeypatch, output, stdout):
    monkeypatch.setattr(running_labs, "all_labs", list)
    done = CliRunner().invoke(status, ["-o", output])
    assert (done.exit_code, done.stdout, done.stderr) == (1, stdout, "no lab is running\n")


def test_versions():
    assert CliRunner().invoke(version).stdout == f"fairlead {__version__}\n"
    found = json.loads(CliRunner().invoke(version, ["-o", "json"]).stdout)
    assert (found["version"], found["kubernetes"]) == (__version__, KUBERNETES)
    assert found.keys() == {"version", "kubernetes", "python", "kernel", "architecture"}
