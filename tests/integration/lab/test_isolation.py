"""What a Pod can reach of this machine and of its lab: everything that it finds, compared with a list of allowed
things, and attacks from inside.

Every test runs in a lab of root's and in one of an ordinary user's.
"""

import base64
import contextlib
import functools
import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.labs import Lab, eventually
from tests.support.users import CHECKOUT, users

pytestmark = pytest.mark.each_user

# One that Pods see, and if possible one that every user may enter.
PYTHON = next(filter(os.path.exists, ("/usr/bin/python3", os.path.realpath(sys.executable))))
ENUMERATE = (CHECKOUT / "tests" / "support" / "reach.py").read_text()
IN_SHELL, IN_SECRET, IN_CALLER = "hunter2hunter2", "swordfish-swordfish", "correct-horse-battery"
# Looks at all processes, again and again, until it is told that it is enough.
WATCH = """
import os, sys
wanted, seen = sys.argv[1][::-1].encode(), set()
while not os.path.exists("/tmp/enough"):
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            files = [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")]
            if wanted in open(f"/proc/{pid}/environ", "rb").read():
                print("environment of", pid, flush=True)
            if any("fairlead" in file for file in files):
                print("files of", pid, files, flush=True)
            seen.add(pid)
        except OSError:
            continue
print(len(seen), "looked at")
"""
PODS = ("shell", "echo", "guest", "in-node", "node-admin")
IN_NODE = ("in-node", "node-admin")
PRIVILEGED = {"securityContext": {"privileged": True}}
WRITE_RULES = "/usr/sbin/nft add table inet {}"


def pod(name: str, container: dict | None = None, **spec: Any) -> dict:
    container = {"name": "main", "image": "busybox", "command": ["sleep", "infinity"], **(container or {})}
    spec = {"terminationGracePeriodSeconds": 0, "containers": [container], **spec}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


def create(lab: Lab, *pods: dict) -> None:
    lab.create(*pods)
    lab.until_ready(*(pod["metadata"]["name"] for pod in pods))


@pytest.fixture(scope="module", params=users(), ids=str)
def lab(request):
    """A lab with secrets: of the shell that has started it, of a Secret, of keys."""
    lab = Lab(request.param)
    lab.environment |= {"SHELL_SECRET": IN_SHELL}
    try:
        lab.up()
        lab.kubectl("create", "secret", "generic", "secret", f"--from-literal=key={IN_SECRET}")
        secret = [{"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "secret", "key": "key"}}}]
        create(
            lab,
            pod("holder", {"env": secret}),  # first, so that its launcher is asked for the others after it
            pod("shell"),
            {**pod("echo"), "spec": {"containers": [{"name": "main", "image": "fairlead/echo"}]}},
            pod("guest", securityContext={"runAsUser": 7001, "runAsGroup": 7001}),
            pod("in-node", hostNetwork=True),
            pod("node-admin", PRIVILEGED, hostNetwork=True),
            pod("apart", PRIVILEGED),
        )
        yield lab
    finally:
        lab.close()


def reach(lab: Lab, name: str, *texts: str) -> Any:
    """What ``tests/support/reach.py`` finds in a Pod."""
    backwards = [text[::-1] for text in texts]
    return json.loads(lab.kubectl("exec", "-i", name, "--", PYTHON, "-", *backwards, stdin=ENUMERATE).stdout)


def inside(lab: Lab, name: str, script: str) -> subprocess.CompletedProcess:
    return lab.kubectl("exec", name, "--", "sh", "-c", script, check=False)


def inside_python(lab: Lab, name: str, program: str) -> subprocess.CompletedProcess:
    return lab.kubectl("exec", name, "--", PYTHON, "-c", program, check=False)


@pytest.fixture(scope="module")
def reached(lab):
    """What each Pod finds; it looks once."""
    return functools.cache(functools.partial(reach, lab))


@pytest.fixture(params=PODS)
def found(reached, request):
    if request.param == "guest" and not can_see_python():
        pytest.skip("this interpreter is in a folder of root's, which another user may not enter")
    return request.param, reached(request.param)


def can_see_python() -> bool:
    return all(path.stat().st_mode & 0o001 for path in Path(PYTHON).parents)


VARIABLES = {"HOME", "HOSTNAME", "PATH"}
OWN_FOLDERS = {"/", "/home", "/root", "/run", "/tmp", "/var/tmp"}
WRITABLE = {*OWN_FOLDERS, "/proc", "/etc/hosts", "/etc/hostname", "/etc/resolv.conf"}
WRITABLE |= {f"/dev{name}" for name in ("", "/pts", "/shm", "/mqueue", "/termination-log")}
WRITABLE |= {f"/dev/{name}" for name in ("full", "null", "random", "tty", "urandom", "zero")}
STEERED = {"@fairlead/agent", "@fairlead/proxy"}  # in the node's network; they answer nobody inside the lab
PROGRAMS = ("/usr/", "/lib", os.path.realpath(sys.prefix), os.path.realpath(sys.base_prefix), str(CHECKOUT))


class TestReach:
    """The list."""

    def test_its_processes_are_its_sandbox_and_its_container(self, found):
        name, reached = found
        sandbox, container = (reached["processes"][pid] for pid in sorted(reached["processes"], key=int))
        assert sandbox["name"] == "sleep"
        assert container["name"] == ("python3" if name == "echo" else "sleep")
        assert sandbox["variables"] == []
        variables = {name for name in container["variables"] if not name.startswith(("KUBERNETES_", "COVERAGE_"))}
        assert variables == (set() if name == "echo" else VARIABLES)

    def test_processes_of_a_pod_have_only_their_own_descriptors(self, found):
        name, reached = found
        sandbox, container = (reached["processes"][pid]["files"] for pid in sorted(reached["processes"], key=int))
        assert set(sandbox) <= {"?"}  # nobody in the Pod is told what they are
        kinds = {file.partition(":")[0] for file in container}
        assert kinds <= {"/dev/null", "pipe", *(("anon_inode", "socket") if name == "echo" else ())}

    def test_only_programs_are_mapped(self, found):
        _, reached = found
        mapped = {file for process in reached["processes"].values() for file in process["mapped"]}
        assert mapped
        assert not [file for file in mapped if not file.startswith(PROGRAMS)]

    def test_only_own_files_are_writable(self, found):
        name, reached = found
        writable = {place for place, (_, mode) in reached["mounts"].items() if mode == "rw"}
        assert writable - {"/etc/passwd"} == WRITABLE - ({"/etc/resolv.conf"} if name in IN_NODE else set())
        assert ("/etc/passwd" in writable) == (name == "guest")  # a copy, with its name
        assert set(reached["made"]) - {"/run/secrets"} <= OWN_FOLDERS
        assert set(reached["kernel_settings"]) <= {"/proc/mounts"}  # that of the process itself

    def test_a_pod_has_no_foreign_socket(self, found):
        name, reached = found
        assert set(reached["sockets"]) == (STEERED if name in IN_NODE else set())

    def test_files_of_the_lab_and_of_users_are_out_of_sight(self, lab, found):
        name, reached = found
        out_of_sight = [lab.folder / "run" / "fairlead", lab.data, Path("/etc/shadow"), Path("/proc/1/root") / "run"]
        looks = [*(f"cat {place}; ls -A {place}/" for place in out_of_sight), "ls -A /"]
        *seen, shown = inside(lab, name, "; echo ---; ".join(looks)).stdout.split("---\n")
        assert set(seen) <= {"", "secrets\n"}, dict(zip(out_of_sight, seen, strict=True))
        sandbox, container = (reached["processes"][pid]["root"] for pid in sorted(reached["processes"], key=int))
        assert set(container) == set(shown.split())
        assert set(sandbox) == set()  # its root has more of the machine than a container of an image may see


def keys_of(lab: Lab) -> list[str]:
    """A part of each key of the lab's, as files have it and as programs keep it."""
    pems = [path.read_bytes() for path in (lab.data / "pki").glob("*.key")]
    for path in (lab.data / "kubeconfigs").iterdir():
        encoded = json.loads(path.read_text())["users"][0]["user"]["client-key-data"]
        pems.append(base64.b64decode(encoded))
    lines = [pem.decode().splitlines()[1][20:60] for pem in pems]
    assert len(lines) > 5
    return lines


class TestMemory:
    @pytest.mark.parametrize("name", ["shell", "echo"])
    def test_no_process_holds_a_key_or_the_secrets_of_others(self, lab, name):
        assert reach(lab, name, IN_SHELL, IN_SECRET, *keys_of(lab)) == []

    def test_the_search_for_secrets_finds_known_ones(self, lab):
        assert {text for _, text in reach(lab, "holder", IN_SHELL, IN_SECRET)} == {IN_SECRET[::-1]}

    def test_a_command_from_outside_brings_nothing_of_its_caller(self, lab):
        """Between joining the Pod and becoming the command, it is in sight of the Pod's root."""
        watcher = pod("watcher", {"command": [PYTHON, "-c", WATCH, IN_CALLER[::-1]]}, restartPolicy="Never")
        create(lab, watcher)
        lab.environment |= {"CALLER_SECRET": IN_CALLER}
        try:
            for _ in range(5):
                lab.start("exec", "--name", lab.name, "watcher", "--", "true")
        finally:
            del lab.environment["CALLER_SECRET"]
        lab.exec("watcher", "touch", "/tmp/enough")
        log = eventually(lambda: lab.log("watcher"))
        assert log.endswith("looked at\n")
        assert log.count("\n") == 1, log


class TestSockets:
    def test_the_labs_sockets_answer_no_pod_even_with_their_descriptors(self, lab):
        folder = lab.folder / "run" / "fairlead" / lab.name
        volumes = [{"name": "run", "hostPath": {"path": str(folder)}}]
        create(lab, pod("caller", {"volumeMounts": [{"name": "run", "mountPath": "/lab"}]}, volumes=volumes))
        requests = {
            "control": {"op": "enter-node", "node": "node-1"},
            "host": {"op": "listen", "protocol": "TCP", "port": 0, "flexible": True},
        }
        for name, request in requests.items():
            ask = (
                "import socket, json, sys\n"
                f"s = socket.socket(socket.AF_UNIX); s.connect('/lab/{name}')\n"
                f"try: s.sendall({json.dumps(request).encode()!r} + b'\\n'); print(socket.recv_fds(s, 4096, 4)[:2])\n"
                "except OSError: print((b'', []))\n"
            )
            done = lab.kubectl("exec", "caller", "--", PYTHON, "-c", ask)
            assert done.stdout == "(b'', [])\n", name
        assert lab.on_node("node-1", "true") == ""  # who may ask is answered

    @pytest.mark.parametrize("name", sorted(STEERED))
    @pytest.mark.parametrize("asker", IN_NODE)
    def test_the_steering_sockets_answer_no_pod(self, lab, name, asker):
        ask = (
            "import socket\n"
            f"s = socket.socket(socket.AF_UNIX); s.connect({name.replace('@', chr(0))!r})\n"
            """s.sendall(b'{"op": "reached", "version": 0}\\n'); print(s.recv(100))\n"""
        )
        done = inside_python(lab, asker, ask)
        assert done.stdout in ("b''\n", ""), done
        assert "b'{" not in done.stdout

    def test_clients_that_say_nothing_do_not_keep_others_waiting(self, lab):
        with contextlib.ExitStack() as silent:
            folder = os.open(lab.folder / "run" / "fairlead" / lab.name, os.O_PATH)
            silent.callback(os.close, folder)
            for _ in range(3):
                connection = silent.enter_context(socket.socket(socket.AF_UNIX))
                connection.connect(f"/proc/self/fd/{folder}/control")
                with contextlib.suppress(BrokenPipeError):  # nor is any other user answered, even root
                    connection.sendall(b"{")
            assert eventually(lambda: lab.exec("shell", "echo", "answered"), 30) == "answered\n"

    def test_a_volume_of_the_machine_does_not_show_the_folders_of_labs(self, lab):
        volumes = [{"name": "all", "hostPath": {"path": "/"}}, {"name": "near", "hostPath": {"path": str(lab.folder)}}]
        mounts = [{"name": "all", "mountPath": "/machine"}, {"name": "near", "mountPath": "/near"}]
        create(lab, pod("administrator", {"volumeMounts": mounts}, volumes=volumes))
        for place in (f"/machine{lab.data}", f"/machine{lab.folder}/run/fairlead", "/near/data", "/near/run/fairlead"):
            assert inside(lab, "administrator", f"ls -A {place}").stdout == "", place
        assert "data" in inside(lab, "administrator", "ls /near").stdout


class TestVolumes:
    @pytest.mark.parametrize(
        ("link", "part"),
        [("/etc", "way"), ("/etc", "way/made"), ("../../..", "way"), ("../../../../../../../../etc", "way/made/deep")],
    )
    def test_no_link_leads_a_part_out_of_its_volume(self, lab, link, part):
        """The first container plants the link, the second mounts what it leads to."""
        name = f"planter-{abs(hash((link, part)))}"
        whole = {"name": "shared", "mountPath": "/shared"}
        first = {
            "name": "first",
            "image": "busybox",
            "command": ["ln", "-s", link, "/shared/way"],
            "volumeMounts": [whole],
        }
        second = {"volumeMounts": [{"name": "shared", "mountPath": "/seen", "subPath": part}]}
        document = pod(name, second, initContainers=[first], volumes=[{"name": "shared", "emptyDir": {}}])
        lab.create(document)
        state = eventually(lambda: waiting(lab, name), 30)
        assert "subPath" in state.get("message", "") or "Invalid cross-device link" in state.get("message", ""), state
        assert not Path("/etc/made").exists()
        lab.delete_pods(name)

    def test_a_link_within_the_volume_is_followed(self, lab):
        whole = {"name": "shared", "mountPath": "/shared"}
        script = "mkdir /shared/a; echo here >/shared/a/file; ln -s a /shared/way"
        first = {"name": "first", "image": "busybox", "command": ["sh", "-c", script], "volumeMounts": [whole]}
        second = {"volumeMounts": [{"name": "shared", "mountPath": "/seen", "subPath": "way"}]}
        create(lab, pod("linker", second, initContainers=[first], volumes=[{"name": "shared", "emptyDir": {}}]))
        assert inside(lab, "linker", "cat /seen/file").stdout == "here\n"


def waiting(lab: Lab, name: str) -> dict:
    """Why a container does not run: it waits, or could not be started."""
    (container,) = lab.get("pod", name)["status"]["containerStatuses"]
    state = container["state"]
    found = state.get("waiting") or state.get("terminated") or {}
    return found if found.get("message") else {}


class TestMachine:
    @pytest.mark.parametrize("name", ["shell", "in-node", "node-admin"])
    def test_the_machine_is_not_written_to(self, lab, name):
        before = Path("/proc/sys/kernel/printk").read_text(), Path("/proc/sys/vm/swappiness").read_text()
        attacks = (
            "echo 1 >/proc/sys/vm/swappiness",
            "echo 1 >/proc/sys/kernel/printk",
            "echo 1 >/proc/sys/net/ipv4/ip_forward",
            "echo h >/proc/sysrq-trigger",
            "echo >/sys/kernel/uevent_helper",
            "head -c 1 /proc/kcore",
            "mount -o remount,rw /proc/sys",
            "mount -o remount,rw /usr",
            "umount /proc/sys",
            "umount /etc/shadow",
            "touch /usr/fairlead-test /etc/fairlead-test /var/fairlead-test",
            "echo x >/proc/1/root/usr/fairlead-test",
            "chroot /proc/1/root touch /usr/fairlead-test",
        )
        tried = "; ".join(f"({attack}) >/dev/null 2>&1 && echo '{attack}'" for attack in attacks)
        done = inside(lab, name, f"{tried}; echo all")
        assert done.stdout == "all\n", done
        assert before == (Path("/proc/sys/kernel/printk").read_text(), Path("/proc/sys/vm/swappiness").read_text())

    @pytest.mark.parametrize("name", ["shell", "in-node", "apart"])
    def test_rules_are_not_written(self, lab, name):
        assert "not permitted" in inside(lab, name, WRITE_RULES.format("unasked")).stderr

    def test_a_pod_with_net_admin_writes_rules_of_its_node(self, lab):
        done = inside(lab, "node-admin", WRITE_RULES.format("asked"))
        assert done.returncode == 0, done.stderr
        node = lab.get("pod", "node-admin")["spec"]["nodeName"]
        other = next(name for name in ("node-1", "node-2") if name != node)
        tables = {name: lab.on_node(name, "nft", "list", "tables") for name in (node, other)}
        assert ["table inet asked" in tables[name] for name in (node, other)] == [True, False]
        lab.exec("node-admin", "/usr/sbin/nft", "delete", "table", "inet", "asked")  # a command that enters it may, too

    def test_writes_to_private_folders_stay_in_memory(self, lab):
        script = "for d in / /home /root /run /tmp /var/tmp; do echo x >$d/fairlead-mine || exit 1; done; mkdir /www"
        assert inside(lab, "shell", script).returncode == 0
        assert not [d for d in OWN_FOLDERS if Path(d, "fairlead-mine").exists()]
