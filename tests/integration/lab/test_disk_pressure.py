"""A lab whose disk fills up: it reports this everywhere, rejects Pods, allows deletions, and recovers."""

import json

import pytest

from tests.support.hurt_labs import SIZE, HurtLab
from tests.support.labs import eventually
from tests.support.users import users

POD = """
apiVersion: v1
kind: Pod
metadata: {name: NAME}
spec: {terminationGracePeriodSeconds: 1, containers: [{name: c, image: fairlead/pause}]}
"""
TAINT = {"key": "node.kubernetes.io/disk-pressure", "effect": "NoSchedule"}


@pytest.fixture(scope="module")
def lab():
    lab = HurtLab(users()[-1])
    try:
        lab.configure("nodes: [{}]\ntimers: {heartbeat: 0.5}\n")
        lab.up()
        yield lab
    finally:
        lab.close()


@pytest.fixture
def disk(lab):
    yield lab
    lab.empty_disk()
    eventually(lambda: lab.kubectl("get", "--raw", "/readyz", check=False).stdout == "ok", 30)
    eventually(lambda: not taints(lab), 30)
    lab.kubectl("delete", "pods", "--all", "--wait")


def create(lab, name):
    return lab.kubectl("create", "-f", "-", stdin=POD.replace("NAME", name), check=False)


def condition(lab):
    conditions = lab.get("node", "node-1")["status"]["conditions"]
    return next((each["status"], each["reason"]) for each in conditions if each["type"] == "DiskPressure")


def taints(lab):
    found = lab.get("node", "node-1")["spec"].get("taints") or ()
    return [{field: taint[field] for field in ("key", "effect")} for taint in found]


def reasons(lab):
    events = lab.get("events", "--field-selector", "involvedObject.kind=Node")["items"]
    return {event["reason"]: event["message"] for event in events}


def is_ready(lab, name):
    conditions = lab.get("pod", name)["status"].get("conditions") or ()
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def test_a_node_that_is_short_of_disk_space_gets_no_more_pods_until_there_is_room(disk):
    assert create(disk, "before").returncode == 0
    eventually(lambda: is_ready(disk, "before"), 30)
    disk.fill_disk(but=SIZE // 20)
    eventually(lambda: condition(disk) == ("True", "KubeletHasDiskPressure"), 30)
    eventually(lambda: taints(disk) == [TAINT], 30)
    eventually(lambda: reasons(disk).items() >= PRESSED.items(), 30)
    assert create(disk, "later").returncode == 0
    eventually(lambda: "untolerated taint {node.kubernetes.io/disk-pressure: }" in unscheduled(disk, "later"), 30)
    assert is_ready(disk, "before")
    disk.empty_disk()
    eventually(lambda: is_ready(disk, "later"), 30)
    assert condition(disk) == ("False", "KubeletHasNoDiskPressure")
    eventually(lambda: "NodeHasNoDiskPressure" in reasons(disk), 30)


PRESSED = {
    "EvictionThresholdMet": "Attempting to reclaim ephemeral-storage",
    "NodeHasDiskPressure": "Node node-1 status is now: NodeHasDiskPressure",
}


def unscheduled(lab, name):
    conditions = lab.get("pod", name)["status"].get("conditions") or ()
    return next((each.get("message", "") for each in conditions if each["type"] == "PodScheduled"), "")


def test_a_full_disk_refuses_what_needs_room_and_lets_pods_be_deleted(disk):
    assert create(disk, "gone").returncode == 0
    eventually(lambda: is_ready(disk, "gone"), 30)
    disk.fill_disk()
    eventually(lambda: "the disk is full" in write(disk), 30)
    unready = disk.kubectl("get", "--raw", "/readyz", check=False)
    assert "[-]etcd failed: the disk is full" in unready.stdout + unready.stderr
    eventually(lambda: condition(disk)[0] == "True", 30)
    eventually(lambda: taints(disk) == [TAINT], 30)
    disk.kubectl("delete", "pod", "gone", "--wait", "--timeout=30s")
    assert disk.get("pods")["items"] == []
    disk.empty_disk()
    eventually(lambda: write(disk) == "", 30)
    eventually(lambda: condition(disk)[0] == "False", 30)


def write(lab):
    """What the API server has against an object of some size; nothing if it takes it."""
    document = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"generateName": "m"},
        "data": {"x": "y" * 200_000},
    }
    return lab.kubectl("create", "-f", "-", stdin=json.dumps(document), check=False).stderr
