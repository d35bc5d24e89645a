"""How to run a node proxy."""

from dataclasses import dataclass, field
from pathlib import Path

from fairlead.dataplane.node_view import NodeSettings
from fairlead.dataplane.sysctls import ConntrackSettings
from fairlead.drivers.steering.faults import Steering

HEALTHZ_PORT = 10256
MODES = {"nft": "nftables", "iptables": "iptables"}  # our names of the back ends, and kube-proxy's

Address = tuple[str, int]


@dataclass(frozen=True)
class ProxyOptions:
    """How to run a node proxy.

    Attributes:
        node_name: the Node whose proxy this is.
        kubeconfig: path; None looks where kubectl looks.
        backend: nft or iptables.
        conntrack: what to ask of connection tracking, where the network namespace is ours.
        min_sync_period: minimum time between rule updates, in seconds; what comes meanwhile goes into the next. While
            the machine is short of processors, the time is longer (``cpu_wait``).
        network_policies: whether NetworkPolicies are enforced, too.
        steering: how tests steer it, in a lab.
        marks: folder with the sockets of those who want to hear when rules follow a change.
        healthz, metrics: where to serve /healthz and /livez, and /metrics; None: nowhere.
    """

    node_name: str
    kubeconfig: str | None = None
    settings: NodeSettings = field(default_factory=NodeSettings)
    backend: str = "nft"
    min_sync_period: float = 0
    conntrack: ConntrackSettings = field(default_factory=ConntrackSettings)
    network_policies: bool = False
    healthz: Address | None = ("0.0.0.0", HEALTHZ_PORT)  # noqa: S104 - load balancers ask from outside
    metrics: Address | None = ("127.0.0.1", 10249)
    authorize_metrics: bool = False
    marks: Path | None = None
    steering: Steering | None = None
