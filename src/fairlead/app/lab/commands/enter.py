"""The operations of commands other than ``fairlead up`` on a running lab: find, query, enter and end it.

Each command in a Pod waits for these imports, so nothing here needs the API client.
"""

import contextlib
import os
import signal
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

from fairlead.app.lab.fork import LabError
from fairlead.drivers.lab import control_socket, run_folder, running_labs
from fairlead.drivers.lab.enter import EnteredCommand, Place, run_inside
from fairlead.drivers.lab.running_labs import RunningLab
from fairlead.nodeagent.credentials import credentials_from

PATIENCE = 20.0  # seconds for a lab to end, for a node to get ready, or for a Pod of ``run`` to start


def find(name: str) -> RunningLab:
    """The lab with this name.

    Raises:
        LabError: there is none.
    """
    run_folder.remove_leftovers()
    lab = running_labs.find(name)
    if lab is None:
        others = ", ".join(other.name for other in running_labs.all_labs())
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
    if _wait_until_gone(lab, PATIENCE / 2):
        return
    with contextlib.suppress(ProcessLookupError):
        os.kill(lab.pid, signal.SIGKILL)  # its PID cannot be another's, for it still holds the lock
    if not _wait_until_gone(lab, PATIENCE / 2):
        raise LabError(f"the lab does not end; its outermost process is {lab.pid}, its folder {lab.folder}")


def _wait_until_gone(lab: RunningLab, seconds: float) -> bool:
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
    process, record = enter_pod(lab, command)
    terminal = {"TERM": os.environ["TERM"]} if "TERM" in os.environ else {}
    environment = {**terminal, **record["environment"]}
    return run_inside(process, EnteredCommand(command.arguments, environment, record["directory"], record["only_own"]))


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
    place = network_place(reply)
    environment = {**os.environ, "PATH": f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"}
    return run_inside(place, EnteredCommand(arguments, environment, os.getcwd()))


def enter_pod(lab: RunningLab, command: PodCommand) -> tuple[Place, Mapping[str, Any]]:
    """The place of a container, and its record in the node's Pod index (``app.node.pod_index``)."""
    request = {"op": "enter-pod", "namespace": command.namespace, "pod": command.pod, "container": command.container}
    reply = ask(lab, request)
    return pod_place(reply), reply.document


def network_place(reply: control_socket.ControlReply) -> Place:
    """The network of a node, or another of the lab's, as the lab's root."""
    process, *network = reply.descriptors
    document = reply.document
    return Place(process, document["user_namespace"], next(iter(network), None), None, document["variables"])


def pod_place(reply: control_socket.ControlReply) -> Place:
    """A Pod's container."""
    (process,) = reply.descriptors
    document, credentials = reply.document, None
    if document["variables"] is None:
        credentials = credentials_from(document["credentials"])
    return Place(process, document["user_namespace"], None, credentials, document["variables"])


def ask(lab: RunningLab, request: dict[str, Any]) -> control_socket.ControlReply:
    """The lab's answer at its control socket; raises LabError when it refuses or does not answer."""
    try:
        return control_socket.ask(lab.control, request)
    except control_socket.RequestRefused as error:
        raise LabError(str(error)) from error
    except OSError as error:
        raise LabError(f'lab "{lab.name}" does not answer: {error}') from error
