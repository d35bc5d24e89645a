"""Fields that a change of type makes meaningless, and other fields that the server sets.

They are cleared only on update, and only if the user did not change them: a changed field is refused by validation.
    Upstream: ``dropTypeDependentFields`` in pkg/registry/core/service/strategy.go.

Kept on purpose, as upstream does: externalName, selector, loadBalancerSourceRanges, publishNotReadyAddresses.
"""

from fairlead.model.document import Doc
from fairlead.registry.kinds.core.service.facts import (
    is_external_name,
    is_externally_accessible,
    is_load_balancer,
    needs_health_check,
    node_ports,
    same,
    uses_node_ports,
)
from fairlead.registry.strategy import Context


def prepare_create(service: Doc, context: Context) -> None:
    """A new Service has no status, regardless of the request."""
    service["status"] = {"loadBalancer": {}}


def prepare_update(service: Doc, old: Doc, context: Context) -> None:
    """Clear fields that the new type does not use; a load balancer's addresses are cleared at once."""
    wipe(service["spec"], old["spec"])
    service["status"] = dict(old.get("status") or {})
    if not is_load_balancer(service["spec"]):
        service["status"]["loadBalancer"] = {}


def prepare_status_update(service: Doc, old: Doc, context: Context) -> None:
    """Only the status changes."""
    service["spec"] = old["spec"]


def wipe(new: Doc, old: Doc) -> None:
    """Clear the fields of a spec that came from the old type."""
    if is_external_name(new) and not is_external_name(old):
        _drop_unchanged(new, old, "clusterIP", "clusterIPs")
        _drop_unchanged(new, old, "ipFamilies")
        _drop_unchanged(new, old, "ipFamilyPolicy")
    if uses_node_ports(old) and not uses_node_ports(new) and set(node_ports(new)) <= set(node_ports(old)):
        for port in new.get("ports") or ():
            port.pop("nodePort", None)
    if needs_health_check(old) and not needs_health_check(new):
        _drop_unchanged(new, old, "healthCheckNodePort")
    if is_load_balancer(old) and not is_load_balancer(new):
        _drop_unchanged(new, old, "allocateLoadBalancerNodePorts")
        _drop_unchanged(new, old, "loadBalancerClass")
    if is_externally_accessible(old) and not is_externally_accessible(new):
        _drop_unchanged(new, old, "externalTrafficPolicy")


def _drop_unchanged(new: Doc, old: Doc, *fields: str) -> None:
    """Clear a group of fields together, or none of them."""
    if same(new, old, *fields):
        for field in fields:
            new.pop(field, None)
