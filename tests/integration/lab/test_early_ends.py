"""Pods that end during their start, at random moments and in every way: no Pod and no process stays.

A full run does it with more than 2,000 Pods.
"""

import asyncio
import contextlib
import random
import threading
import time
from pathlib import Path

import pytest

from fairlead.drivers.kube.client import PODS, KubeClient, KubeError
from fairlead.drivers.linux.process_tree import tree
from tests.support.full import some_of
from tests.support.lab_processes import launcher
from tests.support.labs import Lab, eventually, is_ready
from tests.support.pod_ends import (
    ENDS,
    SHAPES,
    first_process,
    make_namespace,
    new_processes,
    pods_left,
    until_nothing_is_new,
)
from tests.support.users import users

PODS_OF_EACH = some_of(12, 120)
SPREAD = some_of(1, 20)  # seconds within which Pods are created
PATIENCE = some_of(120, 600)  # seconds until all have ended
LATEST = 0.4  # seconds after its creation that a Pod is ended; those that come first have ended starting by then


@pytest.fixture(scope="module", params=users(), ids=str)
def lab(request):
    lab = Lab(request.param)
    try:
        lab.up()
        lab.kubectl("wait", "--for=condition=Ready", "pods", "--all", "-n", "kube-system", "--timeout=60s")
        yield lab
    finally:
        lab.close()


async def start_and_end(client: KubeClient, namespace: str, number: int, dice: random.Random, *, to_end: bool) -> None:
    shape = sorted(SHAPES)[number % len(SHAPES)]
    name = f"{shape}-{number}"
    spec = {"nodeName": f"node-{1 + number % 2}", "terminationGracePeriodSeconds": 1, **SHAPES[shape]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}
    await asyncio.sleep(dice.uniform(0, SPREAD))
    await client.create(PODS.path(namespace), pod)
    await asyncio.sleep(dice.uniform(0, LATEST))
    if to_end:
        try:
            await ENDS[number // len(SHAPES) % len(ENDS)](client, namespace, name)
        except KubeError as error:
            if error.code != 404:  # between a deletion and the force that follows it, it may have ended
                raise


async def in_namespace(lab: Lab, namespace: str, *, to_end: bool) -> None:
    dice = random.Random(namespace)
    async with KubeClient.from_kubeconfig(Path(lab.kubeconfig)) as client:
        numbers = range(PODS_OF_EACH * (len(ENDS) if to_end else 1))
        await asyncio.gather(*(start_and_end(client, namespace, n, dice, to_end=to_end) for n in numbers))


def test_pods_that_end_while_they_start_leave_nothing(lab):
    before = set(tree(first_process(lab)))
    make_namespace(lab, "early")
    asyncio.run(in_namespace(lab, "early", to_end=True))
    eventually(lambda: not pods_left(lab, "early"), seconds=PATIENCE)
    until_nothing_is_new(lab, before)


def test_a_namespace_deleted_while_its_pods_start_leaves_none(lab):
    before = set(tree(first_process(lab)))
    make_namespace(lab, "going")
    asyncio.run(in_namespace(lab, "going", to_end=False))
    lab.kubectl("delete", "namespace", "going", "--wait=false")
    eventually(lambda: lab.is_gone("namespace", "going"), seconds=PATIENCE)
    until_nothing_is_new(lab, before)


def test_pods_whose_node_is_switched_off_while_they_start_leave_nothing(lab):
    before = set(tree(first_process(lab)))
    make_namespace(lab, "off")
    stopping = threading.Thread(target=stop_node, args=(lab,))
    stopping.start()
    asyncio.run(in_namespace(lab, "off", to_end=False))
    stopping.join()
    lab.kubectl("delete", "namespace", "off", "--wait=false")
    eventually(lambda: lab.is_gone("namespace", "off"), seconds=PATIENCE)
    lab.fairlead("node", "start", "--name", lab.name, "node-2")
    eventually(lambda: is_complete(lab, "node-2"), seconds=60)
    of_node = {pid for pid, line in new_processes(lab, before).items() if "sleep" not in line}
    until_nothing_is_new(lab, before | of_node)  # the node's own are others than before


def is_complete(lab: Lab, node: str) -> bool:
    """Whether all processes of a node that has been started run, and the cluster's own Pods that it had run again."""
    pods = lab.get("pods", "-n", "kube-system")["items"]
    settled = all(is_ready(pod) and "deletionTimestamp" not in pod["metadata"] for pod in pods)
    return settled and {f"{node}-agent", f"{node}-proxy"} <= lab.component_pids().keys() and bool(launcher(lab, node))


def stop_node(lab: Lab) -> None:
    """One of both, in the time in which Pods come."""
    time.sleep(0.7)
    lab.fairlead("node", "stop", "--name", lab.name, "--out-of-service", "node-2")


def test_pods_that_end_while_their_agent_is_killed_leave_nothing(lab):
    """What the agents had begun is found, and ended, by those that come after them.

    It is the last one, since the processes of agents that come back are new to a test that looks for any.
    """
    before = {pid for pid in tree(first_process(lab)) if "sleep" in command(pid)}
    make_namespace(lab, "killed")
    killing = threading.Thread(target=kill_agents, args=(lab,))
    killing.start()
    asyncio.run(in_namespace(lab, "killed", to_end=True))
    killing.join()
    eventually(lambda: not pods_left(lab, "killed"), seconds=PATIENCE)

    def no_sleeper_is_new() -> bool:
        new = {pid for pid in tree(first_process(lab)) if "sleep" in command(pid)} - before
        assert not new, [command(pid) for pid in new]
        return True

    eventually(no_sleeper_is_new, seconds=60)


def kill_agents(lab: Lab) -> None:
    """Each node's agent twice, in the time in which Pods come and go."""
    for _ in range(2):
        for node in (1, 2):
            time.sleep(0.4)
            with contextlib.suppress(KeyError, ProcessLookupError):
                lab.kill(lab.component_pids()[f"node-{node}-agent"])


def command(pid: int) -> str:
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    return ""
