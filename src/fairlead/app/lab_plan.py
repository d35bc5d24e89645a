"""What a lab is made of: its folders, its nodes, and where each component runs.

Read by the process outside (``lab``), by PID 1 inside (``lab_init``) and by the bootstrap.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from fairlead.drivers.netns import SWITCH_ADDRESS, NodeNetwork
from fairlead.nodeagent.images import Images

# Names of network namespaces beside those of the nodes.
SWITCH = "switch"  # connects all others
OUTSIDE = "outside"  # the world outside the cluster
API_PORT = 6443
POD_CIDR, SERVICE_CIDR = "10.244.0.0/16", "10.96.0.0/16"
KUBERNETES_SERVICE_IP = "10.96.0.1"
API_URL_INSIDE = f"https://{SWITCH_ADDRESS}:{API_PORT}"
API_HOSTS = (
    "127.0.0.1",
    "localhost",
    SWITCH_ADDRESS,
    KUBERNETES_SERVICE_IP,
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
)


class Manifest(NamedTuple):
    """A document to be created or patched, and where it came from (``FILE`` or ``FILE, document 2``)."""

    source: str
    document: dict[str, Any]


@dataclass(frozen=True)
class LabPlan:
    """A lab that is to be started.

    Attributes:
        run_folder: exists while the lab does.
        data_folder: outlives it, unless it lies in the run folder.
        manifests: applied in this order once the API server answers.
        images: what stands for images, by pattern.
    """

    name: str
    run_folder: Path
    data_folder: Path
    node_count: int
    manifests: tuple[Manifest, ...]
    images: Images

    @property
    def nodes(self) -> list[NodeNetwork]:
        return [NodeNetwork(index) for index in range(1, self.node_count + 1)]

    @property
    def pki(self) -> Path:
        return self.data_folder / "pki"

    @property
    def logs(self) -> Path:
        return self.data_folder / "logs"

    def kubeconfig(self, user: str) -> Path:
        """The kubeconfig with which the component of that name reaches the API server from inside the lab."""
        return self.data_folder / "kubeconfigs" / user

    def records(self, node: NodeNetwork) -> Path:
        """The folder in which the node's agent tells which processes are a Pod's."""
        return self.run_folder / "nodes" / node.name

    def volumes(self, node: NodeNetwork) -> Path:
        """The folder in which the node's agent keeps what its Pods mount."""
        return self.run_folder / "volumes" / node.name

    @property
    def agents(self) -> set[str]:
        """The components that must be ready before the status of Pods can be believed."""
        return {f"{node.name}-agent" for node in self.nodes}

    @property
    def clients(self) -> dict[str, tuple[str, tuple[str, ...]]]:
        """User name and groups of each component's client certificate, as a real cluster has them."""
        nodes = {f"{node.name}-agent": (f"system:node:{node.name}", ("system:nodes",)) for node in self.nodes}
        return {
            "admin": ("kubernetes-admin", ("system:masters",)),
            "controllers": ("system:kube-controller-manager", ()),
            "proxy": ("system:kube-proxy", ("system:node-proxier",)),
            "dns": ("system:serviceaccount:kube-system:fairlead-dns", ("system:serviceaccounts",)),
            **nodes,
        }
