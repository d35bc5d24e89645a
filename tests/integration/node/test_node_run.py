"""A machine that becomes a node of a cluster, as an outside client of its API server: certificates, Pods, a restart.

API server, controllers and node are processes in one network namespace of the test's own, which is the machine's.
"""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fairlead.drivers.pods.launching.birth_record import read_birth
from tests.support.api_servers import ApiServer, Kubectl
from tests.support.kubectls import kubectls
from tests.support.labs import eventually
from tests.support.own_network import ADDRESS, own_network

SECRET = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "bootstrap-token-abcdef", "namespace": "kube-system"},
    "type": "bootstrap.kubernetes.io/token",
    "stringData": {
        "token-id": "abcdef",
        "token-secret": "0123456789abcdef",
        "usage-bootstrap-authentication": "true",
    },
}
POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "web"},
    "spec": {
        "tolerations": [{"operator": "Exists"}],
        "containers": [
            {
                "name": "web",
                "image": "busybox",
                "command": ["sh", "-c", "echo hello; exec sleep infinity"],
                "resources": {"requests": {"cpu": "10m", "memory": "8Mi"}},
            }
        ],
    },
}


class World:
    def __init__(self, folder, network):
        self.folder, self.network = folder, network
        self.server = ApiServer(folder / "api", wrapper=network.prefix).start()
        pki = folder / "api" / "pki"
        signing = ("--cluster-signing-cert-file", pki / "ca.crt", "--cluster-signing-key-file", pki / "ca.key")
        flags = ("controllers", "--kubeconfig", self.server.kubeconfig, "--leader-elect=false", *signing)
        self.controllers = self.start(*flags, log="controllers.log")
        kubectl = network.program(folder / "kubectl", kubectls()[-1])
        self.kubectl = Kubectl(kubectl, self.server, folder)
        self.node = None

    def start(self, *arguments, log):
        with open(self.folder / log, "a") as output:
            command = [*self.network.prefix, sys.executable, "-m", "fairlead", *map(str, arguments)]
            return subprocess.Popen(command, stdout=output, stderr=output)

    def start_node(self, kubeconfig, *flags):
        name = ("--name", "n1", "--data", self.folder / "node", "--node-ip", ADDRESS)
        self.node = self.start("node", "run", "--kubeconfig", kubeconfig, *name, *flags, log="node.log")

    def end_node(self):
        if self.node:
            self.node.send_signal(signal.SIGTERM)
            assert self.node.wait(60) == 0, (self.folder / "node.log").read_text()
            self.node = None

    def kubeconfig_with(self, name, **user):
        document = json.loads(self.server.kubeconfig.read_text())
        document["users"][0]["user"] = user
        path = self.folder / name
        path.write_text(json.dumps(document))
        return path

    def close(self):
        if self.node:
            self.node.kill()
            self.node.wait()
        self.controllers.kill()
        self.controllers.wait()
        self.server.stop()


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("node-run")
    with own_network() as network:
        made = World(folder, network)
        try:
            made.kubectl("create", "-f", "-", stdin=SECRET)
            bootstrap = made.kubeconfig_with("bootstrap", token="abcdef.0123456789abcdef")
            flags = (
                "--pod-cidr",
                "10.244.7.0/24",
                "--node-labels",
                "disk=ssd",
                "--register-with-taints",
                "a=b:NoSchedule",
            )
            made.start_node(bootstrap, *flags)
            eventually(lambda: is_ready(made), 120)
            made.kubectl("create", "-f", "-", stdin=POD)
            yield made
        finally:
            made.close()


def is_ready(world):
    node = world.kubectl.json("get", "node", "n1")
    return any(each["type"] == "Ready" and each["status"] == "True" for each in node["status"]["conditions"])


def test_a_node_registers_with_its_options(world):
    node = world.kubectl.json("get", "node", "n1")
    assert node["metadata"]["labels"]["disk"] == "ssd"
    assert {"key": "a", "value": "b", "effect": "NoSchedule"} in node["spec"]["taints"]
    assert node["spec"]["podCIDRs"] == ["10.244.7.0/24"]
    assert {"type": "InternalIP", "address": ADDRESS} in node["status"]["addresses"]
    assert {"cpu", "memory", "pods", "ephemeral-storage"} <= node["status"]["allocatable"].keys()
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert node["status"]["nodeInfo"]["bootID"] == boot
    lease = eventually(lambda: world.kubectl.json("get", "lease", "-n", "kube-node-lease", "n1"), 60)
    assert lease["spec"]["holderIdentity"] == "n1"


def test_both_of_its_certificates_are_the_clusters(world):
    def issued():
        requests = world.kubectl.json("get", "csr")["items"]
        return {
            (each["spec"]["signerName"], each["spec"]["username"])
            for each in requests
            if each["status"].get("certificate")
        }

    client = ("kubernetes.io/kube-apiserver-client-kubelet", "system:bootstrap:abcdef")
    serving = ("kubernetes.io/kubelet-serving", "system:node:n1")
    eventually(lambda: issued() == {client, serving}, 60)


def test_its_pods_run_and_the_api_server_reaches_them(world):
    world.kubectl("wait", "--for=condition=Ready", "pod/web", "--timeout=55s")
    status = world.kubectl.json("get", "pod", "web")["status"]
    assert status["qosClass"] == "Burstable"
    assert status["podIP"].startswith("10.244.7.")
    eventually(lambda: world.kubectl("exec", "web", "--", "echo", "inside") == "inside\n", 60)
    eventually(lambda: world.kubectl("logs", "web") == "hello\n", 60)


def process_of_web(world):
    """When the container's first process was started, in ticks since the machine was."""
    return world.kubectl("exec", "web", "--", "cut", "-d ", "-f22", "/proc/1/stat")


def test_a_restart_needs_no_token_any_more_and_takes_its_pods_over(world):
    before = eventually(lambda: process_of_web(world), 60)
    world.end_node()
    world.kubectl("delete", "secret", "-n", "kube-system", SECRET["metadata"]["name"])
    world.start_node(world.folder / "bootstrap", "--pod-cidr", "10.244.7.0/24", "--end-pods")
    eventually(lambda: process_of_web(world) == before, 60)
    assert world.kubectl.json("get", "pod", "web")["status"]["containerStatuses"][0]["restartCount"] == 0


def test_another_nodes_credentials_are_refused(world):
    own = json.loads((world.folder / "node" / "node.kubeconfig").read_text())["users"][0]["user"]
    other = world.kubeconfig_with("other", **own)
    command = ("node", "run", "--kubeconfig", other, "--name", "n2", "--data", world.folder / "other-node")
    process = world.start(*command, log="other.log")
    assert process.wait(60) == 3
    assert "the kubeconfig is that of system:node:n1" in (world.folder / "other.log").read_text()


def test_a_node_can_end_with_its_pods(world):
    (record,) = (world.folder / "node" / "run" / "pods").glob("*/sandbox")
    pid = read_birth(record).process.pid
    assert Path(f"/proc/{pid}").exists()
    world.end_node()
    eventually(lambda: not Path(f"/proc/{pid}").exists(), 60)
