"""Runs commands in a lab for a program: captures their output, and limits their time."""

import os
import shlex
from collections.abc import Sequence
from typing import TypedDict

from fairlead.app.lab.commands.run import pod_document
from fairlead.app.lab.processes.bootstrap import ServedResources
from fairlead.app.lab.processes.readiness import WantedWorkload
from fairlead.drivers.kube.client import PODS, KubeClient
from fairlead.drivers.lab.forker_client import Finished, TimedOut
from fairlead.lab import objects
from fairlead.lab.connection import EnteredCommand, EntryPoint, LabConnection
from fairlead.lab.errors import CommandFailed
from fairlead.lab.results import Result
from fairlead.model.names import ObjectKey

CLIENT_POD = "fairlead-client"  # where ``run`` runs what is not to run in any other Pod
_ADMIN_PATHS = "/usr/sbin:/sbin"

PATIENCE = 60.0  # default seconds that a call waits

Arguments = str | Sequence[str]


class RunOptions(TypedDict, total=False):
    """How a command is run.

    Attributes:
        input: its standard input.
        timeout: seconds after which it is killed; by default 60.
        check: whether its failure raises an error; by default it does.
    """

    input: str
    timeout: float
    check: bool


def words_of(command: Arguments) -> tuple[str, ...]:
    """The arguments; text is split as a shell splits it, but no shell runs it."""
    return tuple(shlex.split(command)) if isinstance(command, str) else tuple(map(str, command))


def execute(connection: LabConnection, entry: EntryPoint, command: EnteredCommand, options: RunOptions) -> Result:
    """Run a command in a place that has been entered.

    Raises:
        CommandFailed: it exceeded its timeout; it failed and ``check`` is set.
    """
    running = connection.forker.start(entry.place, command)
    try:
        done = running.finish(options.get("input", "").encode(), options.get("timeout", PATIENCE))
    except TimedOut as error:
        raise CommandFailed(command.arguments, _result(error.so_far), str(error)) from None
    result = _result(done)
    if options.get("check", True) and result.code:
        raise CommandFailed(command.arguments, result)
    return result


def _result(done: Finished) -> Result:
    return Result(done.code, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))


def as_of_this_machine(arguments: tuple[str, ...], environment: dict[str, str] | None = None) -> EnteredCommand:
    """A command with this program's own environment and directory."""
    path = f"{os.environ.get('PATH', '')}:{_ADMIN_PATHS}"
    return EnteredCommand(arguments, {**os.environ, "PATH": path, **(environment or {})}, os.getcwd())


def client_pod(connection: LabConnection, namespace: str, seconds: float) -> str:
    """The name of an idle Pod of this namespace, in which commands of this machine run; created if needed."""
    document = pod_document(CLIENT_POD)

    async def make(client: KubeClient, resources: ServedResources) -> None:
        await objects.apply_all(client, resources, [document], namespace)
        await objects.wait_for(client, [WantedWorkload("Pod", ObjectKey(namespace, CLIENT_POD))], seconds)

    async def is_there(client: KubeClient, _: ServedResources) -> bool:
        found = await objects.items(client, PODS, namespace)
        return any(
            pod["metadata"]["name"] == CLIENT_POD and pod.get("status", {}).get("phase") == "Running" for pod in found
        )

    if not connection.ask(is_there):
        connection.ask(make)
    return CLIENT_POD
