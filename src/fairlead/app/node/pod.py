"""One Pod on its node: sandbox, init containers, containers, published status, termination.

Level-triggered: whatever an earlier agent of the node left in the Pod's status is where this one starts from; its
processes are gone, its address is kept.
"""

import asyncio
import contextlib
import json
import logging
import signal
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fairlead.app.node.container import ContainerRun
from fairlead.app.node.context import ContainerSettings, PodContext, timestamp
from fairlead.app.node.host_ports import HostPorts
from fairlead.app.node.volumes import PodVolumes
from fairlead.drivers.kube.client import PODS, KubeClient
from fairlead.drivers.kube.event_recorder import Happening
from fairlead.drivers.kube.retry import until_answered
from fairlead.drivers.linux import netns
from fairlead.drivers.linux.child_process import StartError
from fairlead.drivers.pods.launcher import Child, Launcher
from fairlead.drivers.pods.process import SandboxSpec, start_sandbox
from fairlead.drivers.proxy.nft_commands import RulesError
from fairlead.labnet import links
from fairlead.model.decode import decode
from fairlead.model.document import Doc
from fairlead.nodeagent.environment import Placement
from fairlead.nodeagent.files import ClusterDNS, own_files
from fairlead.nodeagent.host_ports import forwards
from fairlead.nodeagent.manifest import Container, RunPod
from fairlead.nodeagent.sources import Reference, volume_references
from fairlead.nodeagent.status import (
    DEADLINE_EXCEEDED,
    Addresses,
    Failure,
    PodRecord,
    Terminated,
    build_status,
    record_of,
    seconds_until_deadline,
)

RETRY = 1.0  # seconds between attempts to make a sandbox

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PodSettings:
    """What Pods need to know of their node.

    Attributes:
        node_ips: the node's own address in each IP family.
        records: folder in which each running Pod has a file that names its processes.
        volumes: folder in which each running Pod has one for its volumes.
        claimed: folder for the volumes that were made for claims.
    """

    node_name: str
    node_ips: tuple[str, ...]
    dns: ClusterDNS
    records: Path
    volumes: Path
    claimed: Path
    containers: ContainerSettings
    host_ports: HostPorts
    launcher: Launcher


class PodRun:
    """Runs one Pod until it is told to end, and then deletes it from the API.

    Attributes:
        pod: the newest version known.
        published: set when the API has this agent's own view of the Pod for the first time.
        finished: every container has ended for good.
    """

    def __init__(self, pod: RunPod, pod_ips: tuple[str, ...], settings: PodSettings, client: KubeClient) -> None:
        self.pod, self.pod_ips, self.finished = pod, pod_ips, False
        self.published = asyncio.Event()
        self._settings, self._client = settings, client
        self._start_time = pod.status.start_time or timestamp()
        self._sandbox: Child | None = None
        self._trouble = ""
        self._dirty, self._ending, self._stopping = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._grace = 0.0
        self._deadline: asyncio.TimerHandle | None = None
        self._failure: Failure | None = None
        self._last_status: dict[str, Any] = {}
        self._volumes = PodVolumes(client, settings.volumes / pod.metadata.uid, settings.claimed)
        self._placement = Placement(settings.node_name, settings.node_ips, pod_ips)
        self._context = context = PodContext(pod, self._placement, settings.containers, self._volumes, self.changed)
        policy = pod.spec.restart_policy
        self._runs = [
            ContainerRun(context, record_of(c, pod.status.container_statuses), policy) for c in pod.spec.containers
        ]
        self._init_runs = [
            ContainerRun(context, record_of(c, pod.status.init_container_statuses), _init_policy(c, policy))
            for c in pod.spec.init_containers or ()
        ]

    @property
    def sandbox(self) -> Child | None:
        """What holds the Pod's namespaces; None while there is none."""
        return self._sandbox

    def container(self, name: str) -> ContainerRun | None:
        """The container or init container of that name."""
        return next((run for run in (*self._runs, *self._init_runs) if run.record.container.name == name), None)

    def changed(self) -> None:
        """Have the status published, unless it is the same as before."""
        self._dirty.set()

    def observe(self, pod: RunPod) -> None:
        """Take in what the API has of the Pod now.

        Where that contradicts what was published last, it is published again, even if nothing has changed here: while a
        node is thought to be lost, others say that its Pods are not ready.
        """
        if pod.version < self.pod.version:
            return
        if _conditions(pod) != _conditions(self.pod):
            self._last_status = {}
        if (pod.labels, pod.annotations) != (self.pod.labels, self.pod.annotations):
            self._volumes.changed()
        self.pod = pod
        self._watch_deadline()
        self.changed()

    def _watch_deadline(self) -> None:
        """Have the Pod fail when it has been active for as long as it may (``activeDeadlineSeconds``)."""
        if self._deadline:
            self._deadline.cancel()
        seconds = seconds_until_deadline(self.pod, self._start_time, datetime.now(UTC))
        if seconds is not None and not self._stopping.is_set():
            self._deadline = asyncio.get_running_loop().call_later(seconds, self._fail, DEADLINE_EXCEEDED)

    def _fail(self, failure: Failure) -> None:
        """End every process in good order, and leave the Pod as Failed."""
        if self._stopping.is_set() or self.finished:
            return
        self._failure, self._grace = failure, self.pod.spec.termination_grace_period_seconds
        self._settings.containers.events.record(self.pod, "v1", "Pod", Happening(*failure))
        self._stopping.set()

    def source_changed(self, namespace: str, reference: Reference) -> None:
        """Take in that a ConfigMap or Secret is another."""
        if namespace == self.pod.namespace and reference in volume_references(self.pod):
            self._volumes.changed()

    def end(self, grace: float) -> None:
        """Have every process end, ``grace`` seconds between SIGTERM and SIGKILL; ``run`` returns when it is done."""
        self._grace = grace
        self._stopping.set()
        self._ending.set()

    async def run(self) -> None:
        """The Pod's whole life on this node."""
        self.changed()
        publishing = asyncio.create_task(self._keep_published())
        refreshing = asyncio.create_task(self._volumes.keep_fresh(lambda: self.pod, self._placement))
        living = asyncio.create_task(self._live())
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait({living, stopping}, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.gather(*(run.stop(self._grace) for run in (*self._runs, *self._init_runs)))
            await living
            await self._close_sandbox()
            self.finished = True
            self.changed()
            await self._ending.wait()
        finally:
            for task in (publishing, refreshing, living, stopping):
                task.cancel()
            if self._deadline:
                self._deadline.cancel()
            if self._sandbox:
                self._sandbox.signal(signal.SIGKILL)
            self._record_path.unlink(missing_ok=True)
        self._volumes.remove()
        await self._publish()
        await self._delete()

    async def _live(self) -> None:
        """Keep the containers in a sandbox, another one should it die, until all have ended for good."""
        while not self._stopping.is_set():
            sandbox = await self._open_sandbox()
            if sandbox is None:
                return
            running = asyncio.create_task(self._run_containers(sandbox))
            first: set[asyncio.Future[Any]] = {running, sandbox.ended}
            try:
                await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
            finally:
                if not running.done():
                    running.cancel()
                    await asyncio.wait({running})
            if not running.cancelled():
                running.result()
                return
            log.warning("the sandbox of %s has gone; making another", self.pod.key)
            self._sandbox = None
            for run in (*self._runs, *self._init_runs):
                run.interrupted()

    async def _open_sandbox(self) -> Child | None:
        """A new sandbox; None when the Pod is to end before one could be made."""
        link = self._link()
        texts = own_files(self.pod, self.pod_ips, self._settings.dns)
        while not self._stopping.is_set():
            try:
                if link and link.name in netns.link_names():
                    netns.detach(link.name)
                await self._settings.host_ports.put(self.pod.metadata.uid, forwards(self.pod, self.pod_ips))
                spec = SandboxSpec(self.pod.hostname, texts, link, self._settings.containers.hidden_paths)
                self._sandbox = await start_sandbox(self._settings.launcher, spec)
            except (RulesError, StartError) as error:
                log.warning("no sandbox for %s: %s", self.pod.key, error)
                self._trouble = str(error)
                self._context.warn("FailedCreatePodSandBox", f"Failed to create pod sandbox: {error}")
                self.changed()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(RETRY):
                        await self._stopping.wait()
            else:
                self._trouble = ""  # published with what becomes of the first container, which is known in a moment
                return self._sandbox
        return None

    def _link(self) -> links.PodLink | None:
        if self.pod.spec.host_network:
            return None
        return links.PodLink(f"veth{self.pod.metadata.uid[:8]}", self.pod_ips, self._settings.node_ips)

    async def _run_containers(self, sandbox: Child) -> None:
        """Init containers one after the other, then all the others together; sidecars as long as those."""
        async with asyncio.TaskGroup() as group:
            for run in self._init_runs:
                task = group.create_task(run.run(sandbox))
                if run.record.container.restart_policy == "Always":
                    await run.settled.wait()
                    continue
                await task
                if not (isinstance(run.record.state, Terminated) and run.record.state.exit_code == 0):
                    return
            await asyncio.gather(*(run.run(sandbox) for run in self._runs))
            await asyncio.gather(*(run.stop(self.pod.spec.termination_grace_period_seconds) for run in self._init_runs))

    async def _close_sandbox(self) -> None:
        if self._sandbox is None:
            return
        await self._close_host_ports()
        self._sandbox.signal(signal.SIGKILL)
        await self._sandbox.wait()
        self._sandbox = None
        if link := self._link():
            netns.detach(link.name)

    async def _close_host_ports(self) -> None:
        try:
            await self._settings.host_ports.put(self.pod.metadata.uid, ())
        except RulesError as error:  # the next change of any Pod's takes them away
            log.warning("host ports of %s not closed yet: %s", self.pod.key, error)

    async def _keep_published(self) -> None:
        while True:
            await self._dirty.wait()
            self._dirty.clear()
            await self._publish()
            self.published.set()

    async def _publish(self) -> None:
        """Bring the API's status up to date, however long that takes; nothing to do when the Pod is no longer there."""
        while self._status() != self._last_status:
            if await until_answered(self._send_status, f"status of {self.pod.key}", _NOT_OURS) is None:
                return

    def _status(self) -> Doc:
        return build_status(self.pod, self._record(), timestamp())

    async def _send_status(self) -> Doc:
        status = self._status()
        self._write_record()  # first: who reads "Running" may want to enter
        patch = {"metadata": {"uid": self.pod.metadata.uid}, "status": status}
        answer = await self._client.patch(self._path("status"), patch)
        self._last_status = status
        seen, self.pod = self.pod, decode(RunPod, answer)
        if seen.version > self.pod.version:  # what others have said since was heard before this answer
            self.observe(seen)
        return answer

    async def _delete(self) -> None:
        options = {"gracePeriodSeconds": 0, "preconditions": {"uid": self.pod.metadata.uid}}
        await until_answered(
            lambda: self._client.delete(self._path(), options), f"deletion of {self.pod.key}", _NOT_OURS
        )

    def _path(self, subresource: str = "") -> str:
        return PODS.path(self.pod.namespace, self.pod.name, subresource)

    def _record(self) -> PodRecord:
        return PodRecord(
            Addresses(self._settings.node_ips, self.pod_ips),
            self._start_time,
            tuple(run.record for run in self._runs),
            tuple(run.record for run in self._init_runs),
            connected=self._sandbox is not None,
            trouble=self._trouble,
            failure=self._failure,
        )

    @property
    def _record_path(self) -> Path:
        return self._settings.records / f"{self.pod.namespace}_{self.pod.name}.json"

    def _write_record(self) -> None:
        """Tell the lab which processes are this Pod's; atomically, for it may be reading."""
        if self._sandbox is None:
            self._record_path.unlink(missing_ok=True)
            return
        containers = {run.record.container.name: _told(run) for run in (*self._runs, *self._init_runs)}
        draft = self._record_path.with_suffix(".new")
        draft.write_text(json.dumps({"sandbox": self._sandbox.pid, "containers": containers}))
        draft.rename(self._record_path)


# The API's answers about a Pod that is gone: it was deleted, another one has its name, or even that on another node.
_NOT_OURS = (404, 409, 403)


def _conditions(pod: RunPod) -> dict[str, str]:
    return {condition.type: condition.status for condition in pod.status.conditions or ()}


def _told(run: ContainerRun) -> dict[str, Any]:
    if run.process is None or run.spec is None:
        return {"pid": None}
    return {"pid": run.process.pid, "environment": run.spec.environment, "credentials": run.spec.credentials}


def _init_policy(container: Container, pod_policy: str) -> str:
    """A sidecar always restarts; any other init container is done when it has succeeded."""
    return container.restart_policy or ("Never" if pod_policy == "Never" else "OnFailure")
