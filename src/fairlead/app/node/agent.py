"""The node agent: registers its Node, keeps it alive, and runs the Pods that are bound to it.

Composes ``pod`` and ``container``; talks to the rest of the system through the API alone.
"""

import asyncio
import functools
import logging
import os
import platform
import shutil
import signal
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from fairlead import __version__
from fairlead.allocation.podip import next_pod_ip
from fairlead.app.node.adoption import find_pods
from fairlead.app.node.claims import follow_volumes
from fairlead.app.node.context import Builtin, ContainerSettings
from fairlead.app.node.heartbeat import Heartbeat
from fairlead.app.node.host_ports import HostPorts
from fairlead.app.node.image_pulls import Puller
from fairlead.app.node.images import NodeImages
from fairlead.app.node.pod import PodRun, PodSettings
from fairlead.app.node.pod_index import forget_pods
from fairlead.app.node.runtime import NodeRuntime
from fairlead.app.node.sandbox import LINK_PREFIX, SandboxSettings, link_name
from fairlead.app.node.sources import SourceWatches
from fairlead.drivers.change_marks import ChangeMarks
from fairlead.drivers.clock_text import now_text
from fairlead.drivers.images.places import StorePlace
from fairlead.drivers.kube.client import NODES, PODS, SERVICES, KubeClient, KubeError
from fairlead.drivers.kube.event_recorder import Allowance, EventWriter
from fairlead.drivers.kube.informer import Informer
from fairlead.drivers.kube.progress import reached
from fairlead.drivers.kube.retry import until_answered
from fairlead.drivers.kubelet.server import PORT as KUBELET_PORT
from fairlead.drivers.kubelet.server import KubeletServer, node_tls
from fairlead.drivers.linux import netns
from fairlead.drivers.pods.allocatable import allocatable, storage_of
from fairlead.drivers.pods.launcher import Launcher
from fairlead.drivers.pods.left_behind import write_launcher
from fairlead.drivers.steering.faults import Faults, Steering
from fairlead.drivers.steering.part_socket import steered
from fairlead.model.addresses import family_of
from fairlead.model.decode import decode
from fairlead.model.kubernetes_version import SERVED
from fairlead.model.objects import Node, Service
from fairlead.nodeagent.files import ClusterDNS
from fairlead.nodeagent.images import Images
from fairlead.nodeagent.manifest import RunPod
from fairlead.nodeagent.node_status import MAX_PODS, architecture, node_labels, sound_conditions
from fairlead.nodeagent.service_links import ServiceLinks
from fairlead.nodeagent.sources import Reference

HEARTBEAT = 10.0  # seconds, as upstream's kubelet renews its lease
ROUTINE_EVENTS = Allowance(60, 10)  # of Pods that run as they should: not of each, when hundreds start at once

log = logging.getLogger(__name__)


class Serving(NamedTuple):
    """PEM files: the cluster's authority, and this node's own certificate."""

    authority: Path
    certificate: Path
    key: Path


@dataclass(frozen=True)
class NodeOptions:
    """One node.

    Attributes:
        addresses: its InternalIPs, some of each IP family; the first is the one that it is asked at.
        pod_cidrs: where its Pods' addresses come from, one of each family.
        inside: the networks of the cluster: what Pods send elsewhere is masqueraded; without any, nothing is.
        serving: what the node's HTTP API proves itself with.
        records: folder for the files that name running Pods' processes.
        orphan_ends: folder that tells how processes have ended that an earlier agent of this node started.
        volumes: folder for the Pods' volumes.
        claimed: folder for the volumes that are made for claims, which outlive Pods; of all nodes of this machine.
        logs: folder of container logs.
        images: what stands for images, by pattern.
        builtins: what the built-in images run.
        hidden: folders of this machine that no container may see: a lab's keys and store lie there.
        home: that of the lab's user, if it has one; see ``ContainerSettings``.
        store: the images of the lab's user; None: there are none but commands.
        puller: socket at which images can be asked for that the store lacks; None: none are fetched.
        nursery: where the process comes from that forks for this agent; see ``drivers.pods.nursery``.
        heartbeat: seconds between two heartbeats.
        steering: how tests steer it, in a lab.
        marks: folder with the sockets of those who want to hear when the API has a Pod's status.
    """

    name: str
    kubeconfig: Path
    addresses: tuple[str, ...]
    pod_cidrs: tuple[str, ...]
    serving: Serving
    records: Path
    orphan_ends: Path
    volumes: Path
    claimed: Path
    logs: Path
    nursery: socket.socket
    images: Images = field(default_factory=dict)
    builtins: Mapping[str, Builtin] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    dns: ClusterDNS = field(default_factory=ClusterDNS)
    inside: tuple[str, ...] = ()
    hidden: tuple[Path, ...] = ()
    home: Path | None = None
    store: StorePlace | None = None
    puller: Path | None = None
    heartbeat: float = HEARTBEAT
    steering: Steering | None = None
    marks: Path | None = None

    @property
    def address(self) -> str:
        return self.addresses[0]

    @property
    def host_ips(self) -> tuple[str, ...]:
        """The node's own address in the family of each Pod CIDR."""
        families = [family_of(cidr) for cidr in self.pod_cidrs]
        return tuple(next(ip for ip in self.addresses if family_of(ip) == family) for family in families)


async def run(options: NodeOptions, ready: Callable[[], None]) -> None:
    """Serve until cancelled. ``ready`` is called when the Node is Ready and the Pods that were bound to it before are
    known to the API as this agent sees them."""
    os.umask(0o022)  # whatever the lab's user has: what Pods are given, any user in them may read
    options.records.mkdir(parents=True, exist_ok=True)
    forget_pods(options.records)
    launcher = Launcher(options.nursery)
    write_launcher(options.records, launcher.pid)
    async with KubeClient.from_kubeconfig(options.kubeconfig, part="node") as client, asyncio.TaskGroup() as group:
        group.create_task(launcher.run())
        agent = NodeAgent(options, client, group, launcher)
        server = KubeletServer(NodeRuntime(agent.pods))
        try:
            await server.start(options.address, KUBELET_PORT, node_tls(*options.serving))
            node = await _register(options, client, agent.images)
            await agent.start()
            ready()
            register = functools.partial(_register, options, client, agent.images)
            async with steered(options.steering, agent.reached):
                await Heartbeat(client, node, options.heartbeat, register, images=agent.images.listed).run()
        finally:
            await server.close()


class NodeAgent:
    """Keeps one ``PodRun`` for every Pod of this node.

    Attributes:
        images: what its containers may run.
    """

    def __init__(
        self,
        options: NodeOptions,
        client: KubeClient,
        group: asyncio.TaskGroup,
        launcher: Launcher,
    ) -> None:
        self._options, self._client, self._group = options, client, group
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
        )
        dns = options.dns._replace(of_node=Path("/etc/resolv.conf").read_text())
        self._host_ports = HostPorts(options.pod_cidrs, options.inside)
        self._settings = PodSettings(
            options.name,
            options.host_ips,
            options.records,
            options.volumes,
            options.claimed,
            options.orphan_ends,
            containers,
            SandboxSettings(options.host_ips, dns, self._host_ports, launcher, containers.hidden_paths),
            options.steering.faults if options.steering else Faults(),
            ChangeMarks(options.marks),
        )
        self._settings.faults.listen(self._faults_changed)

    def pods(self) -> list[PodRun]:
        """Those that run here, in the order in which they came."""
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
        """Those of Pods that were deleted while no agent ran; what the others have written stays theirs."""
        here = {pod.metadata.uid for pod in self._pods.objects.values()}
        for folder in self._options.volumes.glob("*"):
            if folder.name not in here:
                shutil.rmtree(folder, ignore_errors=True)

    async def _remove_leftover_pods(self) -> None:
        """End the processes of Pods that were deleted while no agent ran, and take away links that lead nowhere."""
        here = {pod.metadata.uid for pod in self._pods.objects.values()}
        for uid in self._found.keys() - here:
            left = self._found.pop(uid)
            left.sandbox.signal(signal.SIGKILL)
            await left.sandbox.wait()
            left.folder.remove()
        used = {link_name(uid) for uid in self._found}
        for name in netns.link_names():
            if name.startswith(LINK_PREFIX) and name not in used:
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
        pod_ips = found.pod_ips if found else self._pod_ips(pod)
        run = PodRun(pod, pod_ips, self._settings, self._client, found)
        self._runs[pod.metadata.uid] = run
        self._group.create_task(self._keep(run))
        self._sources.follow(pod)
        return run

    def _source_changed(self, namespace: str, reference: Reference) -> None:
        for run in self._runs.values():
            run.source_changed(namespace, reference)

    async def _keep(self, run: PodRun) -> None:
        """Run one Pod; a fault of ours must not take the node's other Pods along."""
        try:
            await run.run()
        except Exception:
            log.exception("Pod %s is given up", run.pod.key)
        finally:
            run.api.happened.set()  # nobody need wait for a Pod that has gone
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


async def _register(options: NodeOptions, client: KubeClient, images: NodeImages) -> Node:
    """Create the Node, or bring the one that is there up to date, and set its status; what has come of it."""
    document, path = _node(options), NODES.path(name=options.name, subresource="status")

    async def ask() -> Node:
        try:
            await client.create(NODES.path(), document)
        except KubeError as error:
            if error.reason != "AlreadyExists":
                raise
            await client.patch(NODES.path(name=options.name), document)
        return decode(Node, await client.patch(path, {"status": {**_status(options), "images": images.listed()}}))

    node = await until_answered(ask, f"register node {options.name}", client.troubles)
    assert node is not None  # no refusal is final
    return node


def _node(options: NodeOptions) -> dict[str, Any]:
    labels = node_labels(options.name, platform.machine(), options.labels)
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": options.name, "labels": labels},
        "spec": {"podCIDR": options.pod_cidrs[0], "podCIDRs": list(options.pod_cidrs)},
    }


def _status(options: NodeOptions) -> dict[str, Any]:
    resources = {**allocatable(), "ephemeral-storage": storage_of(options.volumes), "pods": MAX_PODS}
    return {
        "addresses": [
            *({"type": "InternalIP", "address": address} for address in options.addresses),
            {"type": "Hostname", "address": options.name},
        ],
        "capacity": resources,
        "allocatable": resources,
        "conditions": sound_conditions((), now_text()),
        "daemonEndpoints": {"kubeletEndpoint": {"Port": KUBELET_PORT}},
        "nodeInfo": {
            "kubeletVersion": SERVED,
            "kubeProxyVersion": SERVED,
            "osImage": "Fairlead lab",
            "operatingSystem": "linux",
            "architecture": architecture(platform.machine()),
            "kernelVersion": platform.release(),
            "containerRuntimeVersion": f"fairlead://{__version__}",
            "machineID": "",
            "systemUUID": "",
            "bootID": "",
        },
    }
