"""What a node of its own is told by its user."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from fairlead.app.node.context import Builtin
from fairlead.drivers.kubelet.server import PORT
from fairlead.nodeagent.files import ClusterDNS
from fairlead.nodeagent.images import Images


@dataclass(frozen=True)
class StandaloneOptions:
    """One node on this machine, in the network namespace that its process has.

    Attributes:
        kubeconfig: by whom it becomes a node: a bootstrap token, a node's own credentials, or any that may ask for a
            node's certificate.
        data: its folder: keys and certificates, volumes, logs, records of what runs.
        addresses: its InternalIPs; none: the one by which it reaches the API server.
        pod_cidrs: where its Pods' addresses come from; none: the control plane gives them.
        cluster_cidrs: those of all Pods of the cluster, to which nothing is masqueraded; none: its own Pods' alone.
        client_ca: PEM file of who signs its clients' certificates; None: who signs the API server's.
        signs_serving: its serving certificate is the cluster's to issue; without, it is one that nobody knows.
        end_pods: what it runs ends with it; else its Pods run on, and are taken over when it is started again.
    """

    name: str
    kubeconfig: Path
    data: Path
    addresses: tuple[str, ...] = ()
    port: int = PORT
    pod_cidrs: tuple[str, ...] = ()
    cluster_cidrs: tuple[str, ...] = ()
    dns: ClusterDNS = field(default_factory=ClusterDNS)
    labels: Mapping[str, str] = field(default_factory=dict)
    taints: tuple[Mapping[str, str], ...] = ()
    images: Images = field(default_factory=dict)
    builtins: Mapping[str, Builtin] = field(default_factory=dict)
    client_ca: Path | None = None
    signs_serving: bool = True
    end_pods: bool = False

    @property
    def pki(self) -> Path:
        return self.data / "pki"

    @property
    def own_kubeconfig(self) -> Path:
        """The kubeconfig with the node's own certificate, once it has one."""
        return self.data / "node.kubeconfig"

    @property
    def records(self) -> Path:
        return self.data / "run" / "pods"
