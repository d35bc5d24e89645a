"""The options of a standalone node."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from fairlead.app.node.context import Builtin
from fairlead.drivers.kubelet.server import PORT
from fairlead.nodeagent.files import ClusterDNS
from fairlead.nodeagent.images import Images


@dataclass(frozen=True)
class StandaloneOptions:
    """One node on this machine, in the network namespace of its process.

    Attributes:
        kubeconfig: its first credentials: a bootstrap token, a node's own credentials, or any that may request a
            node's certificate.
        data: its folder: keys and certificates, volumes, logs, records of running Pods.
        addresses: its InternalIPs; none: the address from which it reaches the API server.
        pod_cidrs: the CIDRs of its Pods' addresses; none: the control plane assigns them.
        cluster_cidrs: the CIDRs of all Pods of the cluster; not masqueraded to. None: only its own Pods'.
        client_ca: PEM file of the CA of its clients' certificates; None: the CA of the API server.
        signs_serving: the cluster issues its serving certificate; else the certificate has no known issuer.
        end_pods: its Pods end with it; else they keep running, and the next start takes them over.
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
