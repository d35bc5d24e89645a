"""The operations of the node's HTTP server on its running Pods: logs, commands, attached clients, connections.

Messages are the kubelet's (``pkg/kubelet/kubelet_pods.go``).
"""

import asyncio
import signal
import socket
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace

from fairlead.app.node.container import ContainerRun
from fairlead.app.node.loopback import OnLoopback
from fairlead.app.node.pod import PodRun
from fairlead.drivers.linux.netns import socket_in
from fairlead.drivers.pods.launching.launcher import Child
from fairlead.drivers.pods.output import Attached
from fairlead.drivers.pods.process import beside, start_in_container
from fairlead.drivers.pods.runtime import ContainerLog, ContainerName, Refused, Stdio
from fairlead.nodeagent.records import Waiting

TERMINAL_TYPE = {"TERM": "xterm"}  # TERM as container runtimes set it for a command with a terminal


class NodeRuntime:
    """The ``Runtime`` of one node, for its running Pods.

    Args:
        loopback: the addresses of Pods in a lab without namespaces; None: Pods have namespaces.
    """

    def __init__(self, pods: Callable[[], Iterable[PodRun]], loopback: OnLoopback | None = None) -> None:
        self._pods, self._loopback = pods, loopback

    def log(self, name: ContainerName, previous: bool) -> ContainerLog:
        """The log of a container's run; raises Refused when there is none."""
        container = self._container(name)
        log = container.log(previous)
        if log.path.exists():
            return log
        if previous:
            raise Refused(400, f'previous terminated container "{name.container}" in pod "{name.pod}" not found')
        state = container.record.state
        why = state.reason if isinstance(state, Waiting) else "ContainerCreating"
        raise Refused(400, f'container "{name.container}" in pod "{name.pod}" is waiting to start: {why}')

    async def execute(self, name: ContainerName, command: tuple[str, ...], stdio: Stdio) -> "Execution":
        """A command, started beside the container's own process; raises Refused, StartError."""
        container = self._container(name)
        running = container.running
        if running is None:
            raise Refused(404, f'container not found ("{name.container}")')
        wanted = beside(running.spec, command, stdio)
        if stdio.is_terminal:
            wanted = replace(wanted, environment={**wanted.environment, **TERMINAL_TYPE})
        return Execution(await start_in_container(running.process, wanted))

    def attach(self, name: ContainerName) -> Attached:
        """The container's own process; raises Refused when it does not run."""
        running = self._container(name).running
        if running is None:
            raise Refused(404, f'container not found ("{name.container}")')
        return running.streams.attach()

    async def connect(self, namespace: str, pod: str, port: int) -> socket.socket:
        """A connection to a port of the Pod's loopback interface, over IPv4 or else IPv6, as containerd makes it."""
        run = self._pod(namespace, pod)
        sandbox = run.sandbox.child
        if sandbox is None:
            raise ConnectionRefusedError(f"pod {pod} is not running")
        if self._loopback is not None:
            made = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
            return await _connected(made, (run.pod_ips[0], self._loopback.ports.bound(port)))
        try:
            return await _connected(socket_in(sandbox.pidfd, socket.AF_INET), ("127.0.0.1", port))
        except ConnectionRefusedError as refusal:
            with suppress(OSError):
                return await _connected(socket_in(sandbox.pidfd, socket.AF_INET6), ("::1", port))
            raise refusal from None

    def _pod(self, namespace: str, name: str) -> PodRun:
        found = [run for run in self._pods() if (run.pod.namespace, run.pod.name) == (namespace, name)]
        if not found:
            raise Refused(404, f'pod "{name}" not found')
        return found[-1]  # the newest: one of the same name may still be ending

    def _container(self, name: ContainerName) -> ContainerRun:
        container = self._pod(name.namespace, name.pod).containers.get(name.container)
        if container is None:
            raise Refused(404, f'container "{name.container}" in pod "{name.pod}" is not available')
        return container


async def _connected(connection: socket.socket, address: tuple[str, int]) -> socket.socket:
    try:
        await asyncio.get_running_loop().sock_connect(connection, address)
    except BaseException:
        connection.close()
        raise
    return connection


class Execution:
    """A running command in a container."""

    def __init__(self, child: Child) -> None:
        self._child = child

    async def wait(self) -> int:
        """Wait for the exit code; 128 + n after signal n."""
        code = await self._child.wait()
        return code if code >= 0 else 128 - code

    def hang_up(self) -> None:
        """Send SIGHUP, as a closed terminal does."""
        self._child.signal(signal.SIGHUP)
