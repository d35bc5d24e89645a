"""The API's state goes back, as etcd's does when it is restored from a snapshot: DNS, proxies, controllers and node
agents recover, although they are not restarted.

After it, versions are lower than what the parts have seen, or have overtaken that before the parts ask again: then no
version tells, and only a list can. The list that settles a doubt is a minute away at most; here it is a second.
"""

import json
import os
import signal
import sys
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from fairlead.drivers.apiserver.store.errors import StoreInUse
from fairlead.drivers.apiserver.store.lock import locked
from fairlead.drivers.linux.process_tree import tree
from tests.support.labs import Lab, eventually
from tests.support.users import users

# The command line, with the time until a doubt is settled shortened in all processes of the lab.
QUICK = """
import os, sys
from fairlead.cli.main import main
execve = os.execve

def quickened(path, arguments, environment):
    ready = "; import fairlead.watching.life as life; life.DOUBTED = (0.5, 1.0); from "
    execve(path, [word.replace("; from ", ready, 1) for word in arguments], environment)

os.execve = quickened
sys.argv[0] = "fairlead"
sys.exit(main())
"""


class QuickLab(Lab):
    def command(self, *arguments):
        return self.user.command(sys.executable, "-c", QUICK, *arguments)


@pytest.fixture(scope="module")
def lab():
    made = QuickLab(users()[-1], "--nodes", "1")
    try:
        made.up()
        yield made
    finally:
        made.close()


def service(name, ip):
    metadata = {"name": name}
    endpoints = {"addressType": "IPv4", "endpoints": [{"addresses": ["192.0.2.1"]}], "ports": [{"port": 80}]}
    yield {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata,
        "spec": {"clusterIP": ip, "ports": [{"port": 80}]},
    }
    owned = {"name": name, "labels": {"kubernetes.io/service-name": name}}
    yield {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": owned, **endpoints}


def deployment(name, seconds):
    labels = {"app": name}
    container = {"name": "sleep", "image": "busybox", "command": ["sleep", str(seconds)]}
    pods = {"metadata": {"labels": labels}, "spec": {"terminationGracePeriodSeconds": 0, "containers": [container]}}
    spec = {"replicas": 1, "selector": {"matchLabels": labels}, "template": pods}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}


def apply(lab, *documents):
    lab.kubectl("apply", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": documents}))


def address(lab, name):
    program = f"import socket; print(socket.gethostbyname('{name}.default.svc.cluster.local'))"
    return lab.fairlead("run", "--name", lab.name, "--", sys.executable, "-c", program, check=False).stdout.strip()


def has_rule(lab, ip):
    return ip in lab.on_node("node-1", "nft", "list", "ruleset")


def sleepers(seconds):
    """How many processes of this machine sleep for so long."""
    needle = f"sleep\0{seconds}\0".encode()
    return sum(needle in _command_line(folder) for folder in Path("/proc").glob("[0-9]*"))


def _command_line(folder):
    try:
        return (folder / "cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def version(lab):
    return int(
        json.loads(lab.kubectl("get", "--raw", "/api/v1/namespaces?limit=1").stdout)["metadata"]["resourceVersion"]
    )


@contextmanager
def stopped(*pids):
    _signal(pids, signal.SIGSTOP)
    try:
        yield
    finally:
        _signal(pids, signal.SIGCONT)


def _signal(pids, number):
    for pid in pids:
        with suppress(ProcessLookupError):  # one that looked at something, and has ended
            os.kill(pid, number)


def is_released(data):
    """Whether no process has the store; a server that has been killed holds it until its memory is freed."""
    try:
        with locked(data):
            return True
    except StoreInUse:
        return False


def go_back(lab, snapshot, beyond):
    """Have the API server come back with a snapshot, and be at a version beyond this before anybody asks it."""
    server = lab.component_pids()["apiserver"]
    init = int(Path(f"/proc/{server}/stat").read_text().rpartition(")")[2].split()[1])
    with stopped(*(pid for pid in tree(init) if pid not in (init, server))):
        with stopped(init):  # it would start the server again at once
            lab.kill(server)
            eventually(lambda: is_released(lab.data))
            lab.fairlead("restore", str(snapshot), str(lab.data))
        eventually(lambda: version(lab) > 0, 60)
        while version(lab) <= beyond:
            names = [f"filler-{version(lab)}-{number}" for number in range(50)]
            apply(lab, *({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}} for name in names))


@pytest.mark.parametrize("overtaken", [False, True], ids=["versions are lower", "versions have overtaken"])
def test_every_part_is_right_after_the_state_went_back(lab, overtaken):
    ours = {"old": "10.96.7.7", "new": "10.96.7.8"}
    # Of this run alone: processes of the whole machine are counted by them.
    seconds = {name: int(f"{os.getpid()}{overtaken:d}{n}") for n, name in enumerate(("kept", "gone", "stray"))}
    snapshot = lab.folder / f"snapshot-{overtaken}"
    apply(lab, *service("old", ours["old"]), deployment("kept", seconds["kept"]), deployment("gone", seconds["gone"]))
    eventually(lambda: sleepers(seconds["kept"]) == sleepers(seconds["gone"]) == 1)
    eventually(lambda: address(lab, "old") == ours["old"] and has_rule(lab, ours["old"]))
    lab.fairlead("backup", str(lab.data), str(snapshot))
    before = version(lab)

    lab.kubectl("delete", "service/old", "endpointslice/old", "deployment/gone")
    apply(lab, *service("new", ours["new"]), deployment("stray", seconds["stray"]))
    lab.kubectl("scale", "deployment/kept", "--replicas=2")
    eventually(lambda: sleepers(seconds["kept"]) == 2 and sleepers(seconds["stray"]) == 1)
    eventually(lambda: sleepers(seconds["gone"]) == 0)
    eventually(lambda: address(lab, "new") == ours["new"] and has_rule(lab, ours["new"]))
    eventually(lambda: not has_rule(lab, ours["old"]) and address(lab, "old") == "")

    seen = version(lab)
    assert seen > before
    go_back(lab, snapshot, seen if overtaken else 0)

    # DNS, and the proxy
    eventually(lambda: address(lab, "old") == ours["old"] and address(lab, "new") == "", 60)
    eventually(lambda: has_rule(lab, ours["old"]) and not has_rule(lab, ours["new"]), 60)
    # the node agent
    eventually(lambda: sleepers(seconds["stray"]) == 0, 60)
    eventually(lambda: sleepers(seconds["gone"]) == 1, 60)
    eventually(lambda: sleepers(seconds["kept"]) == 1, 60)
    # the controllers
    lab.kubectl("scale", "deployment/kept", "--replicas=3")
    eventually(lambda: sleepers(seconds["kept"]) == 3, 60)
    assert lab.get("deployment", "gone")["spec"]["replicas"] == 1
    lab.kubectl("delete", "service/old", "endpointslice/old", "deployment/gone", "deployment/kept")
    eventually(lambda: not lab.get("pods")["items"], 60)
