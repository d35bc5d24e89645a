"""Runs one Pod on its node: takes events one after the other, and carries out the actions of the Pod's life.

``nodeagent.life.pod_life`` makes all decisions, so a deletion during any step of a start is just another event.
Level-triggered: this agent starts from the Pod's status that an earlier agent of the node left.
"""

import asyncio
import logging
import time
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fairlead.app.node.adoption import FoundPod, find_container
from fairlead.app.node.container import ContainerRun
from fairlead.app.node.context import ContainerSettings, PodContext, timestamp
from fairlead.app.node.pod_index import PodIndex
from fairlead.app.node.publication import Publication
from fairlead.app.node.running import RunningContainer
from fairlead.app.node.sandbox import PodSandbox, SandboxSettings
from fairlead.app.node.volumes import PodVolumes
from fairlead.drivers.change_marks import ChangeMarks
from fairlead.drivers.kube.client import KubeClient
from fairlead.drivers.linux.child_process import StartError
from fairlead.drivers.linux.netns import LinkError
from fairlead.drivers.pods.launching.launcher import Child
from fairlead.drivers.pods.left_behind import PodFolder
from fairlead.drivers.proxy.nft_commands import RulesError
from fairlead.drivers.steering.faults import SteeredFaults
from fairlead.model.document import Doc
from fairlead.model.events import EventText
from fairlead.model.marks import Mark, Station
from fairlead.nodeagent.environment import PodPlacement
from fairlead.nodeagent.life import pod_events as events
from fairlead.nodeagent.life import pod_life as life
from fairlead.nodeagent.life.beginning import begin, life_of
from fairlead.nodeagent.life.container_events import ContainerEvent
from fairlead.nodeagent.life.container_life import ContainerLife
from fairlead.nodeagent.manifest import RunPod
from fairlead.nodeagent.not_provided import not_provided
from fairlead.nodeagent.records import (
    DEADLINE_EXCEEDED,
    Addresses,
    Failure,
    PodRecord,
    Running,
    record_of_found,
    seconds_until_deadline,
)
from fairlead.nodeagent.sources import PodReference, volume_references
from fairlead.nodeagent.status import build_status

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PodSettings:
    """The data about the node that Pods need.

    Attributes:
        node_ips: the node's own address in each IP family.
        records: folder in which each running Pod has a file that names its processes.
        volumes: folder in which each running Pod has one for its volumes.
        claimed: folder for the volumes that were created for claims.
        orphan_ends: folder with the exit status of processes that an earlier agent started.
        faults: the faults of Pods that tests of a lab inject.
        marks: receives a mark when the API has a Pod's status.
    """

    node_name: str
    node_ips: tuple[str, ...]
    records: Path
    volumes: Path
    claimed: Path
    orphan_ends: Path
    containers: ContainerSettings
    sandboxes: SandboxSettings
    faults: SteeredFaults = field(default_factory=SteeredFaults)
    marks: ChangeMarks = field(default_factory=ChangeMarks)


class PodRun:
    """One Pod of this node, until it has left the API.

    Attributes:
        api: the Pod in the API.
        sandbox: the holder of its namespaces.
        containers: all of its containers by name, the regular ones first.
        is_rejected: the node does not take it.
    """

    def __init__(
        self,
        pod: RunPod,
        pod_ips: tuple[str, ...],
        settings: PodSettings,
        client: KubeClient,
        found: FoundPod | None = None,
    ) -> None:
        self.pod_ips, self._settings = pod_ips, settings
        self.is_rejected = False
        self.api = Publication(client, pod, self._status, self._write_index, self._tell)
        folder = PodFolder(settings.records / pod.metadata.uid)
        self.sandbox = PodSandbox(pod_ips, folder, settings.sandboxes)
        self._placement = PodPlacement(settings.node_name, settings.node_ips, pod_ips)
        self._volumes = PodVolumes(client, settings.volumes / pod.metadata.uid, settings.claimed)
        self._context = PodContext(pod, self._placement, settings.containers, self._volumes, client)
        self._index = PodIndex(settings.records, pod)
        self.start_time = pod.status.start_time or timestamp()
        self._life = begin(pod, str(self._context))
        self._folder = folder
        containers = (*self._life.mains, *self._life.inits, *self._life.extras)
        self.containers = {each.name: self._container(each) for each in containers}
        self._events: asyncio.Queue[events.PodEvent] = asyncio.Queue()
        if found:
            self._adopt(pod, found)
        self._tasks: set[asyncio.Task[None]] = set()
        self._deadline: asyncio.TimerHandle | None = None

    @property
    def pod(self) -> RunPod:
        """The newest version known."""
        return self.api.pod

    @property
    def is_finished(self) -> bool:
        """Whether all containers have ended and will not restart."""
        return self._life.is_finished

    def observe(self, pod: RunPod) -> None:
        """Take in what the API has of the Pod now."""
        before = self.pod
        if not self.api.observe(pod):
            return
        if (pod.labels, pod.annotations) != (before.labels, before.annotations):
            self._volumes.changed()
        self._watch_deadline()
        self._add_ephemeral(pod, before)
        if pod.is_terminating:
            self.end(pod.metadata.deletion_grace_period_seconds or 0)

    def _add_ephemeral(self, pod: RunPod, before: RunPod) -> None:
        """Run the containers that have come to the Pod."""
        new = [each for each in pod.spec.ephemeral_containers or () if each.name not in self.containers]
        if not new:
            return
        self._context = replace(self._context, pod=pod)
        self._say_not_provided([path for path in self._not_provided(pod) if path not in self._not_provided(before)])
        for container in new:
            its_life = life_of(container, None, pod, str(self._context))
            self.containers[container.name] = self._container(its_life)
            self._events.put_nowait(events.Add(its_life))

    def _not_provided(self, pod: RunPod) -> list[str]:
        return not_provided(pod, gives_network=self._context.settings.gives_network)

    def _say_not_provided(self, paths: Sequence[str]) -> None:
        if paths:
            message = f"this node does not act on {', '.join(paths)}"
            self._context.say(EventText("NotProvided", message, "Warning"))

    def source_changed(self, namespace: str, reference: PodReference) -> None:
        """Take in that a ConfigMap or Secret is another."""
        if namespace == self.pod.namespace and reference in volume_references(self.pod):
            self._volumes.changed()

    def end(self, grace: float) -> None:
        """End all processes, with ``grace`` seconds between SIGTERM and SIGKILL, and then delete the Pod from the
        API."""
        self._events.put_nowait(events.DeletePod(grace))

    @property
    def volumes_folder(self) -> Path:
        """The folder with its volumes."""
        return self._volumes.folder

    def fail(self, why: Failure) -> None:
        """End all processes, and leave the Pod as Failed."""
        self._events.put_nowait(events.Fail(why, "Warning"))

    def reject(self, why: Failure) -> None:
        """Take the Pod only to have it Failed; to be called before it runs."""
        self.is_rejected = True
        self.fail(why)

    async def run(self) -> None:
        """The Pod's whole life on this node."""
        self._events.put_nowait(events.BeginPod())
        self._do(self.api.run())
        self._do(self._volumes.keep_fresh(lambda: self.pod, self._placement))
        if self.sandbox.child:
            self._do(self._watch(self.sandbox.child))
        else:
            self._say_not_provided(self._not_provided(self.pod))
        self.api.changed()
        try:
            while self._life.stage is not life.Stage.GONE:
                self._take(await self._events.get())
        except Exception:
            self.sandbox.kill()
            self._index.remove()
            raise
        finally:
            self._cancel()

    def _cancel(self) -> None:
        for task in self._tasks:
            task.cancel()
        for container in self.containers.values():
            container.cancel()
        if self._deadline:
            self._deadline.cancel()

    def _take(self, event: events.PodEvent) -> None:
        self._life, effects = life.step_pod(self._life, event, asyncio.get_running_loop().time())
        for each in self._life.containers:
            self.containers[each.name].record = each.record
        for effect in effects:
            self._perform(effect)
        if not isinstance(event, events.Opened):  # published with the first container's state, known a moment later
            self.api.changed()

    def _perform(self, effect: events.PodEffect) -> None:
        match effect:
            case events.ForContainer(name, wanted):
                self.containers[name].perform(wanted, self.sandbox.child)
            case EventText():
                self._context.say(effect)
            case events.Open():
                self._do(self._open())
            case events.Close():
                self._do(self._close())
            case events.Leave():
                self._do(self._leave())
            case events.RetryAfter(seconds):
                self._do(self._say_after(events.Retry(), seconds))
            case events.GraceAfter(seconds):
                self._do(self._say_after(events.GraceOver(), seconds))

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _say_after(self, event: events.PodEvent, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self._events.put_nowait(event)

    async def _open(self) -> None:
        try:
            child = await self.sandbox.open(self.pod)
        except Exception as error:
            if not isinstance(error, (RulesError, StartError, LinkError)):
                log.exception("no sandbox for %s", self.pod.key)
            self._events.put_nowait(events.NotOpened(str(error)))
        else:
            self._events.put_nowait(events.Opened())
            self._do(self._watch(child))

    async def _watch(self, sandbox: Child) -> None:
        await sandbox.wait()
        if sandbox is self.sandbox.child:
            log.warning("the sandbox of %s has gone", self.pod.key)
            self.sandbox.child = None
            self._events.put_nowait(events.Lost(timestamp()))

    async def _close(self) -> None:
        try:
            await self.sandbox.close(self.pod)
        except Exception:
            log.exception("the sandbox of %s is not taken away in full", self.pod.key)
        self._events.put_nowait(events.Closed())

    async def _leave(self) -> None:
        self._index.remove()
        self._volumes.remove()
        await self.api.publish()
        await self.api.delete()
        self._events.put_nowait(events.Left())

    def _adopt(self, pod: RunPod, found: FoundPod) -> None:
        """Take over what an earlier agent has left running, and what has ended since."""
        self.sandbox.adopt(pod, found.sandbox)
        records, running = {}, {}
        told = pod.status
        groups = (told.container_statuses, told.init_container_statuses, told.ephemeral_container_statuses)
        statuses = [status for group in groups for status in group or ()]
        for name, container in self.containers.items():
            is_there = find_container(self._context, container.container, found, self._settings.orphan_ends)
            if isinstance(is_there, RunningContainer):
                container.running, running[name] = is_there, Running(is_there.started_at)
                records[name] = record_of_found(container.container, statuses, is_there.run, running[name])
            elif is_there:
                records[name] = record_of_found(container.container, statuses, *is_there)
        self._life = life.with_records(self._life, records)
        self._events.put_nowait(events.Adopted(running))

    def _container(self, its_life: ContainerLife) -> ContainerRun:
        name = its_life.name

        def post(event: ContainerEvent) -> None:
            self._events.put_nowait(events.OfContainer(name, event))

        return ContainerRun(self._context, its_life.record, self._folder, post)

    def _watch_deadline(self) -> None:
        """Fail the Pod when its ``activeDeadlineSeconds`` are over."""
        if self._deadline:
            self._deadline.cancel()
        seconds = seconds_until_deadline(self.pod, self.start_time, datetime.now(UTC))
        if seconds is not None:
            failing = events.Fail(DEADLINE_EXCEEDED)
            self._deadline = asyncio.get_running_loop().call_later(seconds, self._events.put_nowait, failing)

    def _status(self, pod: RunPod) -> Doc:
        record = PodRecord(
            Addresses(self._settings.node_ips, self.pod_ips),
            self.start_time,
            tuple(each.record for each in self._life.mains),
            tuple(each.record for each in self._life.inits),
            tuple(each.record for each in self._life.extras),
            connected=self.sandbox.child is not None,
            trouble=self._life.trouble,
            failure=self._life.failure,
            unready=self._unready(pod),
        )
        return build_status(pod, record, timestamp())

    def _unready(self, pod: RunPod) -> str:
        key = {"namespace": pod.namespace, "pod": pod.name}
        wanted = any(key.items() <= fault.items() for fault in self._settings.faults.of("unready"))
        return "a test of the lab has it count as not ready" if wanted else ""

    def _tell(self, pod: RunPod, since: float) -> None:
        mark = Mark(self._settings.node_name, Station.STATUS, "Pod", *pod.key, pod.version, since, time.time())
        self._settings.marks.tell([mark])

    def _write_index(self) -> None:
        self._index.write(self.sandbox.child, self.containers.values())
