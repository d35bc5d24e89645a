"""The structure of a lab: its folders, its nodes, and where each component runs.

The host process (``host.process``), PID 1 (``init.main``) and the bootstrap read it.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from fairlead.app.lab.settings import LabNode, LabSettings
from fairlead.dataplane.vxlan import USUAL_MTU, inner_mtu
from fairlead.drivers.images.places import StorePlace
from fairlead.drivers.lab.running_labs import marks_folder, published_table
from fairlead.drivers.steering.faults import Steering, steered_name
from fairlead.labnet.addresses import PLANS, AddressPlan
from fairlead.labnet.links import NodeNetwork
from fairlead.labnet.loopback import lab_network, loopback_plan
from fairlead.model.socket_address import SocketAddress

# Names of network namespaces beside those of the nodes.
SWITCH = "switch"  # connects all others
OUTSIDE = "outside"  # the world outside the cluster
PROXY = "proxy"  # the client that every node's proxy is
WIRE = "wire"  # where frames for other hosts are picked up; also the name of the component that does
API_PORT = 6443
KUBERNETES_SERVICE, DNS_SERVICE = 1, 10  # numbers of their virtual IPs
_API_HOSTS = (
    "127.0.0.1",
    "localhost",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
)


class LabManifest(NamedTuple):
    """A document to create or patch, and its source (``FILE`` or ``FILE, document 2``)."""

    source: str
    document: dict[str, Any]


class CertificateClient(NamedTuple):
    """User name and groups in a client certificate."""

    user: str
    groups: tuple[str, ...] = ()


class WirePlan(NamedTuple):
    """The connection of a lab's underlay with other hosts.

    Attributes:
        vni: number of the lab's VXLAN segment.
        address: this host's end of it, an address of this machine.
        hub: address of the lab's first host; None: it is this host.
    """

    vni: int
    address: SocketAddress
    hub: SocketAddress | None = None


@dataclass(frozen=True)
class LabPlan:
    """A lab to start, or this host's part of a lab whose first host is another one.

    Attributes:
        run_folder: exists while the lab runs.
        data_folder: stays after the lab has ended, unless it is in the run folder.
        manifests: applied in this order once the API server answers.
        wire: None: there are no other hosts.
        home: the folder of the lab's user, which Pods do not see; None if there is none.
        images: the store of that user; its ownership also defines the users of the lab.
        loopback: the number of a lab without namespaces, whose addresses are on loopback; None: it has namespaces.
    """

    name: str
    run_folder: Path
    data_folder: Path
    manifests: tuple[LabManifest, ...]
    settings: LabSettings
    wire: WirePlan | None = None
    home: Path | None = None
    images: StorePlace | None = None
    loopback: int | None = None

    @property
    def nodes(self) -> tuple[LabNode, ...]:
        """The initial nodes of this host."""
        return tuple(node for node in self.settings.nodes if not node.peer)

    @property
    def invited(self) -> tuple[LabNode, ...]:
        """The nodes of other hosts, known from an earlier start."""
        return tuple(node for node in self.settings.nodes if node.peer)

    @property
    def has_joined(self) -> bool:
        """Whether the API server, the controllers and the world outside are on another host."""
        return self.wire is not None and self.wire.hub is not None

    @property
    def mtu(self) -> int:
        """The MTU of the underlay: frames to another host must fit into a packet there."""
        return inner_mtu(self.wire.address.family) if self.wire else USUAL_MTU

    @property
    def networks(self) -> tuple[AddressPlan, ...]:
        """The networks of each IP family, the primary family first."""
        if self.loopback is not None:
            return (loopback_plan(self.loopback),)
        return tuple(PLANS[family] for family in self.settings.ip_families)

    @property
    def own_loopback(self) -> tuple[str, ...]:
        """The part of 127.0.0.0/8 that is the lab's, in CIDR notation; nothing in one with namespaces."""
        return () if self.loopback is None else (lab_network(self.loopback),)

    @property
    def api_address(self) -> tuple[str, int]:
        """The address where the API server listens inside the lab."""
        return self.networks[0].switch, API_PORT

    def steering(self, part: str, place: str) -> Steering:
        """How a part is steered that is at a place: its network namespace, or what would be one.

        Without namespaces the names of all labs meet on the machine, so there they say whose they are.
        """
        if self.loopback is None:
            return Steering.of(part)
        return Steering.of(steered_name(self.loopback, place, part), trusts_user=True)

    @property
    def api_url(self) -> str:
        return f"https://{SocketAddress(*self.api_address)}"

    @property
    def api_hosts(self) -> tuple[str, ...]:
        """The names and addresses of the API server."""
        return (*_API_HOSTS, self.networks[0].switch, self.networks[0].service(KUBERNETES_SERVICE))

    @property
    def pki(self) -> Path:
        return self.data_folder / "pki"

    @property
    def logs(self) -> Path:
        return self.data_folder / "logs"

    @property
    def claimed(self) -> Path:
        """The folder in which the nodes of this host keep the volumes that are made for claims."""
        return self.data_folder / "volumes"

    @property
    def memory_of_nodes(self) -> Path:
        """The file of ``node_memory``."""
        return memory_of_nodes(self.data_folder)

    @property
    def host_socket(self) -> Path:
        """The control socket of the host process, where the lab requests resources of this machine."""
        return self.run_folder / "host"

    @property
    def marks(self) -> Path:
        """The folder with the sockets of listeners for marks."""
        return marks_folder(self.run_folder)

    @property
    def published(self) -> Path:
        return published_table(self.run_folder)

    def kubeconfig(self, user: str) -> Path:
        """The kubeconfig with which the component of that name reaches the API server from inside the lab."""
        return self.data_folder / "kubeconfigs" / user

    def records(self, node: NodeNetwork) -> Path:
        """The folder of the node's Pod index: the processes of each Pod."""
        return self.run_folder / "nodes" / node.name

    @property
    def orphan_ends(self) -> Path:
        """The folder where PID 1 records the ends of processes that outlived their node's agent."""
        return self.run_folder / "ends"

    def volumes(self, node: NodeNetwork) -> Path:
        """The folder in which the node's agent keeps what its Pods mount."""
        return self.run_folder / "volumes" / node.name

    @property
    def agents(self) -> set[str]:
        """The components that must be ready before the status of Pods can be believed."""
        return {agent_of(node) for node in self.nodes}

    @property
    def clients(self) -> dict[str, CertificateClient]:
        """The API user of each component, as in a real cluster."""
        return {
            "admin": CertificateClient("kubernetes-admin", ("system:masters",)),
            **(_BESIDE_OTHERS if self.settings.control_plane else _ALONE),
            "publisher": CertificateClient(
                "system:serviceaccount:kube-system:fairlead-publisher", ("system:serviceaccounts",)
            ),
            "router": CertificateClient(
                "system:serviceaccount:kube-system:fairlead-router", ("system:serviceaccounts",)
            ),
            PROXY: CertificateClient("system:kube-proxy", ("system:node-proxier",)),
        }


# Who controls: our controllers alone, or the few of ours that work beside Kubernetes' own programs.
_ALONE = {"controllers": CertificateClient("system:kube-controller-manager")}
_BESIDE_OTHERS = {
    "controllers": CertificateClient("fairlead-controllers"),
    "kube-controller-manager": CertificateClient("system:kube-controller-manager"),
    "kube-scheduler": CertificateClient("system:kube-scheduler"),
}


def memory_of_nodes(data_folder: Path) -> Path:
    """The file in which a lab remembers what was added to, or removed from, the nodes that its options name."""
    return data_folder / "nodes.json"


def agent_of(node: NodeNetwork) -> str:
    """The name of the component that is the node's agent."""
    return f"{node.name}-agent"


def proxy_of(node: NodeNetwork) -> str:
    """The name of the component that is the node's proxy."""
    return f"{node.name}-proxy"


def user_of(node: NodeNetwork) -> CertificateClient:
    """The API user of the node's agent."""
    return CertificateClient(f"system:node:{node.name}", ("system:nodes",))
