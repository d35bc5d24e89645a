"""Pods as processes: isolation, restarts, probes, termination, and what their status says, through the real kubectl."""

import contextlib
import json
import os
import pty
import re
import subprocess
import sys
import termios
from functools import partial
from pathlib import Path

import pytest

from tests.support.kubectls import kubectls
from tests.support.labs import Lab, eventually, pods_of
from tests.support.users import CHECKOUT, users


@pytest.fixture(scope="module", params=users(), ids=str)
def lab(request):
    lab = Lab(request.param, "--image", "counter=sh -c")
    lab.configure("images: {greeter*: {entrypoint: sh -c, args: ['echo $GREETING $0'], env: {GREETING: hello}}}")
    try:
        lab.up()
        yield lab
    finally:
        lab.close()


@pytest.fixture
def pod(lab):
    with pods_of(lab, name="main", image="busybox") as create:
        yield create


def object_of(kind: str, name: str, **content: dict) -> dict:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name}, **content}


def status(lab: Lab, name: str) -> dict:
    return lab.get("pod", name)["status"]


def container(lab: Lab, name: str) -> dict:
    return status(lab, name)["containerStatuses"][0]


def until_ready(lab: Lab, *names: str, seconds: int = 60) -> None:
    lab.until_ready(*names, seconds=seconds)


def is_ready(lab: Lab, name: str) -> bool:
    conditions = {c["type"]: c["status"] for c in status(lab, name)["conditions"]}
    return conditions.get("Ready") == "True"


def at_a_terminal(command: list[str], environment: dict[str, str]) -> str:
    """What a command prints that believes a person is at the keyboard."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (33, 101))
    with subprocess.Popen(command, env=environment, stdin=theirs, stdout=theirs, start_new_session=True) as process:
        os.close(theirs)
        printed = b""
        with contextlib.suppress(OSError):  # EIO: it has ended
            while data := os.read(ours, 4096):
                printed += data
        os.close(ours)
        assert process.wait(60) == 0
    return printed.decode().replace("\r\n", "\n")


SLEEP = {"command": ["sleep", "infinity"]}
DEVICES = {"full", "null", "random", "tty", "urandom", "zero"}
DEVICES |= {"core", "fd", "mqueue", "ptmx", "pts", "shm", "stderr", "stdin", "stdout", "termination-log"}


@pytest.mark.each_user
class TestIsolation:
    def test_a_pod_has_processes_host_name_files_and_network_of_its_own(self, lab, pod):
        pod("one", SLEEP)
        until_ready(lab, "one")
        assert lab.exec("one", "hostname").strip() == "one"
        assert "apiserver" not in lab.exec("one", "ps", "-e", "-o", "args")
        assert lab.exec("one", "ls", "-A", "/tmp") == ""
        ip = status(lab, "one")["podIP"]
        assert lab.exec("one", "ip", "-br", "address", "show", "eth0").split()[2] == f"{ip}/32"

    def test_a_pod_can_change_neither_links_nor_rules_nor_mounts(self, lab, pod):
        pod("one", SLEEP)
        until_ready(lab, "one")
        for command in (
            "ip link add x type dummy",
            "nft add table ip x",
            "mount -t tmpfs x /mnt",
            "hostname other",
        ):
            done = lab.fairlead("exec", "--name", lab.name, "one", "--", *command.split(), check=False)
            assert done.returncode != 0, command

    def test_a_pod_has_its_own_devices_and_can_open_no_others(self, lab, pod):
        volumes = [{"name": "machine", "hostPath": {"path": "/dev"}}]
        pod("one", {**SLEEP, "volumeMounts": [{"name": "machine", "mountPath": "/mnt"}]}, volumes=volumes)
        until_ready(lab, "one")
        assert set(lab.exec("one", "ls", "/dev").split()) == DEVICES
        usable = "head -c 4 /dev/urandom >/dev/null && echo kept >/dev/shm/x && cat /dev/shm/x >/dev/stdout"
        assert lab.kubectl("exec", "one", "--", "sh", "-c", usable).stdout == "kept\n"
        assert "mqueue" in lab.exec("one", "stat", "-f", "-c", "%T", "/dev/mqueue")
        assert lab.exec("one", "ls", "/proc/1/root/dev", check=False) == ""
        opened = lab.fairlead("exec", "--name", lab.name, "one", "--", "head", "-c", "1", "/mnt/zero", check=False)
        assert "Permission denied" in opened.stderr
        for place in ("/dev/made", "/tmp/made", "/var/tmp/made"):
            made = lab.fairlead("exec", "--name", lab.name, "one", "--", "mknod", place, "b", "7", "0", check=False)
            assert "Operation not permitted" in made.stderr, place

    @pytest.mark.parametrize("user", [0, 7001])
    def test_its_terminals_are_devices_of_its_own(self, lab, pod, user):
        """One of the container's own process, one of a command's, one that somebody inside opens."""
        look = "stat -c '%n %u %a' $(tty); echo by name >$(tty)"
        main = {"command": ["sh", "-c", f"{look}; sleep infinity"], "stdin": True, "tty": True}
        pod("screen", main, securityContext={"runAsUser": user})
        until_ready(lab, "screen")
        terminal = f"/dev/pts/{{}} {user} 620\nby name\n"
        printed = eventually(lambda: (log := lab.log("screen")).count("\n") > 1 and log)
        assert printed == terminal.format(0)
        command = [
            str(kubectls()[-1]),
            "--kubeconfig",
            lab.kubeconfig,
            "exec",
            "-it",
            "screen",
            "--",
            "sh",
            "-c",
            f"{look}; script -qc tty /dev/null",
        ]
        assert at_a_terminal(command, lab.environment) == terminal.format(1) + "/dev/pts/2\n"

    def test_containers_of_a_pod_share_its_network_but_not_their_tmp(self, lab, pod):
        second = {"name": "second", "image": "busybox", "command": ["sleep", "infinity"]}
        first = {"name": "main", "image": "fairlead/echo", "env": [{"name": "PORT", "value": "8000"}]}
        pod("two", {}, containers=[first, second])
        until_ready(lab, "two")

        def in_second(*command: str) -> str:
            return lab.fairlead("exec", "--name", lab.name, "two", "-c", "second", "--", *command).stdout

        assert eventually(lambda: in_second("curl", "-s", "http://127.0.0.1:8000/hostname")) == "two"
        lab.exec("two", "touch", "/tmp/mine")
        assert in_second("ls", "/tmp") == ""

    def test_a_pod_in_its_node_s_network_has_the_node_s_address(self, lab, pod):
        pod("here", SLEEP, hostNetwork=True)
        until_ready(lab, "here")
        found = status(lab, "here")
        assert found["podIP"] == found["hostIP"]
        assert found["hostIP"] in lab.exec("here", "ip", "-br", "address")

    def test_variables_and_working_directory(self, lab, pod):
        env = [
            {"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
            {"name": "GREETING", "value": "from $(NODE)"},
        ]
        pod("told", {"command": ["sh", "-c", "pwd; echo $GREETING; sleep infinity"], "workingDir": "/usr", "env": env})
        until_ready(lab, "told")
        node = lab.get("pod", "told")["spec"]["nodeName"]
        eventually(lambda: f"GREETING=from {node}" in lab.exec("told", "env"))


@pytest.mark.each_user
class TestUsers:
    def test_a_database_that_refuses_root_runs_as_another_user(self, lab, pod):
        """PostgreSQL wants a user that is not root, has a name, and owns its files."""
        (programs,) = Path("/usr/lib/postgresql").glob("*/bin")
        script = (
            "initdb -N -D /var/lib/database/main -U app -A trust && "
            "exec postgres -D /var/lib/database/main -k /tmp -c listen_addresses='*'"
        )
        query = ["psql", "-h", "/tmp", "-U", "app", "-d", "postgres", "-tc"]
        main = {
            "command": ["sh", "-c", script],
            "env": [{"name": "PATH", "value": f"{programs}:/usr/bin:/bin"}],
            "volumeMounts": [{"name": "data", "mountPath": "/var/lib/database"}],
            "readinessProbe": {"exec": {"command": [*query, "select 1"]}, "periodSeconds": 1},
        }
        context = {"runAsUser": 7001, "runAsGroup": 7002, "fsGroup": 7003}
        pod("database", main, securityContext=context, volumes=[{"name": "data", "emptyDir": {}}])
        until_ready(lab, "database", seconds=90)
        assert lab.kubectl("exec", "database", "--", "id", "-u").stdout == "7001\n"
        assert lab.exec("database", "stat", "-c", "%u %g", "/var/lib/database/main/PG_VERSION") in (
            "7001 7003\n",  # the group of the volume
            "7001 7002\n",  # an ordinary user's lab knows one group only
        )
        assert lab.exec("database", *query, "select 6 * 7").strip() == "42"

    def test_another_user_may_neither_change_this_machine_nor_have_capabilities(self, lab, pod):
        pod("plain", {**SLEEP, "securityContext": {"runAsUser": 7001}})
        until_ready(lab, "plain")
        status_of_self = lab.exec("plain", "cat", "/proc/self/status")
        assert "CapEff:\t0000000000000000" in status_of_self
        refused = lab.fairlead("exec", "--name", lab.name, "plain", "--", "touch", "/etc/fairlead-test", check=False)
        assert "Read-only file system" in refused.stderr

    def test_another_user_may_listen_on_a_low_port(self, lab, pod):
        ready = {"httpGet": {"port": 80}, "periodSeconds": 1}
        pod("low", {"image": "fairlead/echo", "readinessProbe": ready}, securityContext={"runAsUser": 7001})
        until_ready(lab, "low")

    def test_root_that_must_not_be_root_does_not_start(self, lab, pod):
        pod("wrong", SLEEP, securityContext={"runAsNonRoot": True})
        waiting = eventually(lambda: container(lab, "wrong")["state"]["waiting"]["message"] and container(lab, "wrong"))
        assert waiting["state"]["waiting"]["reason"] == "CreateContainerConfigError"


class TestNodesNetwork:
    """Ports of a node that lead to a Pod, and Pods in the network of their node."""

    READY = {"httpGet": {"port": 80}, "periodSeconds": 1}

    def test_a_host_port_leads_to_its_pod_from_everywhere(self, lab, pod):
        ports = [
            {"containerPort": 80, "hostPort": 8080},
            {"containerPort": 80, "hostPort": 8081, "protocol": "UDP"},
            {"containerPort": 80, "hostPort": 8082, "hostIP": "192.0.2.1"},  # no address of this node
        ]
        pod("served", {"image": "fairlead/echo", "ports": ports, "readinessProbe": self.READY}, nodeName="node-1")
        pod("afar", SLEEP, nodeName="node-2")
        until_ready(lab, "served", "afar")
        node, client = (status(lab, name)[field] for name, field in (("served", "hostIP"), ("afar", "podIP")))
        ask = ["curl", "-s", "-m", "30"]
        answers = {
            "outside": lab.fairlead("run", "--name", lab.name, "--outside", "--", *ask, f"{node}:8080").stdout,
            "another node's Pod": lab.exec("afar", *ask, f"{node}:8080"),
            "its own node": lab.on_node("node-1", *ask, f"{node}:8080"),
            "itself": lab.exec("served", *ask, f"{node}:8080"),
        }
        assert {who: answer.partition("\n")[0] for who, answer in answers.items()} == dict.fromkeys(
            answers, "pod: served"
        )
        assert f"client: {client}:" in answers["another node's Pod"]
        datagram = f"exec 3<>/dev/udp/{node}/8081; echo hi >&3; timeout 3 head -n 1 <&3"
        said = eventually(lambda: lab.exec("afar", "bash", "-c", datagram))
        assert said.startswith(f"served {client}:")
        ask = ["curl", "-s", "-m", "3"]
        assert lab.exec("afar", *ask, f"{node}:8082", check=False) == ""
        lab.kubectl("delete", "pod", "served")
        eventually(lambda: lab.exec("afar", *ask, f"{node}:8080", check=False) == "")
        eventually(lambda: "8080" not in lab.on_node("node-1", "nft", "list", "table", "ip", "fairlead-host-ports"))

    def test_a_host_port_is_given_once_for_each_node(self, lab, pod):
        ports = [{"containerPort": 80, "hostPort": 8090}]
        for name in ("first", "second", "third"):
            pod(name, {"image": "fairlead/pause", "ports": ports})
            if name != "third":
                until_ready(lab, name)
        nodes = {lab.get("pod", name)["spec"]["nodeName"] for name in ("first", "second")}
        assert len(nodes) == 2
        condition = eventually(lambda: status(lab, "third")["conditions"][0])
        assert "2 node(s) didn't have free ports for the requested pod ports" in condition["message"]

    @pytest.mark.parametrize(("policy", "is_client"), [("ClusterFirst", False), ("ClusterFirstWithHostNet", True)])
    def test_a_pod_in_its_node_s_network_says_whether_it_asks_the_cluster_s_dns(self, lab, pod, policy, is_client):
        alias = {"ip": "192.0.2.9", "hostnames": ["elsewhere.test"]}
        pod("here", SLEEP, hostNetwork=True, dnsPolicy=policy, hostAliases=[alias])
        until_ready(lab, "here")
        node = lab.get("pod", "here")["spec"]["nodeName"]
        assert lab.exec("here", "hostname").strip() == node
        assert lab.exec("here", "getent", "ahostsv4", node).split()[0] == status(lab, "here")["hostIP"]
        assert lab.exec("here", "getent", "ahostsv4", "elsewhere.test").split()[0] == "192.0.2.9"
        assert ("nameserver 10.96.0.10" in lab.exec("here", "cat", "/etc/resolv.conf")) == is_client
        if is_client:
            name = "kubernetes.default.svc.cluster.local"
            assert lab.exec("here", "getent", "hosts", name).split()[0] == "10.96.0.1"

    def test_what_is_added_to_the_resolver(self, lab, pod):
        config = {"searches": ["kube-system.svc.cluster.local"], "options": [{"name": "ndots", "value": "3"}]}
        pod("adding", SLEEP, dnsConfig=config)
        until_ready(lab, "adding")
        assert lab.exec("adding", "getent", "hosts", "kube-dns").split()[0] == "10.96.0.10"
        assert "options ndots:3" in lab.exec("adding", "cat", "/etc/resolv.conf")


class TestImages:
    def test_an_unmapped_image_says_how_to_map_it(self, lab, pod):
        pod("nginx", {"image": "nginx:1.27"})
        waiting = eventually(lambda: container(lab, "nginx")["state"]["waiting"]["message"] and container(lab, "nginx"))
        assert waiting["state"]["waiting"]["reason"] == "ErrImageNeverPull"
        assert "--image 'nginx=COMMAND'" in waiting["state"]["waiting"]["message"]

    def test_a_mapped_image(self, lab, pod):
        pod("mapped", {"image": "counter:v2", "args": ["exit 4"]}, restartPolicy="Never")
        end = eventually(lambda: container(lab, "mapped")["state"]["terminated"])
        assert end["exitCode"] == 4

    def test_an_image_of_the_configuration_file(self, lab, pod):
        """Its arguments and variables are defaults that the container's own replace."""
        pod("default", {"image": "greeter:v1"}, restartPolicy="Never")
        own = {"args": ["echo $GREETING $HOSTNAME"], "env": [{"name": "GREETING", "value": "good day"}]}
        pod("own", {"image": "greeter:v1", **own}, restartPolicy="Never")

        def has_succeeded(name):
            return status(lab, name)["phase"] == "Succeeded"

        for name, text in (("default", "hello sh"), ("own", "good day own")):
            eventually(partial(has_succeeded, name))
            assert lab.log(name).strip() == text

    def test_the_echo_tells_who_it_is_and_who_asked(self, lab, pod):
        ready = {"httpGet": {"port": 80}, "periodSeconds": 1}
        pod("echo", {"image": "fairlead/echo", "readinessProbe": ready})
        pod("asker", SLEEP)
        until_ready(lab, "echo", "asker")
        server, client = (status(lab, name)["podIP"] for name in ("echo", "asker"))
        answer = dict(line.split(": ", 1) for line in lab.exec("asker", "curl", "-s", server).splitlines())
        assert (answer["pod"], answer["address"]) == ("echo", server)
        assert answer["client"].startswith(f"{client}:")
        for protocol in ("tcp", "udp"):
            script = f"exec 3<>/dev/{protocol}/{server}/80; echo hi >&3; head -n 1 <&3"
            said = eventually(partial(lab.exec, "asker", "timeout", "5", "bash", "-c", script))
            assert said.startswith(f"echo {client}:"), protocol
            assert said.endswith(" hi\n"), protocol

    def test_commands_that_only_busybox_has(self, lab, pod):
        """``ash`` is no program of Debian's, but of the image busybox."""
        pod("applet", {"command": ["ash", "-c", "exit 7"]}, restartPolicy="Never")
        end = eventually(lambda: container(lab, "applet")["state"]["terminated"])
        assert end["exitCode"] == 7

    def test_a_program_that_is_not_there(self, lab, pod):
        pod("absent", {"command": ["no-such-program"]}, restartPolicy="Never")
        end = eventually(lambda: container(lab, "absent")["state"]["terminated"])
        assert (end["exitCode"], end["reason"]) == (128, "StartError")
        assert "no-such-program" in end["message"]


class TestRestarts:
    @pytest.mark.parametrize(("code", "phase"), [(0, "Succeeded"), (3, "Failed")])
    def test_a_pod_with_policy_never_is_not_restarted(self, lab, pod, code, phase):
        pod("once", {"command": ["sh", "-c", f"exit {code}"]}, restartPolicy="Never")
        eventually(lambda: status(lab, "once")["phase"] == phase)
        assert container(lab, "once")["state"]["terminated"]["exitCode"] == code
        assert container(lab, "once")["restartCount"] == 0

    def test_a_pod_that_is_active_for_too_long_fails(self, lab, pod):
        pod("endless", SLEEP, activeDeadlineSeconds=3600)
        until_ready(lab, "endless")  # on a slow machine a short time might be over before it runs
        lab.kubectl("patch", "pod", "endless", "-p", '{"spec": {"activeDeadlineSeconds": 1}}')
        ended = eventually(lambda: status(lab, "endless")["phase"] == "Failed" and status(lab, "endless"))
        assert ended["reason"] == "DeadlineExceeded"
        assert "terminated" in ended["containerStatuses"][0]["state"]
        eventually(lambda: "DeadlineExceeded" in lab.kubectl("events", "--for=pod/endless").stdout)

    def test_the_end_of_the_log_tells_why(self, lab, pod):
        script = "seq 1 200 >&2; printf 'no such table' >&2; exit 3"  # of two streams, the order would be by chance
        main = {"command": ["sh", "-c", script], "terminationMessagePolicy": "FallbackToLogsOnError"}
        pod("telling", main, restartPolicy="Never")
        message = eventually(lambda: container(lab, "telling")["state"]["terminated"]["message"])
        assert message.splitlines() == [*map(str, range(122, 201)), "no such table"]

    @pytest.mark.parametrize("user", [0, 7001])
    def test_the_termination_message_is_reported(self, lab, pod, user):
        main = {"command": ["sh", "-c", "yes | head -n 5000 >/dev/termination-log; echo enough >>/dev/termination-log"]}
        elsewhere = {"command": ["sh", "-c", "echo no such table; echo gone >/tmp/deep/er; exit 3"]}
        elsewhere |= {"terminationMessagePath": "/tmp/deep/er", "terminationMessagePolicy": "FallbackToLogsOnError"}
        containers = [{"image": "busybox", **own} for own in ({"name": "a", **main}, {"name": "b", **elsewhere})]
        pod("telling", {}, containers=containers, restartPolicy="Never", securityContext={"runAsUser": user})
        eventually(lambda: status(lab, "telling")["phase"] == "Failed")
        first, second = (each["state"]["terminated"] for each in status(lab, "telling")["containerStatuses"])
        assert first["message"] == ("y\n" * 5000 + "enough\n")[-4096:]
        assert second["message"] == "gone\n"
        assert re.search(r"Message: +gone\n", lab.kubectl("describe", "pod", "telling").stdout)

    def test_on_failure_restarts_until_it_ends_well(self, lab, pod):
        script = "cat /kept/tried && exit 0; echo tried > /kept/tried; exit 3"
        mounts = [{"name": "kept", "mountPath": "/kept", "subPath": "deep/er"}]
        volumes = [{"name": "kept", "emptyDir": {}}]
        main = {"command": ["sh", "-c", script], "volumeMounts": mounts}
        pod("trying", main, restartPolicy="OnFailure", volumes=volumes)
        eventually(lambda: status(lab, "trying")["phase"] == "Succeeded")
        assert container(lab, "trying")["restartCount"] == 1
        assert lab.log("trying") == "tried\n"

    def test_always_backs_off(self, lab, pod):
        pod("looping", {"command": ["false"]})
        waiting = eventually(lambda: container(lab, "looping")["state"]["waiting"]["message"])
        assert waiting.startswith("back-off 10s restarting failed container=main pod=looping_default(")
        found = container(lab, "looping")
        assert found["restartCount"] >= 1
        assert found["lastState"]["terminated"]["exitCode"] == 1
        eventually(lambda: "CrashLoopBackOff" in lab.kubectl("get", "pods").stdout)
        eventually(
            lambda: "Back-off restarting failed container main" in lab.kubectl("events", "--for=pod/looping").stdout
        )

    def test_a_failed_liveness_probe_restarts(self, lab, pod):
        probe = {"exec": {"command": ["test", "!", "-e", "/tmp/sick"]}, "periodSeconds": 1, "failureThreshold": 1}
        pod("alive", {**SLEEP, "livenessProbe": {**probe, "timeoutSeconds": 60}})  # a slow answer is no failure
        until_ready(lab, "alive")
        lab.exec("alive", "touch", "/tmp/sick")
        eventually(lambda: container(lab, "alive")["restartCount"] == 1)
        until_ready(lab, "alive")

    def test_foreign_status_changes_of_a_pod_are_overwritten(self, lab, pod):
        """As the node controller does while it thinks a node lost; times are in whole seconds, so do it often."""
        pod("maligned", SLEEP)
        until_ready(lab, "maligned")
        unready = json.dumps({"status": {"conditions": [{"type": "Ready", "status": "False"}]}})
        for _ in range(8):
            lab.kubectl("patch", "pod", "maligned", "--subresource=status", "-p", unready)
        until_ready(lab, "maligned")

    def test_a_startup_probe_holds_readiness_back(self, lab, pod):
        probe = {"exec": {"command": ["test", "-e", "/tmp/started"]}, "periodSeconds": 1, "failureThreshold": 60}
        pod("slow", {**SLEEP, "startupProbe": probe})
        eventually(lambda: "running" in container(lab, "slow")["state"])
        assert not is_ready(lab, "slow")
        lab.exec("slow", "touch", "/tmp/started")
        until_ready(lab, "slow")

    @pytest.mark.parametrize("action", [{"httpGet": {"path": "/healthz", "port": "http"}}, {"tcpSocket": {"port": 80}}])
    def test_probes_over_the_network(self, lab, pod, action):
        ports = [{"name": "http", "containerPort": 80}]
        pod("probed", {"image": "fairlead/echo", "ports": ports, "readinessProbe": {**action, "periodSeconds": 1}})
        until_ready(lab, "probed")

    def test_a_grpc_probe(self, lab, pod):
        def server(port: int, **probe) -> dict:
            command = [sys.executable, str(CHECKOUT / "tests" / "support" / "grpc_server.py"), str(port)]
            ready = {"grpc": {"port": port, **probe}, "periodSeconds": 1}
            mounts = [{"name": "checkout", "mountPath": str(CHECKOUT)}]
            image = {"image": "busybox", "command": command, "volumeMounts": mounts}
            return {"name": f"on-{port}", **image, "readinessProbe": ready}

        volumes = [{"name": "checkout", "hostPath": {"path": str(CHECKOUT)}}]
        pod("rpc", {}, containers=[server(5000), server(5001, service="sick")], volumes=volumes)
        healthy, sick = (lambda i=i: status(lab, "rpc")["containerStatuses"][i]["ready"] for i in (0, 1))
        eventually(healthy, 60)
        assert not sick()

    def test_a_sidecar_starts_first_and_ends_last(self, lab, pod):
        folder = lab.folder / "sidecar"
        folder.mkdir(exist_ok=True)
        folder.chmod(0o777)

        def writes(name: str, script: str) -> dict:
            mounts = [{"name": "shared", "mountPath": "/shared"}]
            return {"name": name, "image": "busybox", "command": ["bash", "-c", script], "volumeMounts": mounts}

        ending = "trap 'echo side ended >> /shared/log; exit' TERM"
        side = writes("side", f"{ending}; echo side >> /shared/log; while :; do sleep 0.1; done")
        started = {"exec": {"command": ["test", "-s", "/shared/log"]}, "periodSeconds": 1, "failureThreshold": 60}
        pod(
            "helped",
            {},
            containers=[writes("main", "cat /shared/log; sleep 0.5; echo main ended >> /shared/log")],
            initContainers=[{**side, "restartPolicy": "Always", "startupProbe": started}],
            volumes=[{"name": "shared", "hostPath": {"path": str(folder)}}],
            restartPolicy="Never",
            terminationGracePeriodSeconds=60,
        )
        eventually(lambda: status(lab, "helped")["phase"] == "Succeeded", 60)
        assert lab.kubectl("logs", "helped", "-c", "main").stdout == "side\n"
        ended = eventually(lambda: status(lab, "helped")["initContainerStatuses"][0]["state"].get("terminated"))
        assert ended["exitCode"] == 0
        assert status(lab, "helped")["phase"] == "Succeeded"
        assert (folder / "log").read_text() == "side\nmain ended\nside ended\n"

    def test_init_containers_run_first_and_in_order(self, lab, pod):
        def step(name: str, command: str) -> dict:
            return {"name": name, "image": "busybox", "command": ["sh", "-c", command]}

        pod("staged", SLEEP, initContainers=[step("a", "sleep 0.2"), step("b", "true")])
        until_ready(lab, "staged")
        ends = [c["state"]["terminated"] for c in status(lab, "staged")["initContainerStatuses"]]
        assert [end["exitCode"] for end in ends] == [0, 0]


class TestVolumes:
    @pytest.mark.each_user
    def test_variables_about_the_pod_and_services(self, lab, pod):
        def field(of: str, **place) -> dict:
            return {"fieldRef": {"fieldPath": of}, **place}

        lab.kubectl("create", "service", "clusterip", "my-db", "--tcp=5432")
        lab.create(object_of("Secret", "told", stringData={"key": "hidden"}))
        sources = [
            {"downwardAPI": {"items": [field("metadata.labels", path="labels"), field("metadata.uid", path="uid")]}},
            {"secret": {"name": "told", "items": [{"key": "key", "path": "deep/key", "mode": 0o400}]}},
        ]
        env = [{"name": "ME", "valueFrom": field("metadata.name")}, {"name": "IP", "valueFrom": field("status.podIP")}]
        env.append({"name": "CPUS", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu"}}})
        env_from = [{"prefix": "ALL_", "secretRef": {"name": "told"}}]
        mounts = [
            {"name": "all", "mountPath": "/told"},
            {"name": "mine", "mountPath": "/mine", "subPathExpr": "$(ME)"},
            {"name": "mine", "mountPath": "/everybody"},
        ]
        volumes = [
            {"name": "mine", "emptyDir": {}},
            {"name": "all", "projected": {"sources": sources, "defaultMode": 0o444}},
        ]
        pod("informed", {**SLEEP, "env": env, "envFrom": env_from, "volumeMounts": mounts}, volumes=volumes)
        until_ready(lab, "informed")
        variables = dict(line.split("=", 1) for line in lab.exec("informed", "env").splitlines())
        found = lab.get("pod", "informed")
        assert (variables["ME"], variables["IP"]) == ("informed", found["status"]["podIP"])
        assert (variables["ALL_key"], variables["CPUS"]) == ("hidden", str(os.cpu_count()))
        assert lab.exec("informed", "ls", "/everybody") == "informed\n"
        address = lab.get("service", "my-db")["spec"]["clusterIP"]
        assert (variables["MY_DB_SERVICE_HOST"], variables["MY_DB_SERVICE_PORT"]) == (address, "5432")
        assert variables["KUBERNETES_SERVICE_HOST"] == "10.96.0.1"
        assert lab.exec("informed", "cat", "/told/uid") == found["metadata"]["uid"]
        modes = lab.exec("informed", "stat", "-L", "-c", "%a", "/told/uid", "/told/deep/key")
        assert modes.split() == ["444", "400"]
        lab.kubectl("label", "pod", "informed", "shade=dark")
        eventually(lambda: lab.exec("informed", "cat", "/told/labels") == 'shade="dark"')
        lab.kubectl("delete", "service/my-db", "secret/told")

    def test_files_and_variables_from_config_maps_and_secrets(self, lab, pod):
        lab.create(object_of("ConfigMap", "settings", data={"colour": "blue"}))
        lab.create(object_of("Secret", "keys", stringData={"password": "secret"}))
        volumes = [{"name": "c", "configMap": {"name": "settings"}}, {"name": "s", "secret": {"secretName": "keys"}}]
        mounts = [{"name": "c", "mountPath": "/part", "subPath": "colour"}]
        mounts += [
            {"name": "c", "mountPath": "/config/deep"},
            {"name": "s", "mountPath": "/etc/keys", "readOnly": True},
        ]
        env = [{"name": "COLOUR", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "colour"}}}]
        pod("sourced", {**SLEEP, "volumeMounts": mounts, "env": env}, volumes=volumes)
        until_ready(lab, "sourced")
        assert lab.exec("sourced", "cat", "/config/deep/colour", "/etc/keys/password") == "bluesecret"
        lab.kubectl("patch", "configmap", "settings", "-p", '{"data": {"colour": "green", "size": "1"}}')
        lab.kubectl("patch", "secret", "keys", "-p", '{"data": null, "stringData": {"token": "new"}}')
        eventually(lambda: lab.exec("sourced", "cat", "/config/deep/colour", "/config/deep/size") == "green1")
        eventually(lambda: lab.exec("sourced", "ls", "/etc/keys") == "token\n")
        assert lab.exec("sourced", "cat", "/part") == "blue", "a part of a volume stays as it was"
        assert "COLOUR=blue" in lab.exec("sourced", "env")
        assert (
            "Read-only"
            in lab.fairlead("exec", "--name", lab.name, "sourced", "--", "touch", "/etc/keys/x", check=False).stderr
        )
        assert "nameserver 10.96.0.10" in lab.exec("sourced", "cat", "/etc/resolv.conf")

    def test_a_pod_waits_for_what_is_not_there_yet(self, lab, pod):
        env = [{"name": "X", "valueFrom": {"configMapKeyRef": {"name": "later", "key": "x"}}}]
        pod("patient", {**SLEEP, "env": env})
        waiting = eventually(
            lambda: container(lab, "patient")["state"]["waiting"].get("message") and status(lab, "patient")
        )
        state = waiting["containerStatuses"][0]["state"]["waiting"]
        assert state == {"reason": "CreateContainerConfigError", "message": 'configmap "later" not found'}
        lab.create(object_of("ConfigMap", "later", data={"x": "1"}))
        until_ready(lab, "patient")

    def test_an_empty_folder_is_shared_and_outlives_a_restart(self, lab, pod):
        mounts = [{"name": "data", "mountPath": "/data"}]
        containers = [
            {"name": name, "image": "busybox", "command": ["sleep", "4711"], "volumeMounts": mounts}
            for name in ("main", "second")
        ]
        pod("sharing", {}, containers=containers, volumes=[{"name": "data", "emptyDir": {}}])
        until_ready(lab, "sharing")
        lab.exec("sharing", "sh", "-c", "echo kept > /data/file; mkdir /data/folder")
        lab.exec("sharing", "pkill", "-KILL", "--oldest", "-f", "^sleep 4711", check=False)
        eventually(lambda: sum(c["restartCount"] for c in status(lab, "sharing")["containerStatuses"]) > 0)
        until_ready(lab, "sharing")
        in_second = lab.fairlead("exec", "--name", lab.name, "sharing", "-c", "second", "--", "cat", "/data/file")
        assert in_second.stdout == "kept\n"


class TestTermination:
    def test_hooks_run_after_the_start_and_before_the_end(self, lab, pod):
        folder = lab.folder / "hooks"
        folder.mkdir(exist_ok=True)
        folder.chmod(0o777)

        def hook(name: str) -> dict:
            return {"exec": {"command": ["touch", f"/hooks/{name}"]}}

        lifecycle = {"postStart": hook("started"), "preStop": hook("stopping")}
        volumes = [{"name": "hooks", "hostPath": {"path": str(folder)}}]
        mounts = [{"name": "hooks", "mountPath": "/hooks"}]
        main = {**SLEEP, "lifecycle": lifecycle, "volumeMounts": mounts}
        pod("hooked", main, volumes=volumes, terminationGracePeriodSeconds=60)
        until_ready(lab, "hooked")
        assert os.listdir(folder) == ["started"]
        lab.kubectl("delete", "pod", "hooked")
        assert sorted(os.listdir(folder)) == ["started", "stopping"]

    def test_sigterm_comes_first(self, lab, pod):
        folder = lab.folder / "farewell"
        folder.mkdir(exist_ok=True)
        folder.chmod(0o777)
        script = "trap 'touch /farewell/said; exit 0' TERM; echo set; while :; do sleep 0.05; done"
        volumes = [{"name": "farewell", "hostPath": {"path": str(folder)}}]
        container = {"command": ["sh", "-c", script], "volumeMounts": [{"name": "farewell", "mountPath": "/farewell"}]}
        pod("polite", container, volumes=volumes, terminationGracePeriodSeconds=3600)
        eventually(lambda: lab.log("polite"))
        lab.kubectl("delete", "pod", "polite")
        assert os.listdir(folder) == ["said"]

    def test_while_it_ends_it_serves_those_who_have_nobody_else(self, lab, pod):
        ready = {"httpGet": {"port": 80}, "periodSeconds": 1}
        drain = [{"name": "DRAIN_SECONDS", "value": "90"}]
        main = {"image": "fairlead/echo", "env": drain, "readinessProbe": ready}
        pod("last", main, terminationGracePeriodSeconds=100)
        pod("asker", SLEEP)
        lab.kubectl("label", "pod", "last", "app=last")
        lab.kubectl("expose", "pod", "last", "--port=80")
        until_ready(lab, "last", "asker")

        def conditions() -> dict:
            (found,) = lab.get("endpointslices", "-l", "kubernetes.io/service-name=last")["items"]
            return found["endpoints"][0]["conditions"]

        eventually(lambda: conditions() == {"ready": True, "serving": True, "terminating": False})
        lab.kubectl("delete", "pod", "last", "--wait=false")
        eventually(lambda: conditions() == {"ready": False, "serving": True, "terminating": True})
        eventually(lambda: lab.exec("asker", "curl", "-s", "-m", "5", "http://last/hostname") == "last")
        lab.kubectl("delete", "service", "last")

    def test_sigkill_after_the_grace_period(self, lab, pod):
        pod("stubborn", {"command": ["sh", "-c", "trap '' TERM; echo set; while :; do sleep 0.05; done"]})
        eventually(lambda: lab.log("stubborn"))
        ending = json.loads(lab.api.request("DELETE", "/api/v1/namespaces/default/pods/stubborn"))
        assert ending["metadata"]["deletionTimestamp"]
        eventually(lambda: lab.is_gone("pod", "stubborn"))

    def test_a_forced_deletion_ends_the_processes(self, lab, pod):
        pod("doomed", {"command": ["sleep", "4242"]})
        until_ready(lab, "doomed")
        lab.delete_pods("doomed")
        node = "node-1"
        eventually(lambda: "sleep 4242" not in lab.on_node(node, "ps", "-e", "-o", "args"))


WHO_AM_I = """
from kubernetes import client, config
config.load_incluster_config()
review = client.AuthenticationV1Api().create_self_subject_review(client.V1SelfSubjectReview())
print(review.status.user_info.username)
print(client.CoreV1Api().read_namespaced_service("kubernetes", "default").spec.cluster_ip)
"""


class TestIdentity:
    FOLDER = "/var/run/secrets/kubernetes.io/serviceaccount"
    REVIEWS = "https://kubernetes.default.svc/apis/authentication.k8s.io/v1/selfsubjectreviews"

    def test_a_process_asks_the_api_who_it_is(self, lab, pod):
        lab.create(object_of("ServiceAccount", "joe"))
        pod("told", SLEEP, serviceAccountName="joe")
        until_ready(lab, "told")
        ask = f"""cd {self.FOLDER} && curl -sS --cacert ca.crt -H "Authorization: Bearer $(cat token)" \
            -H 'Content-Type: application/json' -d '{{}}' {self.REVIEWS}"""
        user = json.loads(lab.exec("told", "sh", "-c", ask))["status"]["userInfo"]
        assert user["username"] == "system:serviceaccount:default:joe"
        assert user["extra"]["authentication.kubernetes.io/pod-name"] == ["told"]
        assert user["extra"]["authentication.kubernetes.io/node-name"] == [lab.get("pod", "told")["spec"]["nodeName"]]
        assert lab.exec("told", "cat", f"{self.FOLDER}/namespace") == "default"
        token = lab.exec("told", "cat", f"{self.FOLDER}/token")
        without = lab.exec("told", "curl", "-sk", "-o", "/dev/null", "-w", "%{http_code}", self.REVIEWS)
        assert without == "401"
        assert len(token.split(".")) == 3
        lab.kubectl("delete", "serviceaccount", "joe")
        assert "Unauthorized" in lab.exec("told", "sh", "-c", ask)

    def test_a_process_may_do_what_its_account_is_bound_to(self, lab, pod):
        pods = "https://kubernetes.default.svc/api/v1/namespaces/default/pods"
        lab.create(object_of("ServiceAccount", "viewer"))
        pod("viewer", SLEEP, serviceAccountName="viewer")
        until_ready(lab, "viewer")
        ask = f"""cd {self.FOLDER} && curl -sS --cacert ca.crt -H "Authorization: Bearer $(cat token)" {pods}"""
        assert json.loads(lab.exec("viewer", "sh", "-c", ask))["message"] == (
            'pods is forbidden: User "system:serviceaccount:default:viewer" cannot list resource "pods" in API group '
            '"" in the namespace "default"'
        )
        lab.kubectl("create", "rolebinding", "viewer", "--clusterrole=view", "--serviceaccount=default:viewer")
        assert json.loads(lab.exec("viewer", "sh", "-c", ask))["kind"] == "PodList"
        lab.kubectl("delete", "rolebinding", "viewer")
        lab.kubectl("delete", "serviceaccount", "viewer")

    def test_the_official_client_finds_its_way_from_inside(self, lab, pod):
        lab.kubectl("create", "rolebinding", "default", "--clusterrole=view", "--serviceaccount=default:default")
        venv = {"name": "venv", "hostPath": {"path": sys.prefix}}
        mount = {"name": "venv", "mountPath": sys.prefix, "readOnly": True}
        pod("python", {**SLEEP, "volumeMounts": [mount]}, volumes=[venv])
        until_ready(lab, "python")
        said = lab.exec("python", f"{sys.prefix}/bin/python", "-c", WHO_AM_I).split()
        assert said == ["system:serviceaccount:default:default", "10.96.0.1"]
        lab.kubectl("delete", "rolebinding", "default")

    def test_a_pod_that_wants_no_token_has_none(self, lab, pod):
        pod("none", SLEEP, automountServiceAccountToken=False)
        until_ready(lab, "none")
        assert lab.fairlead("exec", "--name", lab.name, "none", "--", "ls", self.FOLDER, check=False).returncode != 0

    def test_kubectl_makes_tokens(self, lab, pod):
        pod("bound", SLEEP)
        until_ready(lab, "bound")
        asked = ["create", "token", "default", "--duration=10m", "--bound-object-kind=Pod", "--bound-object-name=bound"]
        token = lab.kubectl(*asked).stdout.strip()
        review = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": token}}
        told = lab.kubectl("create", "-f", "-", "-o", "json", stdin=json.dumps(review)).stdout
        assert json.loads(told)["status"]["user"]["username"] == "system:serviceaccount:default:default"
