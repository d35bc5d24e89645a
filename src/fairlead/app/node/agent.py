"""The node agent: registers its Node, keeps it alive, and runs the Pods that are bound to it.

Composes ``pod`` and ``container``; communicates with the rest of the system only through the API.
"""

import asyncio
import functools
import logging
import os
import shutil
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

from fairlead.allocation.podip import CIDRExhausted, next_pod_ip
from fairlead.app.node.adoption import find_pods
from fairlead.app.node.claims import follow_volumes
from fairlead.app.node.context import ContainerSettings
from fairlead.app.node.disk_space import DiskSpace
from fairlead.app.node.heartbeat import Heartbeat, NodeFacts
from fairlead.app.node.host_ports import HostPorts
from fairlead.app.node.image_pulls import Puller
from fairlead.app.node.images import NodeImages
from fairlead.app.node.loopback_host_ports import LoopbackHostPorts
from fairlead.app.node.options import NodeOptions
from fairlead.app.node.pages import PagesOfNode
from fairlead.app.node.pod import PodRun, PodSettings
from fairlead.app.node.pod_index import forget_pods
from fairlead.app.node.registration import register
from fairlead.app.node.runtime import NodeRuntime
from fairlead.app.node.sandbox import SandboxSettings, link_name
from fairlead.app.node.sources import SourceWatches
from fairlead.app.node.usage.limits import LimitKeeper
from fairlead.drivers.change_marks import ChangeMarks
from fairlead.drivers.kube.client import PODS, SERVICES, KubeClient
from fairlead.drivers.kube.event_recorder import EventBudget, EventWriter
from fairlead.drivers.kube.informer import Informer
from fairlead.drivers.kube.progress import reached
from fairlead.drivers.kube.reviews import OF_KUBELETS, Reviews
from fairlead.drivers.kubelet.access import ReviewedAccess
from fairlead.drivers.kubelet.server import KubeletServer, node_tls
from fairlead.drivers.linux import netns
from fairlead.drivers.pods.launching.launcher import Launcher
from fairlead.drivers.pods.left_behind import write_launcher
from fairlead.drivers.steering.faults import SteeredFaults
from fairlead.drivers.steering.part_socket import steered
from fairlead.model.objects import Node, Service
from fairlead.nodeagent.limits import out_of_pods, without_address
from fairlead.nodeagent.manifest import RunPod
from fairlead.nodeagent.node_status import MAX_PODS, kubelet_configuration
from fairlead.nodeagent.records import Failure
from fairlead.nodeagent.service_links import ServiceLinks
from fairlead.nodeagent.sources import PodReference

ROUTINE_EVENTS = EventBudget(60, 10)  # of Pods that run as they should: not of each, when hundreds start at once

log = logging.getLogger(__name__)


async def run(options: NodeOptions, ready: Callable[[], None]) -> None:
    """Serve until cancelled. ``ready`` is called when the Node is Ready and the Pods that were bound to it before are
    known to the API as this agent sees them."""
    os.umask(0o022)  # whatever the lab's user has: what Pods are given, any user in them may read
    options.records.mkdir(parents=True, exist_ok=True)
    forget_pods(options.records)
    launcher = Launcher(options.nursery, has_namespaces=options.loopback is None)
    write_launcher(options.records, launcher.pid)
    async with KubeClient.from_kubeconfig(options.kubeconfig, part="node") as client, asyncio.TaskGroup() as group:
        group.create_task(launcher.run())
        agent = NodeAgent(options, client, group, launcher)
        server = _server(options, client, agent)
        try:
            await server.start(options.listen or options.address, options.port, node_tls(*options.serving))
            again = functools.partial(register, options, client, agent.images, agent.disk.is_short)
            node = await again()
            await agent.start()
            ready()
            async with steered(options.steering, agent.reached):
                await agent.heartbeat(node, again).run()
        finally:
            await server.close()


class NodeAgent:
    """Keeps one ``PodRun`` for every Pod of this node.

    Attributes:
        images: the images that its containers can run.
        disk: the disk space for volumes and logs.
    """

    def __init__(
        self,
        options: NodeOptions,
        client: KubeClient,
        group: asyncio.TaskGroup,
        launcher: Launcher,
    ) -> None:
        self._options, self._client, self._group = options, client, group
        self._launcher = launcher
        self._found = find_pods(options.records, launcher, options.orphan_ends)  # by Pod UID
        self._runs: dict[str, PodRun] = {}  # by Pod UID: a Pod's successor may have its name
        self._last_ips = ("",) * len(options.pod_cidrs)
        self.images = NodeImages(options.images, options.store, Puller(options.puller) if options.puller else None)
        links = ServiceLinks()
        self._services = Informer(client, SERVICES, Service, links.change)
        query = {"fieldSelector": f"spec.nodeName={options.name}"}
        self._pods = Informer(client, PODS, RunPod, self._on_pod, query)
        self._events = EventWriter(client, ROUTINE_EVENTS)
        self._sources = SourceWatches(client, group, self._source_changed)
        containers = ContainerSettings(
            self.images,
            options.builtins,
            options.logs,
            links,
            self._events.recorder("kubelet"),
            options.hidden,
            options.home,
            options.loopback,
            options.dns,
            options.gives_network,
        )
        dns = options.dns._replace(of_node=Path("/etc/resolv.conf").read_text())
        self._host_ports = (
            HostPorts(options.pod_cidrs, options.inside)
            if options.loopback is None
            else LoopbackHostPorts(options.addresses, options.loopback.ports)
        )
        self._settings = PodSettings(
            options.name,
            options.host_ips,
            options.records,
            options.volumes,
            options.claimed,
            options.orphan_ends,
            containers,
            SandboxSettings(options.host_ips, dns, self._host_ports, launcher, containers.hidden_paths, options.links),
            options.steering.faults if options.steering else SteeredFaults(),
            ChangeMarks(options.marks),
        )
        self._settings.faults.listen(self._faults_changed)
        self.disk = DiskSpace((options.volumes, options.claimed, options.logs))

    def heartbeat(self, node: Node, register: Callable[[], Awaitable[Node]]) -> Heartbeat:
        """The heartbeats of the registered Node; ``register`` creates it again if it was deleted."""
        recorder = self._events.recorder("kubelet")
        facts = NodeFacts(
            self.images.listed,
            self.disk.is_short,
            lambda about, event: recorder.record(about, "v1", "Node", event),
        )
        return Heartbeat(self._client, node, self._options.heartbeat, register, facts=facts)

    def pods(self) -> list[PodRun]:
        """The Pods of this node, in the order of their arrival."""
        return list(self._runs.values())

    def _faults_changed(self) -> None:
        for run in self._runs.values():
            run.api.changed()

    async def reached(self, version: int) -> int:
        """Wait until all that the API has at a version is known here; the version that is known."""
        return await reached(version, lambda: (self._pods, self._services), lambda: True)

    async def start(self) -> None:
        """Watch, take over the Pods that are there, and return when their status says so."""
        self._group.create_task(self._events.run())
        self._group.create_task(self._services.run())
        self._group.create_task(LimitKeeper(self.pods).run())
        if self._options.follows_volumes:
            self._group.create_task(follow_volumes(self._client, self._options.claimed).run())
        await self._services.synced.wait()
        self._group.create_task(self._pods.run())
        await self._pods.synced.wait()
        self._remove_leftover_volumes()
        await self._remove_leftover_pods()
        for pod in self._pods.objects.values():
            self._follow(pod)
        await self._host_ports.apply()
        self._group.create_task(self._host_ports.keep())
        await asyncio.gather(*(run.api.happened.wait() for run in self._runs.values()))

    def _remove_leftover_volumes(self) -> None:
        """Remove the volumes of Pods that were deleted while no agent ran; other Pods keep theirs."""
        here = {pod.metadata.uid for pod in self._pods.objects.values()}
        for folder in self._options.volumes.glob("*"):
            if folder.name not in here:
                shutil.rmtree(folder, ignore_errors=True)

    async def _remove_leftover_pods(self) -> None:
        """End the processes of Pods that were deleted while no agent ran, and remove their links."""
        here = {pod.metadata.uid for pod in self._pods.objects.values()}
        for uid in self._found.keys() - here:
            left = self._found.pop(uid)
            left.sandbox.signal(signal.SIGKILL)
            await left.sandbox.wait()
            left.folder.remove()
        if not self._launcher.has_namespaces:
            return  # the links are this machine's
        prefix = self._options.links
        used = {link_name(prefix, uid) for uid in self._found}
        for name in netns.link_names():
            if name.startswith(prefix) and name not in used:
                netns.detach(name)

    def _on_pod(self, old: RunPod | None, new: RunPod | None) -> None:
        if old is not None and (new is None or new.metadata.uid != old.metadata.uid):
            self._end(old.metadata.uid, grace=0)
        # Before the first list is complete, nobody knows which addresses are taken.
        if new is not None and self._pods.synced.is_set():
            self._follow(new)

    def _follow(self, pod: RunPod) -> None:
        run = self._runs.get(pod.metadata.uid)
        if run is None:
            if pod.is_finished and not pod.is_terminating and pod.metadata.uid not in self._found:
                return
            run = self._start(pod)
        run.observe(pod)

    def _start(self, pod: RunPod) -> PodRun:
        found = self._found.pop(pod.metadata.uid, None)
        refusal = None if found else self._refusal()
        pod_ips: tuple[str, ...] = found.pod_ips if found else ()
        if not (found or refusal):
            try:
                pod_ips = self._pod_ips(pod)
            except CIDRExhausted as error:
                refusal = without_address(str(error))
        run = PodRun(pod, pod_ips, self._settings, self._client, found)
        if refusal:
            run.reject(refusal)
        self._runs[pod.metadata.uid] = run
        self._group.create_task(self._keep(run))
        self._sources.follow(pod)
        return run

    def _refusal(self) -> Failure | None:
        taken = sum(not (run.is_finished or run.is_rejected) for run in self._runs.values())
        return out_of_pods(taken, int(MAX_PODS))

    def _source_changed(self, namespace: str, reference: PodReference) -> None:
        for run in self._runs.values():
            run.source_changed(namespace, reference)

    async def _keep(self, run: PodRun) -> None:
        """Run one Pod; a fault of ours must not take the node's other Pods along."""
        try:
            await run.run()
        except Exception:
            log.exception("Pod %s is given up", run.pod.key)
        finally:
            run.api.happened.set()  # no waiting for a Pod that has ended
            self._sources.leave(run.pod)
            del self._runs[run.pod.metadata.uid]

    def _end(self, uid: str, grace: float) -> None:
        if run := self._runs.get(uid):
            run.end(grace)

    def _pod_ips(self, pod: RunPod) -> tuple[str, ...]:
        """The addresses that the Pod has already, or the next free ones: one of each family."""
        if pod.spec.host_network:
            return self._options.host_ips
        running = {ip for run in self._runs.values() if not run.is_finished for ip in run.pod_ips}
        known = pod.status.ips
        if known and running.isdisjoint(known):
            return known
        running = running.union(*(found.pod_ips for found in self._found.values()))
        taken = running.union(*(p.status.ips for p in self._pods.objects.values() if not p.is_finished))
        cidrs = zip(self._options.pod_cidrs, self._last_ips, strict=True)
        self._last_ips = tuple(next_pod_ip(cidr, taken, last) for cidr, last in cidrs)
        return self._last_ips


def _server(options: NodeOptions, client: KubeClient, agent: NodeAgent) -> KubeletServer:
    dns = options.dns
    configuration = kubelet_configuration(options.address, options.port, (dns.address,), dns.domain, int(MAX_PODS))
    pages = PagesOfNode(options.name, client, agent.pods, options.volumes, options.logs.parent, configuration)
    access = ReviewedAccess(options.name, Reviews(client, OF_KUBELETS))
    return KubeletServer(NodeRuntime(agent.pods, options.loopback), access, pages.by_path())
