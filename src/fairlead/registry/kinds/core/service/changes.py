"""The fields of a Service that must not change once set.

Upstream: ``validateUpgradeDowngradeClusterIPs``, ``validateUpgradeDowngradeIPFamilies`` and their neighbours in
pkg/apis/core/validation/validation.go. A Service releases everything when it becomes an ExternalName, so changes to and
from that type are allowed.
"""

from fairlead.model.document import Doc
from fairlead.registry.field_errors import FieldError, forbidden, invalid
from fairlead.registry.kinds.core.service.facts import (
    SINGLE_STACK,
    is_external_name,
    is_headless,
    is_load_balancer,
    needs_health_check,
)

_UNCHANGEABLE = "may not change once set"


def validate_changes(new: Doc, old: Doc) -> list[FieldError]:
    """The faults of a spec beside the one that it replaces."""
    faults: list[FieldError] = []
    if not is_external_name(new) and not is_external_name(old):
        if not (is_headless(new) and is_headless(old)):
            faults += _cluster_ips(new, old)
        if not (is_headless(new) or is_headless(old)):
            faults += _families(new, old)
    return faults + _class(new, old) + _health_check_port(new, old)


def _cluster_ips(new: Doc, old: Doc) -> list[FieldError]:
    path, ips, before = "spec.clusterIPs", new.get("clusterIPs") or [], old.get("clusterIPs") or []
    if before and not ips:
        return [invalid(f"{path}[0]", ips, "primary clusterIP can not be unset")]
    compared = len(before) if len(ips) == len(before) else 1
    pairs = list(zip(ips, before, strict=False))[:compared]
    faults = [invalid(f"{path}[{i}]", ips, _UNCHANGEABLE) for i, (ip, was) in enumerate(pairs) if ip != was]
    return faults + _released_second(new, ips, before, "clusterIP")


def _families(new: Doc, old: Doc) -> list[FieldError]:
    """All changes are reported on the first family, as upstream does."""
    path, families, before = "spec.ipFamilies[0]", new.get("ipFamilies") or [], old.get("ipFamilies") or []
    if before and not families:
        return [invalid(path, families, "primary ipFamily can not be unset")]
    compared = len(before) if len(families) == len(before) else 1
    pairs = list(zip(families, before, strict=False))[:compared]
    faults = [invalid(path, families, _UNCHANGEABLE) for family, was in pairs if family != was]
    return faults + _released_second(new, families, before, "ipFamily")


def _released_second(new: Doc, values: list[str], before: list[str], noun: str) -> list[FieldError]:
    policy = new.get("ipFamilyPolicy")
    if len(values) != 1 or len(before) < 2 or policy == SINGLE_STACK:
        return []
    return [invalid("spec.ipFamilyPolicy", policy, f"must be set to 'SingleStack' when releasing the secondary {noun}")]


def _class(new: Doc, old: Doc) -> list[FieldError]:
    """A load balancer must not move from one controller to another."""
    name = new.get("loadBalancerClass")
    if is_load_balancer(new) and is_load_balancer(old) and name != old.get("loadBalancerClass"):
        return [invalid("spec.loadBalancerClass", name, _UNCHANGEABLE)]
    return []


def _health_check_port(new: Doc, old: Doc) -> list[FieldError]:
    if not (needs_health_check(new) and needs_health_check(old)):
        return []
    unchanged = new.get("healthCheckNodePort") == old.get("healthCheckNodePort")
    return [] if unchanged else [forbidden("spec.healthCheckNodePort", "field is immutable")]
