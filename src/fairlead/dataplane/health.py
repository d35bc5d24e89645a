"""A node proxy's reports to load balancers about its health and about each Service's endpoints on the node.

Rules and documents: upstream's ``pkg/proxy/healthcheck`` and KEP-3836 (the proxy of a Node that will be deleted asks
load balancers to stop using it, while it continues to serve).
"""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from fairlead.dataplane.service_ports import health_check_node_port
from fairlead.model.names import ObjectKey
from fairlead.model.objects import Node
from fairlead.model.snapshot import ClusterSnapshot

SYNC_SECONDS = 30.0  # upstream's default sync period; an update may be pending for twice as long
AUTOSCALER_TAINT = "ToBeDeletedByClusterAutoscaler"


class RulesPulse(msgspec.Struct, frozen=True):
    """How up to date the rules of one IP family are; times are seconds since the epoch.

    Attributes:
        queued: when the oldest change arrived that is not yet in the kernel; None: all changes are.
        updated: when the kernel was last updated.
    """

    updated: float
    queued: float | None = None

    def is_healthy(self, now: float) -> bool:
        return self.queued is None or now - self.queued < 2 * SYNC_SECONDS


def is_node_eligible(node: Node | None) -> bool:
    """Whether load balancers may send new connections to this node."""
    if node is None or node.metadata.deletion_timestamp is not None:
        return False
    return all(taint.key != AUTOSCALER_TAINT for taint in node.spec.taints or ())


class LocalHealth(msgspec.Struct, frozen=True):
    """The document at one Service's ``healthCheckNodePort``."""

    service: ObjectKey
    port: int
    endpoints: int

    def document(self, *, is_proxy_healthy: bool) -> dict[str, Any]:
        """The body, as upstream writes it."""
        return {
            "service": {"namespace": self.service.namespace, "name": self.service.name},
            "localEndpoints": self.endpoints,
            "serviceProxyHealthy": is_proxy_healthy,
        }


def local_health(snapshot: ClusterSnapshot, key: ObjectKey, node: str) -> LocalHealth | None:
    """The number of distinct ready endpoint addresses on this node; None for a Service without such a port."""
    service = snapshot.services.get(key)
    port = health_check_node_port(service) if service else 0
    if not port:
        return None
    addresses = {
        endpoint.addresses[0]
        for slice_ in snapshot.slices_of(key)
        for endpoint in slice_.endpoints or ()
        if endpoint.is_ready and endpoint.node_name == node and endpoint.addresses
    }
    return LocalHealth(key, port, len(addresses))


def health_document(
    pulses: Mapping[str, RulesPulse], now: float, spell: Callable[[float], str], *, is_eligible: bool | None = None
) -> dict[str, Any]:
    """The body of /healthz, and of /livez without ``is_eligible``; what is healthy counts as updated just now."""
    updated = {family: now if pulse.is_healthy(now) else pulse.updated for family, pulse in pulses.items()}
    status = {
        family: {"lastUpdated": spell(updated[family]), "healthy": pulse.is_healthy(now)}
        for family, pulse in pulses.items()
    }
    eligible = {} if is_eligible is None else {"nodeEligible": is_eligible}
    last = min(updated.values(), default=now)
    return {"lastUpdated": spell(last), "currentTime": spell(now), **eligible, "status": status}
