"""The file that commands find a Pod by, when several Pods of one name follow each other."""

import json
from types import SimpleNamespace

import pytest

from fairlead.app.node.pod_index import PodIndex
from fairlead.model.decode import decode
from fairlead.nodeagent.manifest import RunPod

pytestmark = pytest.mark.io


def index(folder, uid):
    return PodIndex(
        folder, decode(RunPod, {"metadata": {"name": "web", "namespace": "default", "uid": uid}, "spec": {}})
    )


def sandbox(pid):
    return SimpleNamespace(pid=pid)


def recorded(folder):
    files = {path.name: json.loads(path.read_text())["sandbox"] for path in folder.iterdir()}
    return files.get("default_web.json")


def test_a_pod_has_a_file_while_it_has_a_sandbox(tmp_path):
    pod = index(tmp_path, "a")
    pod.write(sandbox(7), [])
    assert recorded(tmp_path) == 7
    pod.write(None, [])
    assert recorded(tmp_path) is None
    pod.write(sandbox(8), [])
    assert recorded(tmp_path) == 8
    pod.remove()
    assert recorded(tmp_path) is None
    pod.remove()


def test_a_pod_that_is_still_ending_leaves_the_file_to_the_next_of_its_name(tmp_path):
    old, new = index(tmp_path, "a"), index(tmp_path, "b")
    old.write(sandbox(7), [])
    new.write(sandbox(8), [])
    old.write(sandbox(7), [])
    assert recorded(tmp_path) == 8
    old.remove()
    assert recorded(tmp_path) == 8
    new.remove()
    assert recorded(tmp_path) is None
