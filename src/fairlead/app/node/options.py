"""What the agent of one node is told."""

import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from fairlead.app.node.context import Builtin
from fairlead.app.node.loopback import OnLoopback
from fairlead.drivers.images.places import StorePlace
from fairlead.drivers.kubelet.server import PORT as KUBELET_PORT
from fairlead.drivers.linux.machine_facts import OF_A_LAB, SystemNames
from fairlead.drivers.steering.faults import Steering
from fairlead.labnet.links import POD_LINKS
from fairlead.model.addresses import family_of
from fairlead.nodeagent.files import ClusterDNS
from fairlead.nodeagent.images import Images

HEARTBEAT = 10.0  # seconds, as upstream's kubelet renews its lease


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
        port: of the node's HTTP API.
        listen: the address that it listens at, if that is not the node's own.
        links: what the names of Pods' links begin with; others of that name in the node's network are removed.
        taints: those that a Node is made with.
        machine: what the Node says of it.
        follows_volumes: it removes folders below ``claimed`` when their volumes go, for which it lists all of them;
            that is not for a node of a cluster whose volumes are made by others, and that may read only its Pods'.
        steering: how tests steer it, in a lab.
        marks: folder with the sockets of those who want to hear when the API has a Pod's status.
        loopback: how Pods are told where they are in a lab without namespaces; None: they have namespaces.
        gives_network: see ``ContainerSettings``.
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
    port: int = KUBELET_PORT
    listen: str = ""
    links: str = POD_LINKS
    taints: tuple[Mapping[str, str], ...] = ()
    machine: SystemNames = OF_A_LAB
    follows_volumes: bool = True
    steering: Steering | None = None
    marks: Path | None = None
    loopback: OnLoopback | None = None
    gives_network: bool = False

    @property
    def address(self) -> str:
        return self.addresses[0]

    @property
    def host_ips(self) -> tuple[str, ...]:
        """The node's own address in the family of each Pod CIDR."""
        families = [family_of(cidr) for cidr in self.pod_cidrs]
        return tuple(next(ip for ip in self.addresses if family_of(ip) == family) for family in families)
