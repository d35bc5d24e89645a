"""The options of a node's agent."""

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
        addresses: its InternalIPs, some of each IP family; its HTTP API listens on the first.
        pod_cidrs: the CIDRs of its Pods' addresses, one of each family.
        inside: the networks of the cluster; Pods' traffic elsewhere is masqueraded. If empty, no traffic is.
        serving: the serving certificate of the node's HTTP API.
        records: folder for the files that name running Pods' processes.
        orphan_ends: folder with the exit status of processes that an earlier agent of this node started.
        volumes: folder for the Pods' volumes.
        claimed: folder for the volumes of claims, which outlive Pods; all nodes of this machine share it.
        logs: folder of container logs.
        images: the substitutes for images, by pattern.
        builtins: the programs of the built-in images.
        hidden: folders of this machine that no container may see; they contain a lab's keys and store.
        home: home of the lab's user, if it has one; see ``ContainerSettings``.
        store: the images of the lab's user; None: only substitute commands.
        puller: socket for requests of images that are not in the store; None: no pulls.
        nursery: source of the process that forks for this agent; see ``drivers.pods.launching.nursery``.
        heartbeat: seconds between two heartbeats.
        port: port of the node's HTTP API.
        listen: the address that it listens on, if it is not the node's own.
        links: prefix of Pods' link names; unknown links with this prefix in the node's network are removed.
        taints: the taints of a newly created Node.
        machine: the machine's description in the Node.
        follows_volumes: it removes folders below ``claimed`` when their volumes are deleted, and lists all volumes for
            that; not for a node of a cluster where others create volumes and it may read only those of its Pods.
        steering: the steering by tests, in a lab.
        marks: folder with the sockets that receive a mark when the API has a Pod's status.
        loopback: the addresses of Pods in a lab without namespaces; None: Pods have namespaces.
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
