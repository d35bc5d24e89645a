"""Which ports of its Node a Pod wants, and whether it can have them beside another Pod.

Upstream: ``pkg/scheduler/framework/plugins/nodeports`` and ``HostPortInfo`` in ``pkg/scheduler/framework/types.go``.
"""

from typing import NamedTuple

from fairlead.model.objects import Pod

EVERY_ADDRESS = "0.0.0.0"  # noqa: S104 - upstream's word for a port without hostIP


class HostPort(NamedTuple):
    """A port of a Node; ``address`` may be EVERY_ADDRESS."""

    address: str
    protocol: str
    port: int


def host_ports(pod: Pod) -> frozenset[HostPort]:
    """The ports of its Node that a Pod wants."""
    sidecars = (c for c in pod.spec.init_containers or () if c.restart_policy == "Always")
    return frozenset(
        HostPort(port.host_ip or EVERY_ADDRESS, port.protocol, port.host_port)
        for container in (*pod.spec.containers, *sidecars)
        for port in container.ports or ()
        if port.host_port
    )


def collide(one: HostPort, other: HostPort) -> bool:
    """Whether two Pods of a Node cannot have these."""
    if (one.protocol, one.port) != (other.protocol, other.port):
        return False
    return one.address == other.address or EVERY_ADDRESS in (one.address, other.address)
