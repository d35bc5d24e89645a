"""Validation of a Service's cluster IPs, families and family policy: well-formed and consistent. Allocation checks this
first, and validation again when all is filled in. Upstream: ``ValidateServiceClusterIPsRelatedFields`` in
pkg/apis/core/validation/validation.go.
"""

from fairlead.model.addresses import family_of
from fairlead.model.document import Doc
from fairlead.model.objects import CLUSTER_IP_NONE
from fairlead.registry.field_errors import FieldError, duplicate, invalid, not_supported, required
from fairlead.registry.kinds.core.service.facts import (
    PREFER_DUAL_STACK,
    REQUIRE_DUAL_STACK,
    SINGLE_STACK,
    is_external_name,
    is_headless,
)
from fairlead.registry.kinds.value_rules import ip_errors

_PATH = "spec.clusterIPs"
_FAMILIES = ("IPv4", "IPv6")
_POLICIES = (SINGLE_STACK, PREFER_DUAL_STACK, REQUIRE_DUAL_STACK)


def validate_cluster_ips(spec: Doc) -> list[FieldError]:
    """Whether clusterIP, clusterIPs, ipFamilies and ipFamilyPolicy are well-formed and agree with one another."""
    if is_external_name(spec):
        return []
    broken = _each_ip(spec)
    faults = _both_spellings(spec) + _families(spec) + _policy(spec) + broken + _count(spec)
    return faults if broken else faults + _one_per_family(spec) + _as_indicated(spec)


def _both_spellings(spec: Doc) -> list[FieldError]:
    cluster_ip, cluster_ips = spec.get("clusterIP"), spec.get("clusterIPs") or []
    if not cluster_ip:
        return [invalid(_PATH, cluster_ips, "must be empty when `clusterIP` is not specified")] if cluster_ips else []
    if not cluster_ips:
        return [required(_PATH)]
    return [] if cluster_ips[0] == cluster_ip else [invalid(_PATH, cluster_ips, "first value must match `clusterIP`")]


def _families(spec: Doc) -> list[FieldError]:
    families = spec.get("ipFamilies") or []
    faults = []
    seen: set[str] = set()
    for index, family in enumerate(families):
        path = f"spec.ipFamilies[{index}]"
        if family not in _FAMILIES:
            faults.append(not_supported(path, family, _FAMILIES))
        if family in seen:
            faults.append(duplicate(path, family))
        seen.add(family)
    return faults


def _policy(spec: Doc) -> list[FieldError]:
    policy = spec.get("ipFamilyPolicy")
    wrong = policy is not None and policy not in _POLICIES
    return [not_supported("spec.ipFamilyPolicy", policy, _POLICIES)] if wrong else []


def _each_ip(spec: Doc) -> list[FieldError]:
    cluster_ips = spec.get("clusterIPs") or []
    faults: list[FieldError] = []
    for index, ip in enumerate(cluster_ips):
        if index == 0 and ip == CLUSTER_IP_NONE:
            if len(cluster_ips) > 1:
                faults.append(invalid(_PATH, cluster_ips, "'None' must be the first and only value"))
            continue
        faults += [invalid(f"{_PATH}[{index}]", ip, detail) for detail in ip_errors(ip)]
    return faults


def _count(spec: Doc) -> list[FieldError]:
    cluster_ips = spec.get("clusterIPs") or []
    return [invalid(_PATH, cluster_ips, "may only hold up to 2 values")] if len(cluster_ips) > 2 else []


def _one_per_family(spec: Doc) -> list[FieldError]:
    cluster_ips = spec.get("clusterIPs") or []
    if len(cluster_ips) > 1 and len({family_of(ip) for ip in cluster_ips}) < len(cluster_ips):
        return [invalid(_PATH, cluster_ips, "may specify no more than one IP for each IP family")]
    return []


def _as_indicated(spec: Doc) -> list[FieldError]:
    if is_headless(spec):
        return []
    pairs = zip(spec.get("clusterIPs") or (), spec.get("ipFamilies") or (), strict=False)
    return [
        invalid(f"{_PATH}[{index}]", ip, f"expected an {family} value as indicated by `ipFamilies[{index}]`")
        for index, (ip, family) in enumerate(pairs)
        if family in _FAMILIES and family_of(ip) != family
    ]
