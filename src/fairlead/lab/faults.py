"""Faults on demand: each is a context manager, begins at once, and is undone at the end of its ``with``.

Packet faults are rules that the kernel removes when this program ends, however it ends. Faults of the lab's parts last
as long as a connection to the part. This program undoes faults of processes and nodes.
"""

import os
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from typing import Literal

from fairlead.app.lab.processes.bootstrap import ServedResources
from fairlead.drivers.kube.client import PODS, KubeClient
from fairlead.drivers.linux.process_tree import tree
from fairlead.lab import objects, steering
from fairlead.lab.connection import LabConnection
from fairlead.lab.delays import delayed
from fairlead.lab.errors import LabError
from fairlead.lab.nodes import NodeHandle
from fairlead.lab.objects import says_ready
from fairlead.lab.packet_rules import dropping, packet_rules, resetting
from fairlead.lab.parts import API, SLICES, LabPart, agent
from fairlead.model.document import Doc
from fairlead.model.names import ObjectKey

PATIENCE = 30.0  # seconds for a fault to begin, and for what it hit to be well again

DnsMode = Literal["servfail", "nxdomain", "refused", "drop", "truncate", "delay", "stale"]
ApiMode = Literal["gone", "slow", "429", "410"]
_DOMAIN = "svc.cluster.local."


class Faults:
    """The faults available in a namespace of a lab."""

    def __init__(self, connection: LabConnection, namespace: str) -> None:
        self._connection, self._namespace = connection, namespace

    # --- Pods ---

    @contextmanager
    def unready(self, pod: str) -> Iterator[None]:
        """A Pod counts as not ready, independent of its probes. The API is up to date at the beginning and at the
        end."""
        document = {"kind": "unready", "namespace": self._namespace, "pod": pod}
        with self._of_parts([self._agent_of(pod)], document):
            self._await_ready(pod, wanted=False)
            yield
        self._await_ready(pod, wanted=True)

    @contextmanager
    def killed(self, pod: str) -> Iterator[None]:
        """The processes of a Pod's containers are killed, once. The end waits until the Pod is ready again with new
        containers, which depends on its restart policy."""
        was_ready, before = self._is_ready(pod), _containers(self._pod(pod))
        for process in self._processes(pod):
            _signal(process, signal.SIGKILL)
        yield
        if was_ready:
            # Until the node has reported it, the API still shows the old state of the Pod.
            self._await(pod, lambda each: says_ready(each) and _containers(each).isdisjoint(before))

    @contextmanager
    def frozen(self, pod: str) -> Iterator[None]:
        """All processes of a Pod are frozen: the kernel accepts connections, but no process answers."""
        stopped = [pid for process in self._processes(pod) for pid in tree(process)]
        try:
            for pid in stopped:
                _signal(pid, signal.SIGSTOP)
            yield
        finally:
            for pid in stopped:
                _signal(pid, signal.SIGCONT)

    # --- nodes ---

    @contextmanager
    def node_stopped(self, name: str) -> Iterator[None]:
        """A node is off, as if its power were cut; at the end it is Ready again."""
        node = NodeHandle(self._connection.lab, name)
        node.stop()
        try:
            yield
        finally:
            node.start()

    @contextmanager
    def node_cut_off(self, name: str) -> Iterator[None]:
        """A node's cable is pulled: the node keeps running without a network."""
        node = NodeHandle(self._connection.lab, name)
        node.partition()
        try:
            yield
        finally:
            node.heal()

    # --- between two Pods ---

    @contextmanager
    def loss(self, source: str, target: str, percent: float = 100.0, *, every: int = 0) -> Iterator[None]:
        """Packets between two Pods are lost, in both directions.

        Args:
            percent: share of the packets, chosen at random.
            every: drop every Nth packet instead, so that every run is the same.
        """
        self._require_kernel("loss")
        with packet_rules(self._connection, self._key(target), dropping(self._addresses(source), percent, every)):
            yield

    @contextmanager
    def reset(self, source: str, target: str) -> Iterator[None]:
        """TCP packets from one Pod to the other are answered with a reset."""
        self._require_kernel("reset")
        with packet_rules(self._connection, self._key(target), resetting(self._addresses(source))):
            yield

    @contextmanager
    def delay(self, source: str, target: str, seconds: float) -> Iterator[None]:
        """Packets from one Pod to the other arrive this many seconds late, in the same order."""
        self._require_kernel("delay")
        with delayed(self._connection, self._key(target), self._addresses(source), seconds):
            yield

    # --- names ---

    @contextmanager
    def dns(self, name: str, mode: DnsMode, *, seconds: float = 0.0) -> Iterator[None]:
        """The cluster's DNS gives wrong answers for a name.

        Args:
            name: as a Pod of the namespace writes it: ``web`` is ``web.NAMESPACE.svc.cluster.local``, and a dot at the
                end makes it absolute. The prefix ``*.`` means every name below it; ``*`` means every name.
            mode: ``servfail``, ``nxdomain``, ``refused``, ``drop``, ``truncate`` (over UDP), ``delay`` (by
                ``seconds``), ``stale`` (the answer at the beginning of the fault).
        """
        document = {"kind": "dns", "name": self._absolute(name), "mode": mode, "seconds": seconds}
        with self._of_parts(steering.name_servers(self._connection), document):
            yield

    def _absolute(self, name: str) -> str:
        if name == "*" or name.endswith("."):
            return name.lower()
        labels = name.lower().removeprefix("*.").split(".")
        prefix = "*." if name.startswith("*.") else ""
        if len(labels) == 1:
            labels.append(self._namespace)
        rest = ".".join(labels)
        return f"{prefix}{rest}." if rest.endswith("cluster.local") else f"{prefix}{rest}.{_DOMAIN}"

    # --- what lags, and the API server ---

    @contextmanager
    def late_endpoints(self, seconds: float) -> Iterator[None]:
        """EndpointSlices are written this many seconds after the change that causes them."""
        with self._of_parts([SLICES], {"kind": "late-endpoints", "seconds": seconds}):
            yield

    @contextmanager
    def late_rules(self, seconds: float, node: str = "") -> Iterator[None]:
        """The rules of all nodes, or of one, are updated this many seconds after the EndpointSlices."""
        found = steering.proxies(self._connection)
        wanted = [part for part in found if not node or part.place == f"node/{node}"]
        if not wanted:
            raise LabError(f'there is no node "{node}" that is ready and has a proxy of the lab')
        with self._of_parts(wanted, {"kind": "late-rules", "seconds": seconds}):
            yield

    @contextmanager
    def api(self, mode: ApiMode, *, seconds: float = 0.0, match: str = "") -> Iterator[None]:
        """The API server misbehaves, also for the lab's own parts and for calls of this program.

        Args:
            mode: ``gone`` (every connection breaks off), ``slow`` (by ``seconds``), ``429``, ``410`` (for watches).
            match: only for requests whose path contains this, such as ``/configmaps``.
        """
        with self._of_parts([API], {"kind": "api", "mode": mode, "seconds": seconds, "match": match}):
            yield

    # --- the rest ---

    def _require_kernel(self, fault: str) -> None:
        if self._connection.lab.loopback is not None:
            raise LabError(f"{fault}: a lab without namespaces cannot change the traffic between two Pods")

    @contextmanager
    def _of_parts(self, parts: list[LabPart], document: Mapping[str, object]) -> Iterator[None]:
        with steering.fault(self._connection, parts, document, PATIENCE):
            yield

    def _key(self, pod: str) -> ObjectKey:
        return ObjectKey(self._namespace, pod)

    def _pod(self, name: str) -> Doc:
        return self._connection.ask(lambda client, _: objects.get(client, PODS, self._namespace, name))

    def _agent_of(self, pod: str) -> LabPart:
        return agent(str(self._pod(pod)["spec"].get("nodeName", "")))

    def _addresses(self, pod: str) -> tuple[str, ...]:
        found = self._pod(pod).get("status", {}).get("podIPs") or ()
        if not found:
            raise LabError(f"Pod {self._namespace}/{pod} has no address yet")
        return tuple(each["ip"] for each in found)

    def _processes(self, pod: str) -> list[int]:
        """The first process of each container that runs, as this program counts processes."""
        names = [container["name"] for container in self._pod(pod)["spec"]["containers"]]
        found = []
        with ExitStack() as stack:
            for name in names:
                with suppress(LabError):  # one of several may have ended
                    entry = stack.enter_context(self._connection.enter(self._namespace, f"{pod}/{name}"))
                    found.append(_pid_of(entry.place.process))
        if not found:
            raise LabError(f"Pod {self._namespace}/{pod} does not run")
        return found

    def _is_ready(self, pod: str) -> bool:
        return says_ready(self._pod(pod))

    def _await_ready(self, pod: str, *, wanted: bool) -> None:
        self._await(pod, lambda each: says_ready(each) is wanted)

    def _await(self, pod: str, is_as_wanted: Callable[[Doc], bool]) -> None:
        async def wait(client: KubeClient, _: ServedResources) -> None:
            await objects.wait_until(client, PODS, self._key(pod), is_as_wanted, PATIENCE)

        self._connection.ask(wait)
        steering.settle(self._connection, PATIENCE)


def _containers(pod: Doc) -> frozenset[str]:
    """The ids of the running containers."""
    return frozenset(each.get("containerID") or "" for each in pod["status"].get("containerStatuses") or ())


def _pid_of(pidfd: int) -> int:
    """The number of a process as we see it (proc(5), ``fdinfo``)."""
    with open(f"/proc/self/fdinfo/{pidfd}") as file:
        return int(next(line.split()[1] for line in file if line.startswith("Pid:")))


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)
