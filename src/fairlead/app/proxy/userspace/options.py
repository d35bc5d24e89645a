"""How the node proxies of a lab without namespaces are run."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fairlead.app.proxy.userspace.node_rules import NodeSurroundings
from fairlead.drivers.steering.faults import Steering
from fairlead.labnet.loopback import PortRule


@dataclass(frozen=True)
class UserspaceOptions:
    """One process for all nodes of a lab.

    Attributes:
        kubeconfig: path.
        around: what the nodes have in common.
        outside: the address of the world outside, which clients have that are nobody's in the lab.
        ports: which port of this machine stands for which.
        network_policies: whether NetworkPolicies are enforced for what is passed on.
        below: a random number below its argument, by which endpoints are drawn.
        note: called with one-line notices for the user.
        steering: how tests steer it, in a lab.
    """

    kubeconfig: Path
    around: NodeSurroundings
    outside: str
    ports: PortRule
    network_policies: bool
    below: Callable[[int], int]
    note: Callable[[str], None] = lambda text: None
    steering: Steering | None = None
