"""Node agents and launchers that are killed: no container ends, and what happened meanwhile is told afterwards."""

import os
import signal
from pathlib import Path

import pytest

from fairlead.drivers.linux.process_tree import tree
from tests.support.full import some_of
from tests.support.lab_processes import agent, launcher, parent_of
from tests.support.labs import Lab, eventually
from tests.support.net.outsiders import NODES, ask
from tests.support.net.spreading import addresses, traffic
from tests.support.users import CHECKOUT, users

STEADY = CHECKOUT / "tests" / "robustness" / "steady.yaml"
COUNTING = "i=0; while :; do echo $i; i=$((i+1)); sleep 0.05; done"


@pytest.fixture(scope="module", params=users(), ids=str)
def lab(request):
    lab = Lab(request.param)
    try:
        lab.up()
        yield lab
    finally:
        lab.close()


@pytest.fixture
def pod(lab):
    """Creates a Pod on node-1, waits until it is ready, and deletes it at the end."""
    names = []

    def create(name: str, *containers: dict, **spec) -> None:
        named = [{"name": f"c{n}", "image": "busybox", **each} for n, each in enumerate(containers)]
        spec = {"nodeName": "node-1", "terminationGracePeriodSeconds": 1, "containers": named, **spec}
        document = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}
        lab.create(document)
        names.append(name)
        lab.until_ready(name, seconds=30)

    yield create
    for name in names:
        lab.delete_pods(name)


def command(pid: int) -> str:
    """The command line of a process; empty if it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except (FileNotFoundError, ProcessLookupError):
        return ""


VICTIMS = {"agent": agent, "launcher": launcher}


def kill(lab: Lab, victim: str, node: str = "node-1") -> None:
    """Kill a process of a node, and return when its next agent knows the Pods."""
    before = agent(lab, node)
    lab.kill(VICTIMS[victim](lab, node))
    eventually(lambda: agent(lab, node) != before, seconds=30)
    eventually(lambda: all(has_log(lab, pod) for pod in lab.get("pods")["items"]), seconds=30)


def has_log(lab: Lab, pod: dict) -> bool:
    """Whether the agent knows the Pod, if it is one of its; an error until then."""
    return all(lab.log(pod["metadata"]["name"], each["name"]) is not None for each in pod["spec"]["containers"])


def statuses(lab: Lab, name: str) -> list[dict]:
    return lab.get("pod", name)["status"]["containerStatuses"]


@pytest.mark.parametrize("victim", VICTIMS)
def test_containers_go_on_and_lose_no_line(lab, pod, victim):
    pod("goes-on", {"command": ["sh", "-c", COUNTING]}, {"image": "fairlead/echo"})
    before = statuses(lab, "goes-on")
    kill(lab, victim)
    kill(lab, victim)
    count = len(lab.log("goes-on", "c0").split())
    eventually(lambda: len(lab.log("goes-on", "c0").split()) > count + 20)
    lines = lab.log("goes-on", "c0").split()
    assert lines == [str(number) for number in range(len(lines))]
    assert lab.exec("goes-on", "true") == ""
    assert [(s["restartCount"], s["state"], s["ready"]) for s in statuses(lab, "goes-on")] == [
        (s["restartCount"], s["state"], s["ready"]) for s in before
    ]


def test_an_end_without_an_agent_has_its_exit_code(lab, pod):
    """The agent that comes back is not the parent of what ends."""
    pod(
        "ends",
        {"command": ["sh", "-c", "while ! test -e /tmp/end; do sleep 0.1; done; exit 7"]},
        restartPolicy="Never",
    )
    lab.fairlead("exec", "--name", lab.name, "ends", "--", "sh", "-c", "(sleep 1; touch /tmp/end) >/dev/null 2>&1 &")
    kill(lab, "agent")
    eventually(lambda: "terminated" in statuses(lab, "ends")[0]["state"], seconds=30)
    assert statuses(lab, "ends")[0]["state"]["terminated"]["exitCode"] == 7
    eventually(lambda: lab.get("pod", "ends")["status"]["phase"] == "Failed")


def test_a_terminal_and_standard_input_stay_open(lab, pod):
    pod("shell", {"command": ["sh"], "stdin": True, "tty": True}, {"command": ["cat"], "stdin": True})
    kill(lab, "agent")
    shown = lab.kubectl("attach", "shell", "-c", "c0", "-i", stdin="echo $((6*7))\nexit 3\n", check=False)
    assert "42" in shown.stdout, shown
    assert "running" in statuses(lab, "shell")[1]["state"]


def test_probes_go_on(lab, pod):
    check = {"exec": {"command": ["test", "-e", "/tmp/ready"]}, "timeoutSeconds": 30}
    probe = {**check, "periodSeconds": 1, "failureThreshold": 1}
    pod("probed", {"command": ["sh", "-c", "touch /tmp/ready; exec sleep 86400"], "readinessProbe": probe})
    kill(lab, "agent")
    assert statuses(lab, "probed")[0]["ready"]
    lab.exec("probed", "rm", "/tmp/ready")
    eventually(lambda: not statuses(lab, "probed")[0]["ready"], seconds=20)


def test_a_pod_that_was_deleted_by_force_meanwhile_is_ended(lab, pod):
    pod("gone", {"command": ["sh", "-c", "exec sleep 86417"]})
    running = eventually(lambda: [pid for pid in lab_processes(lab) if command(pid).startswith("sleep 86417")])
    assert len(running) == 1
    os.kill(agent(lab), signal.SIGSTOP)  # stopped, it does not hear of it
    stopped = agent(lab)
    try:
        lab.delete_pods("gone")
    finally:
        lab.kill(stopped)
    eventually(lambda: not Path(f"/proc/{running[0]}").exists(), seconds=30)


def lab_processes(lab: Lab) -> list[int]:
    return tree(parent_of(lab.component_pids()["apiserver"]))


def test_requests_succeed_whichever_process_is_killed(lab):
    """Agents and launchers of both nodes, one after another: no container ends and no request fails."""
    lab.kubectl("apply", "-f", str(STEADY))
    lab.kubectl("rollout", "status", "daemonset/steady", "--timeout=60s")
    before, balancers = containers(lab), addresses(lab, "steady")
    port = lab.get("service", "steady")["spec"]["ports"][0]["nodePort"]
    for node in NODES.values():
        eventually(lambda: ask(lab, f"{node}:{port}"))  # noqa: B023 - called at once
    with traffic(lab, *balancers, held=0.1) as asked:
        for number in range(some_of(2, 25)):
            for victim in VICTIMS:
                kill(lab, victim, f"node-{number % 2 + 1}")
    assert asked.failures() == []
    assert containers(lab) == before
    lab.kubectl("delete", "-f", str(STEADY))


def containers(lab: Lab) -> dict[str, tuple[str, int]]:
    """Of each Pod that serves: its container, and how often it was restarted."""
    pods = lab.get("pods", "-l", "app=steady")["items"]
    statuses = {pod["metadata"]["name"]: pod["status"]["containerStatuses"][0] for pod in pods}
    return {name: (status["containerID"], status["restartCount"]) for name, status in statuses.items()}


def test_a_node_that_is_stopped_leaves_no_process(lab):
    before = set(lab_processes(lab))
    lab.fairlead("node", "add", "--name", lab.name, "node-9")
    spec = {"nodeName": "node-9", "containers": [{"name": "c", "image": "fairlead/pause"}]}
    names = [f"nine-{number}" for number in range(8)]
    documents = [{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec} for name in names]
    lab.create(*documents)
    lab.fairlead("node", "stop", "--name", lab.name, "node-9")  # whatever the Pods have come to

    def nothing_is_left():
        left = {pid: command(pid) for pid in lab_processes(lab) if pid not in before}
        assert left == {}
        return True

    eventually(nothing_is_left, seconds=30)
    lab.fairlead("node", "remove", "--name", lab.name, "node-9")
    lab.delete_pods(*names)
