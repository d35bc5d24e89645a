"""The nodes to which a load balancer in front of them sends new connections: clouds decide this by health checks.

The API's objects define which nodes can serve a Service; health checks show which of them do. A check reads the
``/healthz`` of a node's proxy, and a Service's ``healthCheckNodePort``, if it has one, for that Service's endpoints on
the node. When no node is healthy, all nodes that answer at all are used, as in clouds ("fail open"): a check that fails
everywhere must not make a Service unavailable.
"""

import enum
from collections.abc import Iterable
from typing import NamedTuple

from fairlead.dataplane.service_ports import health_check_node_port
from fairlead.model.addresses import IPFamily, first_of
from fairlead.model.objects import Node, Service

PROXY_PORT = 10256  # of a proxy's own health
UNANSWERED = 2  # checks in a row after which a node counts as failing or silent
REFUSED = 0  # in place of an HTTP status: the node is there, but nobody listens


class Health(enum.IntEnum):
    """The result of a check; UNKNOWN: there is no result yet."""

    SILENT = 0
    UNKNOWN = 1
    FAILING = 2
    HEALTHY = 3


class NodeCheck(NamedTuple):
    """The target of a health check on a node."""

    address: str
    port: int


def check_of_node(node: Node, families: Iterable[IPFamily]) -> NodeCheck | None:
    """The health check address of a node's proxy; None for a Node without an address."""
    known = (first_of(family, node.internal_ips) for family in families)
    address = next((address for address in known if address), None)
    return NodeCheck(address, PROXY_PORT) if address else None


def check_of_service(service: Service, of_node: NodeCheck) -> NodeCheck | None:
    """The address to ask a node for a Service's endpoints; None for a Service that any node serves."""
    port = health_check_node_port(service)
    return of_node._replace(port=port) if port else None


class CheckResult(NamedTuple):
    """The state of a check.

    Attributes:
        missed: the number of consecutive checks without any HTTP status in answer.
    """

    health: Health = Health.UNKNOWN
    missed: int = 0

    def after(self, status: int | None) -> "CheckResult":
        """What is known after one more check: an HTTP status, REFUSED, or None for no sign of life.

        A proxy that ended is soon back, and the rules that it left still work: connections that its node has go on.
        """
        if status:
            return CheckResult(Health.HEALTHY if 200 <= status < 300 else Health.FAILING)
        missed = self.missed + 1
        if missed < UNANSWERED:
            return CheckResult(self.health, missed)
        return CheckResult(Health.FAILING if status == REFUSED else Health.SILENT, missed)


def eligible(nodes: Iterable[tuple[str, Health, Health]]) -> list[str]:
    """The names of the nodes that get new connections.

    Args:
        nodes: those that may serve: name, health of the proxy, health of the Service there (HEALTHY where that is not
            asked).
    """
    ranked = [(name, _rank(proxy, service)) for name, proxy, service in nodes if proxy != Health.SILENT]
    best = max((rank for _, rank in ranked), default=0)
    return [name for name, rank in ranked if rank == best]


def _rank(proxy: Health, service: Health) -> Health:
    """A node that has not been asked yet is as good as a failing one: it serves only if no other does."""
    worst = min(proxy, service)
    return Health.HEALTHY if worst == Health.HEALTHY else Health.FAILING
