"""Pods of several shapes, the ways in which they end, and whether anything of them is left in a lab."""

import contextlib
from pathlib import Path

from fairlead.drivers.kube.client import PODS, KubeClient
from fairlead.drivers.linux.process_tree import tree
from tests.support.labs import Lab, eventually

STUBBORN = {"command": ["sh", "-c", "trap '' TERM; sleep 86400"]}
SHAPES = {
    "plain": {"containers": [{"name": "c", "image": "fairlead/pause"}]},
    "two": {"containers": [{"name": name, "image": "fairlead/pause"} for name in ("c", "d")]},
    "stubborn": {"containers": [{"name": "c", "image": "busybox", **STUBBORN}]},
    "init": {
        "initContainers": [{"name": "i", "image": "busybox", "command": ["sleep", "0.1"]}],
        "containers": [{"name": "c", "image": "fairlead/pause"}],
    },
    "sidecar": {
        "initContainers": [{"name": "s", "image": "fairlead/pause", "restartPolicy": "Always"}],
        "containers": [{"name": "c", "image": "fairlead/pause"}],
    },
    "blocked": {"containers": [{"name": "c", "image": "busybox", "envFrom": [{"configMapRef": {"name": "missing"}}]}]},
    "volumes": {
        "volumes": [{"name": "v", "emptyDir": {}}],
        "containers": [{"name": "c", "image": "fairlead/pause", "volumeMounts": [{"name": "v", "mountPath": "/v"}]}],
    },
    "hooks": {
        "containers": [
            {
                "name": "c",
                "image": "fairlead/pause",
                "lifecycle": {
                    "postStart": {"exec": {"command": ["sleep", "0.1"]}},
                    "preStop": {"exec": {"command": ["sleep", "0.1"]}},
                },
            }
        ]
    },
    "failing": {"containers": [{"name": "c", "image": "busybox", "command": ["false"]}]},
}


def first_process(lab: Lab) -> int:
    """The process that everything in the lab descends from."""
    stat = Path(f"/proc/{lab.component_pids()['apiserver']}/stat").read_text()
    return int(stat.rpartition(")")[2].split()[1])


def new_processes(lab: Lab, before: set[int]) -> dict[int, str]:
    """Command lines of what has come since, by process id."""
    found = {}
    for pid in set(tree(first_process(lab))) - before:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            found[pid] = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    return found


def until_nothing_is_new(lab: Lab, before: set[int]) -> None:
    """Wait for the processes that are ending; those that do not end are named by the failure."""

    def nothing_is_new() -> bool:
        new = new_processes(lab, before)
        assert not new, new
        return True

    eventually(nothing_is_new, seconds=30)


async def delete(client: KubeClient, namespace: str, name: str) -> None:
    await client.delete(PODS.path(namespace, name))


async def force(client: KubeClient, namespace: str, name: str) -> None:
    await client.delete(PODS.path(namespace, name), {"gracePeriodSeconds": 0})


async def evict(client: KubeClient, namespace: str, name: str) -> None:
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name, "namespace": namespace}}
    await client.create(PODS.path(namespace, name, "eviction"), eviction)


async def delete_and_force(client: KubeClient, namespace: str, name: str) -> None:
    await delete(client, namespace, name)
    await force(client, namespace, name)


ENDS = (delete, force, evict, delete_and_force)


def make_namespace(lab: Lab, name: str) -> None:
    """A namespace that Pods can be made in: it has its ServiceAccount."""
    lab.kubectl("create", "namespace", name)
    eventually(lambda: lab.get("serviceaccount", "default", "-n", name))


def pods_left(lab: Lab, namespace: str) -> list[str]:
    return [pod["metadata"]["name"] for pod in lab.get("pods", "-n", namespace)["items"]]
