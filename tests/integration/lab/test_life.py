"""The life of a lab: killed processes, restarts with the same data, refusals, and an end without traces."""

import json
import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

from tests.support import labs
from tests.support.full import IS_FULL
from tests.support.labs import Lab, eventually
from tests.support.users import CHECKOUT, users

MANIFESTS = CHECKOUT / "examples" / "headless" / "manifests.yaml"
COMPONENTS = ["apiserver", "controllers", "node-1-agent", "node-1-proxy", "node-2-agent", "node-2-proxy"]


@pytest.fixture(params=users(), ids=str)
def lab(request):
    """A lab that is not started yet."""
    lab = Lab(request.param, "-f", str(MANIFESTS))
    try:
        yield lab
    finally:
        lab.close()


@pytest.fixture
def ordinary():
    """A lab of an ordinary user's that is not started yet."""
    lab = Lab(users()[-1])
    try:
        yield lab
    finally:
        lab.close()


@pytest.fixture(scope="module", params=users(), ids=str)
def running(request):
    """One lab for all the tests that leave it as they found it."""
    lab = Lab(request.param, "-f", str(MANIFESTS))
    try:
        lab.up()
        yield lab
    finally:
        lab.close()


def objects(lab: Lab) -> dict:
    """What must survive any restart: identities, addresses and ports."""
    pods = {p["metadata"]["name"]: (p["metadata"]["uid"], p["status"]["podIP"]) for p in lab.get("pods", "-A")["items"]}
    services = {
        s["metadata"]["name"]: (s["metadata"]["uid"], s["spec"]["clusterIPs"], s["spec"]["ports"])
        for s in lab.get("services", "-A")["items"]
    }
    return {"pods": pods, "services": services, "server": lab_description(lab)["server"]}


def lab_description(lab: Lab) -> dict:
    return json.loads((lab.folder / "run" / "fairlead" / lab.name / "lab.json").read_text())


def web_answers(lab: Lab) -> bool:
    """Names, rules and Pods all do their part."""
    return lab.exec("client", "curl", "-s", "--max-time", "2", "http://web/hostname", check=False) in ("web-0", "web-1")


def nothing_is_left(lab: Lab) -> bool:
    return not lab.processes() and not list((lab.folder / "run" / "fairlead").iterdir())


def test_a_lab_runs_what_it_needs_and_a_router_once_there_is_a_load_balancer(running):
    assert set(running.component_pids()) == {"lab", *COMPONENTS}
    running.kubectl("create", "service", "loadbalancer", "entry", "--tcp=80")
    try:
        eventually(lambda: "router" in running.component_pids())
    finally:
        running.kubectl("delete", "service", "entry")


class TestKilled:
    @pytest.mark.parametrize("component", COMPONENTS if IS_FULL else COMPONENTS[:-2])
    def test_a_killed_component_restarts_without_loss(self, running, component):
        before = objects(running)
        old = running.component_pids()[component]
        running.kill(old)
        eventually(lambda: running.component_pids().get(component, old) != old)
        eventually(lambda: web_answers(running))
        eventually(lambda: objects(running) == before)

    def test_a_container_is_restarted_with_its_pods_address(self, running):
        def restarts() -> int:
            return running.get("pod", "web-0")["status"]["containerStatuses"][0]["restartCount"]

        before, count = objects(running), restarts()
        running.exec("web-0", "pkill", "-KILL", "--oldest", "-f", "fairlead")
        eventually(lambda: restarts() == count + 1)
        eventually(lambda: web_answers(running))
        eventually(lambda: objects(running) == before)

    def test_everything_comes_back_with_the_same_data(self, lab):
        """The end of its first process, which is the last thing here, ends all of it."""
        lab.up()
        before = objects(lab)
        # What the DNS of a lab was in earlier versions.
        lab.kubectl("run", "-n", "kube-system", "fairlead-dns", "--image=fairlead/dns")
        lab.fairlead("node", "add", "--name", lab.name, "extra", "--label", "disk=ssd")
        for pid in lab.processes():
            try:
                lab.kill(pid)
            except ProcessLookupError:
                continue
        eventually(lambda: not lab.processes())
        lab.up()
        eventually(lambda: objects(lab) == before)
        eventually(lambda: web_answers(lab))
        extra = lab.get("node", "extra")
        assert extra["metadata"]["labels"]["disk"] == "ssd"
        assert lab.on_node("extra", "ip", "-4", "addr", "show", "eth0").count("192.168.64.13") == 1
        lab.kill(lab.component_pids()["lab"])
        eventually(lambda: nothing_is_left(lab))


def test_a_start_in_the_foreground_continues_and_reports_what_it_waits_for(ordinary):
    never = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "never"}}
    probe = {"exec": {"command": ["false"]}}
    never["spec"] = {"containers": [{"name": "c", "image": "fairlead/pause", "readinessProbe": probe}]}
    manifest = ordinary.folder / "never.json"
    manifest.write_text(json.dumps(never))
    manifest.chmod(0o644)
    command = ordinary.command("up", "--name", ordinary.name, "-f", str(manifest))
    with subprocess.Popen(command, env=ordinary.environment, cwd="/", stderr=subprocess.PIPE, text=True) as starting:
        try:
            reminder = next(line for line in starting.stderr if line.startswith("not ready after"))
            assert "still waiting for" in reminder
            assert "never" in reminder
            assert str(ordinary.name) in reminder
        finally:
            ordinary.down()


@pytest.mark.each_user
def test_a_lab_touches_nothing_of_the_machine_and_leaves_nothing(lab):
    def network_and_mounts() -> tuple[list[str], str, str]:
        links = sorted(os.listdir("/sys/class/net"))
        return links, Path("/proc/self/mounts").read_text(), Path("/proc/net/route").read_text()

    before = network_and_mounts()
    lab.fairlead("up", "--name", lab.name, "--wait")
    assert network_and_mounts() == before
    lab.down()
    assert nothing_is_left(lab)
    assert not lab.data.exists(), "without --data nothing is kept"
    assert lab.fairlead("status", check=False).returncode == 1


class TestRefusals:
    def test_a_name_in_use(self, running):
        done = running.fairlead("up", "--name", running.name, "--wait", check=False)
        assert done.returncode == 3
        assert f"fairlead down --name {running.name}" in done.stderr
        eventually(lambda: web_answers(running))

    def test_a_data_folder_in_use(self, running):
        done = running.fairlead("up", "--name", "other", "--wait", "--data", str(running.data), check=False)
        assert done.returncode == 3
        assert "another lab uses the data folder" in done.stderr

    def test_a_manifest_that_the_api_refuses(self, lab):
        manifest = lab.folder / "bad.yaml"
        manifest.write_text("apiVersion: v1\nkind: Service\nmetadata: {name: Bad_Name}\nspec: {ports: [{port: 80}]}\n")
        manifest.chmod(0o644)
        done = lab.fairlead("up", "--name", lab.name, "--wait", "-f", str(manifest), check=False)
        assert done.returncode == 3
        assert "Service/Bad_Name" in done.stderr
        assert 'metadata.name: Invalid value: "Bad_Name"' in done.stderr
        eventually(lambda: nothing_is_left(lab))

    def test_a_kind_that_is_not_served(self, lab):
        manifest = lab.folder / "unknown.yaml"
        manifest.write_text("apiVersion: example.com/v1\nkind: Wonder\nmetadata: {name: a}\n")
        manifest.chmod(0o644)
        done = lab.fairlead("up", "--name", lab.name, "--wait", "-f", str(manifest), check=False)
        assert 'no matches for kind "Wonder" in version "example.com/v1"' in done.stderr

    def test_a_missing_program(self, lab):
        # Something that cannot be executed in nft's place, seen by this command alone.
        hide = 'mount --bind /dev/null "$(command -v nft)"; exec "$@"'
        command = ["unshare", "--mount", "sh", "-c", hide, "sh", *lab.command("up", "--name", lab.name, "--wait")]
        if os.geteuid() != 0:
            command.insert(1, "--map-root-user")
        done = subprocess.run(command, env=lab.environment, cwd="/", text=True, capture_output=True, check=False)
        assert done.returncode == 3
        assert "missing programs: nft; install" in done.stderr

    @pytest.mark.full
    def test_a_kernel_that_makes_no_more_user_namespaces(self, ordinary):
        # One more namespace is allowed, and unshare takes it: with the limit of the one around it reached, the lab's
        # own is refused, as it is where an administrator has set the limit to zero.
        limit = 'echo 1 > /proc/sys/user/max_user_namespaces; exec unshare --user --map-user=1234 "$@"'
        up = ordinary.command("up", "--name", ordinary.name, "--wait")
        at = up.index(labs.FAIRLEAD)
        command = [*up[:at], "unshare", "--user", "--map-root-user", "sh", "-ec", limit, "sh", *up[at:]]
        done = subprocess.run(command, env=ordinary.environment, cwd="/", text=True, capture_output=True, check=False)
        assert done.returncode == 0  # a lab without namespaces then
        assert "user.max_user_namespaces" in done.stderr

    def test_a_pod_or_node_that_is_not_there(self, running):
        done = running.fairlead("exec", "--name", running.name, "nobody", "--", "true", check=False)
        assert "no Pod default/nobody is running" in done.stderr
        done = running.fairlead("exec", "--name", running.name, "--node", "node-9", "--", "true", check=False)
        assert 'there is no node "node-9"' in done.stderr

    def test_a_lab_that_is_not_there(self, running):
        done = running.fairlead("down", "--name", "nowhere", check=False)
        assert done.returncode == 3
        assert 'no lab named "nowhere" is running' in done.stderr


class TestCommands:
    def test_status_fits_a_terminal(self, running):
        row = rf"^{running.name} +https://127\.0\.0\.1:\d+ +2/2 +4/4 +\d+ +\d+ MiB +nft$"
        output = eventually(
            lambda: (found := running.fairlead("status").stdout) and re.search(row, found, re.M) and found
        )
        assert all(len(line) <= 80 for line in output.splitlines())

    def test_exit_codes_are_the_command_s(self, running):
        def code(*command: str) -> int:
            return running.fairlead("exec", "--name", running.name, *command, check=False).returncode

        assert code("client", "--", "sh", "-c", "exit 7") == 7
        assert code("client", "--", "sh", "-c", "kill -TERM $$") == 128 + signal.SIGTERM
        assert code("client", "--", "no-such-program") == 127
        assert code("--node", "node-1", "--", "sh", "-c", "exit 9") == 9

    def test_exec_has_the_container_s_environment_and_run_the_caller_s(self, running):
        assert "KUBERNETES_SERVICE_HOST=10.96.0.1" in running.exec("client", "env").splitlines()
        running.environment["MARK"] = "a caller's"
        done = running.start("run", "--name", running.name, "--", "sh", "-c", "pwd; echo $MARK")
        assert done.stdout == "/\na caller's\n"
        pods = running.get("pods")["items"]
        eventually(lambda: not [p for p in pods if p["metadata"]["name"].startswith("run-")] or running.get("pods"))

    def test_kubeconfig_is_printed_and_private(self, running):
        text = running.fairlead("kubeconfig", "--name", running.name).stdout
        assert text == Path(running.kubeconfig).read_text()
        assert Path(running.kubeconfig).stat().st_mode & 0o077 == 0


def test_the_process_outside_takes_the_lab_with_it(running):
    """The last test: the lab is gone then."""
    running.kill(lab_description(running)["pid"])
    eventually(lambda: nothing_is_left(running))
