"""A node of another host: two network namespaces with nothing between them but a wire, and nothing shared on disk.

Both labs are an ordinary user's, and the real kubectl is asked.
"""

import json
import os
import shutil
from types import SimpleNamespace

import pytest

from tests.support.labs import Lab, eventually
from tests.support.net.netlab import Worker
from tests.support.net.outsiders import outside
from tests.support.users import users

HERE, THERE = "192.0.2.1", "192.0.2.2"
CONFIG = "nodes: [{}]\nipFamilies: [IPv4, IPv6]\ntimers: {heartbeat: 0.5, nodeGrace: 3}\n"
PODS = """
apiVersion: v1
kind: Pod
metadata: {name: near, labels: {app: near}}
spec: {nodeName: node-1, containers: [{name: echo, image: fairlead/echo}]}
---
apiVersion: v1
kind: Pod
metadata: {name: far, labels: {app: far}}
spec:
  nodeName: b1
  initContainers: [{name: first, image: busybox, command: [echo, hello]}]
  containers: [{name: echo, image: fairlead/echo}]
---
apiVersion: v1
kind: Service
metadata: {name: near}
spec: {selector: {app: near}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: far}
spec: {type: NodePort, externalTrafficPolicy: Local, selector: {app: far}, ports: [{port: 80, nodePort: 30080}]}
"""
MEGABYTE = "x" * (1 << 20)


@pytest.fixture(scope="module")
def hosts():
    """The beginnings of command lines that run something on either host."""
    is_root = os.geteuid() == 0
    into = ["nsenter", *(() if is_root else ("-U", "--preserve-credentials")), "-n"]
    here = Worker(["unshare", "-n" if is_root else "-rn"])
    there = Worker([*into, "-t", str(here.pid), "unshare", "-n"])
    try:
        here.run("ip", "link", "add", "wire", "type", "veth", "peer", "name", "wire", "netns", str(there.pid))
        for worker, address in ((here, HERE), (there, THERE)):
            worker.run("ip", "link", "set", "lo", "up")
            worker.run("ip", "address", "add", f"{address}/24", "dev", "wire")
            worker.run("ip", "link", "set", "wire", "up")
        yield [[*into, "-t", str(worker.pid), "--"] for worker in (here, there)]
    finally:
        there.close()
        here.close()


@pytest.fixture(scope="module")
def labs(hosts):
    """The lab, this host's part of it and the other's, with Pods on both."""
    here, there = (Lab(users()[-1], host=host) for host in hosts)
    try:
        here.configure(CONFIG)
        here.up_arguments += ("--wire", HERE)
        here.up()
        invitation = here.data / "invitation"
        here.fairlead("node", "invite", "--name", here.name, "--from", THERE, "-o", str(invitation), "--zone=far", "b1")
        assert invitation.stat().st_mode & 0o777 == 0o600
        copy = shutil.copy(invitation, there.folder / "invitation")
        os.chown(copy, there.user.uid, there.user.uid)
        join(there)
        here.kubectl("apply", "-f", "-", stdin=PODS)
        here.kubectl("wait", "--for=condition=Ready", "pod/near", "pod/far", "--timeout=60s")
        yield SimpleNamespace(here=here, there=there)
    finally:
        there.close()
        here.close()


def join(there: Lab, seconds: int = 90, check: bool = True):
    arguments = ("--name", there.name, "--wait", "--timeout", str(seconds), str(there.folder / "invitation"))
    return there.fairlead("node", "join", *arguments, check=check)


def readiness(lab: Lab, name: str) -> str:
    conditions = lab.get("node", name)["status"]["conditions"]
    return next(condition["status"] for condition in conditions if condition["type"] == "Ready")


def far_answers(lab: Lab) -> bool:
    return lab.exec("near", "curl", "-s", "-m", "2", "http://far/hostname", check=False) == "far"


class TestAsOnOneHost:
    def test_a_virtual_ip_leads_to_the_pod_there(self, labs):
        eventually(lambda: far_answers(labs.here))

    def test_pods_reach_each_other_in_either_family(self, labs):
        for there in labs.here.get("pod", "far")["status"]["podIPs"]:
            url = f"http://[{there['ip']}]/hostname" if ":" in there["ip"] else f"http://{there['ip']}/hostname"
            assert labs.here.exec("near", "curl", "-gs", "-m", "30", url) == "far"
        near = next(each["ip"] for each in labs.here.get("pod", "near")["status"]["podIPs"] if ":" in each["ip"])
        assert labs.there.exec("far", "curl", "-gs", "-m", "30", f"http://[{near}]/hostname") == "near"

    def test_from_there_names_and_virtual_ips_lead_here(self, labs):
        # A node that stands still for its grace of three seconds has no ready Pods for a moment.
        ask = ("exec", "far", "--", "curl", "-s", "-m", "5", "http://near/hostname")
        eventually(lambda: labs.here.kubectl(*ask).stdout == "near")

    def test_a_node_port_there_answers_outside_clients_and_sees_their_address(self, labs):
        address = labs.here.get("node", "b1")["status"]["addresses"][0]["address"]
        said = eventually(lambda: outside(labs.here, "curl", "-s", "-m", "2", f"http://{address}:30080/"))
        assert "client: 203.0.113.10:" in said
        assert "pod: far" in said

    def test_much_passes_whole_in_either_direction(self, labs):
        assert labs.here.kubectl("exec", "-i", "far", "--", "cat", stdin=MEGABYTE).stdout == MEGABYTE

    def test_logs(self, labs):
        assert labs.here.kubectl("logs", "far", "-c", "first").stdout == "hello\n"

    def test_packets_leave_room_for_what_is_around_them(self, labs):
        for pod in ("near", "far"):
            assert " mtu 1450 " in labs.here.kubectl("exec", pod, "--", "ip", "link", "show", "eth0").stdout

    def test_the_other_host_enters_its_own(self, labs):
        assert labs.there.exec("far", "hostname") == "far\n"
        assert "default via 192.168.64.1" in labs.there.on_node("b1", "ip", "route")
        assert labs.here.get("node", "b1")["metadata"]["labels"]["topology.kubernetes.io/zone"] == "far"


class TestRefusals:
    @pytest.mark.parametrize(
        ("host", "arguments", "message"),
        [
            ("here", ("stop", "b1"), 'node "b1" is on another host, 192.0.2.2: do this there'),
            ("here", ("invite", "b2", "--from", THERE), 'node "b1" is already invited from 192.0.2.2:4789'),
            ("here", ("invite", "b1", "--from", "192.0.2.3"), 'node "b1" already exists'),
            ("here", ("invite", "b2", "--from", "0.0.0.0"), "name an address that belongs to one machine only"),
            ("there", ("add", "b2"), 'is node "b1" of a lab whose first host is at 192.0.2.1:4789: do this there'),
        ],
    )
    def test_refusals(self, labs, host, arguments, message):
        lab = getattr(labs, host)
        command, *rest = arguments
        done = lab.fairlead("node", command, "--name", lab.name, *rest, check=False)
        assert done.returncode > 1
        assert message in done.stderr


class TestLosses:
    """In this order."""

    @pytest.mark.parametrize("host", ["here", "there"])
    def test_a_killed_wire_is_restored(self, labs, host):
        lab = getattr(labs, host)
        old = lab.component_pids()["wire"]
        lab.kill(old)
        eventually(lambda: lab.component_pids().get("wire", old) != old)
        eventually(lambda: far_answers(labs.here))

    def test_a_killed_host_is_noticed_and_comes_back_with_the_same_invitation(self, labs):
        description = json.loads((labs.there.folder / "run" / "fairlead" / labs.there.name / "lab.json").read_text())
        labs.there.kill(description["pid"])
        eventually(lambda: not labs.there.processes())
        eventually(lambda: readiness(labs.here, "b1") == "Unknown", 60)
        join(labs.there)
        eventually(lambda: readiness(labs.here, "b1") == "True")
        eventually(lambda: far_answers(labs.here))

    def test_the_first_host_comes_back_and_knows_whom_it_invited(self, labs):
        labs.here.down()
        labs.here.up()
        eventually(lambda: far_answers(labs.here), 60)

    def test_a_removed_host_cannot_join_again(self, labs):
        labs.here.fairlead("node", "remove", "--name", labs.here.name, "b1")
        labs.there.down()
        done = join(labs.there, seconds=2, check=False)
        assert done.returncode == 3
        assert "UDP must pass between 192.0.2.1:4789 and this host, and the invitation" in done.stderr
        assert [node["metadata"]["name"] for node in labs.here.get("nodes")["items"]] == ["node-1"]
        eventually(lambda: "10.244.2." not in labs.here.on_node("node-1", "ip", "route"))
