"""The node ports of a Service, the health-check one included.

A create lets ports of one number share a node port (DNS is TCP and UDP 53); an update gives each new port its own.
Upstream: ``initNodePorts``, ``updateNodePorts``, ``updateHealthCheckNodePort`` in alloc.go.
"""

from typing import NamedTuple

from fairlead.allocation.bands import RangeFull
from fairlead.allocation.node_ports import DryRunNodePorts, NodePorts, PortRefused, bands
from fairlead.model.document import Doc
from fairlead.registry.field_errors import invalid
from fairlead.registry.kinds.core.service.facts import (
    allocates_node_ports,
    name_of,
    needs_health_check,
    node_ports,
    uses_node_ports,
)
from fairlead.registry.status import ApiError, internal_error
from fairlead.registry.status import invalid as invalid_object
from fairlead.registry.strategy import Context


class PortExchange(NamedTuple):
    """The node ports that a write allocates and releases."""

    taken: tuple[int, ...] = ()
    freed: tuple[int, ...] = ()


def exchange_node_ports(service: Doc, old: Doc | None, context: Context) -> PortExchange:
    """Allocate missing node ports of the Service, and find those to release.

    Raises:
        ApiError: 422, a requested port is unavailable; 500, the range is full, or the health-check port is unavailable.
    """
    pool = _pool(context)
    spec = service["spec"]
    if uses_node_ports(spec):
        if old is None:
            _create(service, pool)
        else:
            _update(service, set(node_ports(old)), pool)
    freed = _freed_ports(spec, old or {})
    if needs_health_check(spec) and not needs_health_check(old or {}):
        _take_health_check_port(spec, pool)
    return PortExchange(tuple(pool.taken), freed + _freed_health_check_port(spec, old or {}))


def held_node_ports(spec: Doc) -> tuple[int, ...]:
    """The node ports that a stored Service holds."""
    if not uses_node_ports(spec):
        return ()
    health_check = spec.get("healthCheckNodePort", 0) if needs_health_check(spec) else 0
    return tuple(dict.fromkeys([*node_ports(spec), *([health_check] if health_check else [])]))


def _pool(context: Context) -> NodePorts:
    kind = DryRunNodePorts if context.dry_run else NodePorts
    owner = context.state.port_owner
    return kind(bands(*context.cluster.node_ports), lambda port: owner(port) is not None, context.choose)


def _create(service: Doc, pool: NodePorts) -> None:
    spec = service["spec"]
    ports = spec.get("ports") or []
    requested = {port["port"]: port["nodePort"] for port in reversed(ports) if port.get("nodePort")}
    by_port: dict[int, int] = {}
    for index, port in enumerate(ports):
        if not port.get("nodePort") and not allocates_node_ports(spec):
            continue
        if port["port"] not in by_port:
            by_port[port["port"]] = _take(service, index, requested.get(port["port"], 0), pool)
            port["nodePort"] = by_port[port["port"]]
        elif not port.get("nodePort"):
            port["nodePort"] = by_port[port["port"]]
        elif port["nodePort"] != by_port[port["port"]]:
            _take(service, index, port["nodePort"], pool)


def _update(service: Doc, held: set[int], pool: NodePorts) -> None:
    spec = service["spec"]
    for index, port in enumerate(spec.get("ports") or ()):
        requested = port.get("nodePort", 0)
        if requested in held or requested in pool.taken:
            continue
        if requested or allocates_node_ports(spec):
            port["nodePort"] = _take(service, index, requested, pool)


def _take(service: Doc, index: int, requested: int, pool: NodePorts) -> int:
    try:
        if not requested:
            return pool.take_any()
        pool.take(requested)
    except PortRefused as refusal:
        fault = invalid(f"spec.ports[{index}].nodePort", requested, str(refusal))
        raise invalid_object("Service", name_of(service), [fault]) from None
    except RangeFull as full:
        raise internal_error(f"failed to allocate a nodePort: {full}") from None
    return requested


def _take_health_check_port(spec: Doc, pool: NodePorts) -> None:
    requested = spec.get("healthCheckNodePort", 0)
    try:
        if requested:
            pool.take(requested)
        else:
            spec["healthCheckNodePort"] = pool.take_any()
    except (PortRefused, RangeFull) as refusal:
        raise _health_check_refusal(requested, refusal) from None


def _health_check_refusal(requested: int, reason: Exception) -> ApiError:
    """An internal error although the user caused it, as in upstream."""
    what = "requested HealthCheck NodePort" if requested else "a HealthCheck NodePort"
    return internal_error(f"failed to allocate {what} {requested}: {reason}")


def _freed_ports(spec: Doc, old: Doc) -> tuple[int, ...]:
    if not uses_node_ports(old):
        return ()
    kept = set(node_ports(spec)) if uses_node_ports(spec) else set()
    return tuple(dict.fromkeys(port for port in node_ports(old) if port not in kept))


def _freed_health_check_port(spec: Doc, old: Doc) -> tuple[int, ...]:
    unused = needs_health_check(old) and not needs_health_check(spec)
    return (old["healthCheckNodePort"],) if unused and old.get("healthCheckNodePort") else ()
