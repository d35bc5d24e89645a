"""Pods that end in the middle of something else: a hook, a volume that comes, another Pod of their name."""

import asyncio
import contextlib
import json
import random
from pathlib import Path

import pytest

from fairlead.drivers.kube.client import PODS, KubeClient, KubeError
from fairlead.drivers.linux.process_tree import tree
from tests.support.full import some_of
from tests.support.labs import Lab, eventually
from tests.support.pod_ends import (
    ENDS,
    SHAPES,
    first_process,
    force,
    make_namespace,
    new_processes,
    pods_left,
    until_nothing_is_new,
)
from tests.support.users import users

PODS_OF_EACH = some_of(16, 120)
PATIENCE = some_of(120, 300)  # seconds until all have ended
LATEST = 0.4  # seconds after its creation that a Pod is ended
HELD = {
    "containers": [
        {
            "name": "c",
            "image": "fairlead/pause",
            "lifecycle": {"preStop": {"exec": {"command": ["sleep", "86400"]}}},
        }
    ],
    "terminationGracePeriodSeconds": 3600,
}
FILLED_LATE = {
    "containers": [{"name": "c", "image": "fairlead/pause", "volumeMounts": [{"name": "v", "mountPath": "/v"}]}],
    "terminationGracePeriodSeconds": 1,
}
AGAIN = 20


@pytest.fixture(scope="module")
def lab():
    lab = Lab(users()[-1])
    try:
        lab.up()
        lab.kubectl("wait", "--for=condition=Ready", "pods", "--all", "-n", "kube-system", "--timeout=60s")
        yield lab
    finally:
        lab.close()


def create(lab: Lab, namespace: str, kind: str, name: str, **fields: object) -> None:
    document = {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": namespace}, **fields}
    lab.create(document)


def runs(lab: Lab, namespace: str, name: str) -> str:
    """The UID of a Pod that is ready."""
    pod = lab.get("pod", "-n", namespace, name)
    conditions = {each["type"]: each["status"] for each in pod["status"].get("conditions", ())}
    return str(pod["metadata"]["uid"]) if conditions.get("Ready") == "True" else ""


def test_a_forced_end_does_not_wait_for_the_hook_of_another_end(lab):
    before = set(tree(first_process(lab)))
    make_namespace(lab, "hooked")
    for number in range(4):
        create(lab, "hooked", "Pod", f"held-{number}", spec=HELD)
    lab.kubectl("wait", "--for=condition=Ready", "pods", "--all", "-n", "hooked", "--timeout=60s")
    lab.kubectl("delete", "pods", "--all", "-n", "hooked", "--wait=false")
    eventually(lambda: sum("sleep 86400" in line for line in new_processes(lab, before).values()) >= 4, 30)
    lab.kubectl("delete", "pods", "--all", "-n", "hooked", "--force")
    eventually(lambda: not pods_left(lab, "hooked"), 30)
    until_nothing_is_new(lab, before)


def test_what_a_pod_waits_for_comes_when_it_ends(lab):
    before = set(tree(first_process(lab)))
    make_namespace(lab, "late")

    async def scenario() -> None:
        dice = random.Random("late")
        async with KubeClient.from_kubeconfig(Path(lab.kubeconfig)) as client:

            async def one(number: int) -> None:
                name = f"filled-{number}"
                volumes = [{"name": "v", "configMap": {"name": name}}]
                pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}}
                await client.create(PODS.path("late"), {**pod, "spec": {**FILLED_LATE, "volumes": volumes}})
                await asyncio.sleep(dice.uniform(0, 2))  # some wait already, some are about to look again
                content = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"a": "b"}}
                await asyncio.gather(
                    client.create("/api/v1/namespaces/late/configmaps", content),
                    ENDS[number % len(ENDS)](client, "late", name),
                    return_exceptions=True,
                )

            await asyncio.gather(*(one(number) for number in range(PODS_OF_EACH)))

    asyncio.run(scenario())
    eventually(lambda: not pods_left(lab, "late"), seconds=PATIENCE)
    until_nothing_is_new(lab, before)


def test_a_name_that_is_taken_again_at_once(lab):
    """Each Pod of the name is another one: only the last may be left."""
    before = set(tree(first_process(lab)))
    make_namespace(lab, "again")
    document = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": SHAPES["stubborn"]}

    async def scenario() -> str:
        dice = random.Random("again")
        async with KubeClient.from_kubeconfig(Path(lab.kubeconfig)) as client:
            for _ in range(AGAIN):
                created = await client.create(PODS.path("again"), document)
                await asyncio.sleep(dice.uniform(0, LATEST))
                await force(client, "again", "p")
            created = await client.create(PODS.path("again"), document)
            return str(created["metadata"]["uid"])

    last = asyncio.run(scenario())
    eventually(lambda: runs(lab, "again", "p") == last, 60)
    eventually(lambda: sum("sleep 86400" in line for line in new_processes(lab, before).values()) == 2, 30)
    lab.kubectl("delete", "namespace", "again", "--wait=false")
    lab.kubectl("delete", "pod", "p", "-n", "again", "--force", check=False)
    until_nothing_is_new(lab, before)


def test_a_pod_of_a_stateful_set_that_is_deleted_by_force_again_and_again(lab):
    before = set(tree(first_process(lab)))
    make_namespace(lab, "stateful")
    labels = {"app": "s"}
    template = {"metadata": {"labels": labels}, "spec": SHAPES["stubborn"]}
    spec = {"serviceName": "s", "replicas": 1, "selector": {"matchLabels": labels}, "template": template}
    stateful_set = {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "s"}, "spec": spec}
    lab.kubectl("create", "-n", "stateful", "-f", "-", stdin=json.dumps(stateful_set))

    async def scenario() -> set[str]:
        dice, seen = random.Random("stateful"), set()
        async with KubeClient.from_kubeconfig(Path(lab.kubeconfig)) as client:
            while len(seen) < AGAIN:
                with contextlib.suppress(KubeError):  # it is not there at this moment
                    deleted = await client.get(PODS.path("stateful", "s-0"))
                    await force(client, "stateful", "s-0")
                    seen.add(json.loads(deleted)["metadata"]["uid"])
                await asyncio.sleep(dice.uniform(0, LATEST / 4))
        return seen

    seen = asyncio.run(scenario())
    uid = eventually(lambda: runs(lab, "stateful", "s-0"), 60)
    assert uid not in seen
    eventually(lambda: sum("sleep 86400" in line for line in new_processes(lab, before).values()) == 2, 30)
    lab.kubectl("delete", "statefulset", "s", "-n", "stateful")
    lab.kubectl("delete", "pods", "--all", "-n", "stateful", "--force")
    until_nothing_is_new(lab, before)
