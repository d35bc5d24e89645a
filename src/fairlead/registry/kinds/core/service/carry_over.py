"""Values that an update leaves out: allocated ones, and the two fields of the cluster IP. A user can apply the original
manifest again, without the allocated address, and expects no change.
Upstream: ``patchAllocatedValues`` and ``normalizeClusterIPs`` in pkg/registry/core/service/storage.
"""

from fairlead.model.document import Doc
from fairlead.registry.kinds.core.service.facts import (
    is_external_name,
    needs_health_check,
    node_ports,
    same,
    uses_node_ports,
)


def carry_over(new: Doc, old: Doc) -> None:
    """Fill allocated values that the new spec lacks from the old one."""
    if not is_external_name(old) and not is_external_name(new):
        _keep(new, old, "clusterIP")
        _keep(new, old, "clusterIPs")
    if uses_node_ports(old) and uses_node_ports(new):
        _keep_node_ports(new, old)
    if needs_health_check(old) and needs_health_check(new):
        _keep(new, old, "healthCheckNodePort")


def align_cluster_ips(new: Doc, old: Doc | None) -> None:
    """Align clusterIPs with clusterIP if the user changed only one of them."""
    if old is None:
        if new.get("clusterIP") and not new.get("clusterIPs"):
            new["clusterIPs"] = [new["clusterIP"]]
        return
    if same(new, old, "clusterIP"):
        _keep(new, old, "clusterIPs")
    elif same(new, old, "clusterIPs"):
        new.pop("clusterIPs", None)
        if new.get("clusterIP"):
            new["clusterIPs"] = [new["clusterIP"]]


def _keep(new: Doc, old: Doc, field: str) -> None:
    if not new.get(field) and old.get(field):
        value = old[field]
        new[field] = list(value) if isinstance(value, list) else value


def _keep_node_ports(new: Doc, old: Doc) -> None:
    """Ports are matched by name; a node port that the user has given to another port is not restored."""
    reused = set(node_ports(old)) & set(node_ports(new))
    by_name = {port.get("name"): port.get("nodePort") for port in old.get("ports") or ()}
    for port in new.get("ports") or ():
        kept = by_name.get(port.get("name"))
        if not port.get("nodePort") and kept and kept not in reused:
            port["nodePort"] = kept
