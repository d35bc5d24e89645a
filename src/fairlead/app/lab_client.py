"""What the commands beside ``fairlead up`` do with a running lab: find it, look at it, enter it, end it."""

import asyncio
import contextlib
import os
import signal
import tempfile
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from fairlead.app.lab_child import LabError
from fairlead.app.lab_doors import doors_of, read_published
from fairlead.app.lab_settings import JOINED_LABEL
from fairlead.drivers import control_socket, run_folder
from fairlead.drivers.inside import Command, Place, run_inside
from fairlead.drivers.kube_client import NODES, PODS, SERVICES, KubeClient, KubeError, Unreachable
from fairlead.drivers.process_tree import Usage, usage_of_tree
from fairlead.drivers.run_folder import RunningLab
from fairlead.model.decode import decode
from fairlead.model.objects import Node, Pod, Service
from fairlead.nodeagent.credentials import Credentials

PATIENCE = 20.0  # seconds for a lab to end, or for a Pod of ``run`` to start
RUN_IMAGE = "fairlead/pause"
_ON_THIS_HOST = {"nodeSelectorTerms": [{"matchExpressions": [{"key": JOINED_LABEL, "operator": "DoesNotExist"}]}]}


def find(name: str) -> RunningLab:
    """The lab with this name.

    Raises:
        LabError: there is none.
    """
    run_folder.remove_leftovers()
    lab = run_folder.find(name)
    if lab is None:
        others = ", ".join(other.name for other in run_folder.running_labs())
        hint = f"; running: {others}" if others else f"; start it with `fairlead up --name {name}`"
        raise LabError(f'no lab named "{name}" is running{hint}')
    return lab


def find_home(name: str) -> RunningLab:
    """The lab with this name, whose API server is on this host.

    Raises:
        LabError: there is none.
    """
    lab = find(name)
    if lab.joined_as:
        raise LabError(
            f'lab "{name}" is node "{lab.joined_as}" of a lab whose first host is at {lab.server}: do this there'
        )
    return lab


def end(lab: RunningLab) -> None:
    """Stop a lab, and return when nothing of it is left.

    Raises:
        LabError: it does not end.
    """
    with contextlib.suppress(OSError):
        control_socket.ask(lab.control, {"op": "down"})
    if _gone(lab, PATIENCE / 2):
        return
    with contextlib.suppress(ProcessLookupError):
        os.kill(lab.pid, signal.SIGKILL)  # its PID cannot be another's, for it still holds the lock
    if not _gone(lab, PATIENCE / 2):
        raise LabError(f"the lab does not end; its outermost process is {lab.pid}, its folder {lab.folder}")


def _gone(lab: RunningLab, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        run_folder.remove_leftovers()
        if not lab.folder.exists():
            return True
        time.sleep(0.01)
    return False


class PodCommand(NamedTuple):
    """A command for a Pod's container; an empty container is the Pod's first."""

    namespace: str
    pod: str
    container: str
    arguments: tuple[str, ...]


def exec_in_pod(lab: RunningLab, command: PodCommand) -> int:
    """Run a command in a container as its own processes run; the command's exit code.

    Raises:
        LabError: the Pod or container does not run in this lab.
    """
    process, environment = _enter_pod(lab, command)
    terminal = {"TERM": os.environ["TERM"]} if "TERM" in os.environ else {}
    return run_inside(process, Command(command.arguments, {**terminal, **environment}, "/"))


def exec_on_node(lab: RunningLab, node: str, arguments: tuple[str, ...]) -> int:
    """Run a command as the root of a node, in its network namespace; the command's exit code.

    Raises:
        LabError: there is no such node.
    """
    return _exec_in_network(lab, {"op": "enter-node", "node": node}, arguments)


def exec_outside(lab: RunningLab, arguments: tuple[str, ...]) -> int:
    """Run a command as the root of the world outside the cluster; the command's exit code."""
    return _exec_in_network(lab, {"op": "enter-outside"}, arguments)


def _exec_in_network(lab: RunningLab, request: dict[str, Any], arguments: tuple[str, ...]) -> int:
    reply = ask(lab, request)
    process, network = reply.descriptors
    place = Place(process, reply.document["user_namespace"], network, credentials=None)
    environment = {**os.environ, "PATH": f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"}
    return run_inside(place, Command(arguments, environment, os.getcwd()))


def run_as_pod(lab: RunningLab, namespace: str, arguments: tuple[str, ...]) -> int:
    """Run a command of this machine as if it were a Pod, in the caller's directory and with its environment; the
    command's exit code.

    Raises:
        LabError: the Pod does not start.
    """
    pod = asyncio.run(_create_pod(lab, namespace))
    try:
        place, _ = _enter_pod(lab, PodCommand(namespace, pod, "", ()))
        return run_inside(place, Command(arguments, os.environ, os.getcwd()))
    finally:
        asyncio.run(_delete_pod(lab, namespace, pod))


def _enter_pod(lab: RunningLab, command: PodCommand) -> tuple[Place, Mapping[str, str]]:
    request = {"op": "enter-pod", "namespace": command.namespace, "pod": command.pod, "container": command.container}
    reply = ask(lab, request)
    (process,) = reply.descriptors
    credentials = Credentials(*reply.document["credentials"])
    return Place(process, reply.document["user_namespace"], credentials=credentials), reply.document["environment"]


def ask(lab: RunningLab, request: dict[str, Any]) -> control_socket.Reply:
    """The lab's answer at its control socket; raises LabError when it refuses or does not answer."""
    try:
        return control_socket.ask(lab.control, request)
    except control_socket.Refused as error:
        raise LabError(str(error)) from error
    except OSError as error:
        raise LabError(f'lab "{lab.name}" does not answer: {error}') from error


async def _create_pod(lab: RunningLab, namespace: str) -> str:
    """The name of a Pod that runs and does nothing; it sees this machine's /tmp, where the caller may well be."""
    folder = tempfile.gettempdir()
    document = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"generateName": "run-"},
        "spec": {
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 0,
            "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": _ON_THIS_HOST}},
            "containers": [{"name": "run", "image": RUN_IMAGE, "volumeMounts": [{"name": "tmp", "mountPath": folder}]}],
            "volumes": [{"name": "tmp", "hostPath": {"path": folder}}],
        },
    }
    async with KubeClient.from_kubeconfig(lab.kubeconfig) as client:
        try:
            created = await client.create(PODS.path(namespace), document)
        except (KubeError, Unreachable) as error:
            raise LabError(str(error)) from error
        name = str(created["metadata"]["name"])
        query = {"fieldSelector": f"metadata.name={name}"}
        query["resourceVersion"] = created["metadata"]["resourceVersion"]
        pod = decode(Pod, created)
        try:
            async with asyncio.timeout(PATIENCE):
                async for event in client.watch(PODS.path(namespace), query):
                    pod = decode(Pod, bytes(event.object))
                    if pod.status.phase != "Pending":
                        return name
        except TimeoutError:
            await client.delete(PODS.path(namespace, name))
        raise LabError(f"Pod {namespace}/{name} did not start; its phase is {pod.status.phase}")


async def _delete_pod(lab: RunningLab, namespace: str, name: str) -> None:
    async with KubeClient.from_kubeconfig(lab.kubeconfig) as client:
        with contextlib.suppress(KubeError, Unreachable):
            await client.delete(PODS.path(namespace, name))


class DoorView(NamedTuple):
    """A port of a Service that can be reached from outside, and where it answers on this machine."""

    service: str
    outside: str
    here: str


class LabView(NamedTuple):
    """A running lab at a glance; without nodes and Pods when its API server does not answer, or is on another host."""

    lab: RunningLab
    nodes: tuple[int, int] | None
    pods: tuple[int, int] | None
    usage: Usage
    doors: list[DoorView]


def look_at(lab: RunningLab) -> LabView:
    """What runs, counted: ready and total."""
    usage = usage_of_tree(lab.pid)
    if lab.joined_as:
        return LabView(lab, None, None, usage, [])
    try:
        nodes, pods, services = asyncio.run(_read(lab))
    except (KubeError, Unreachable):
        return LabView(lab, None, None, usage, [])
    counts = [(sum(each.is_ready for each in found), len(found)) for found in (nodes, pods)]
    return LabView(lab, counts[0], counts[1], usage, _doors(lab, services))


async def _read(lab: RunningLab) -> tuple[list[Node], list[Pod], list[Service]]:
    async with KubeClient.from_kubeconfig(lab.kubeconfig) as client:
        nodes = [decode(Node, document) for document in _items(await client.get(NODES.path()))]
        pods = [decode(Pod, document) for document in _items(await client.get(PODS.path()))]
        services = [decode(Service, document) for document in _items(await client.get(SERVICES.path()))]
    return nodes, pods, services


def _doors(lab: RunningLab, services: list[Service]) -> list[DoorView]:
    published = read_published(lab.published)
    return [
        DoorView(str(door.service), door.outside, published.get(door, "-"))
        for service in sorted(services, key=lambda service: service.key)
        for door in doors_of(service)
    ]


def _items(body: bytes) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = msgspec.json.decode(body)["items"] or []
    return found
