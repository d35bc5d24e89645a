"""Allocation for a write to a Service: what it takes from the cluster's ranges and releases.

The order is upstream's, because the first refusal is the one that the user reads: carry over, families, addresses,
node ports. A refusal is an exception; earlier choices were only in the document, and are discarded with it.
"""

from fairlead.model.document import Doc
from fairlead.registry.kinds.core.service.carry_over import align_cluster_ips, carry_over
from fairlead.registry.kinds.core.service.cluster_ips import IPExchange, exchange_cluster_ips, held_cluster_ips
from fairlead.registry.kinds.core.service.facts import name_of
from fairlead.registry.kinds.core.service.families import choose_families, is_settled
from fairlead.registry.kinds.core.service.node_ports import exchange_node_ports, held_node_ports
from fairlead.registry.status import invalid
from fairlead.registry.strategy import NO_EFFECTS, Context, SideEffects


def allocate(service: Doc, old_service: Doc | None, context: Context) -> SideEffects:
    """Complete the Service's addresses and ports.

    Raises:
        ApiError: 422 or 500, an allocation failed.
    """
    spec, old = service["spec"], old_service and old_service["spec"]
    if old is not None:
        carry_over(spec, old)
    align_cluster_ips(spec, old)
    if faults := choose_families(spec, old, context.cluster):
        raise invalid("Service", name_of(service), faults)
    ips = IPExchange() if is_settled(spec, old) else exchange_cluster_ips(service, old, context)
    ports = exchange_node_ports(service, old, context)
    if context.dry_run:
        return NO_EFFECTS
    return SideEffects(ips.taken, ips.freed, ports.taken, ports.freed)


def release(service: Doc) -> SideEffects:
    """The allocations that a deleted Service releases."""
    spec = service["spec"]
    return SideEffects(free_ips=held_cluster_ips(spec), free_ports=held_node_ports(spec))
