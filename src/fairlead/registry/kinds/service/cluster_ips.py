"""The cluster IPs of a Service: do they make sense, and which does it get.

Upstream: ``ValidateServiceClusterIPsRelatedFields`` in pkg/apis/core/validation, ``allocClusterIPs`` and
``updateClusterIPs`` in pkg/registry/core/service/storage/alloc.go.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from fairlead.allocation.bands import RangeFull
from fairlead.allocation.cluster_ips import AddressRefused, base_address, check_free, check_in_range, choose_address
from fairlead.model.addresses import family_of, parse_ip
from fairlead.model.objects import CLUSTER_IP_NONE
from fairlead.registry.field_errors import FieldError, duplicate, invalid, not_supported, required
from fairlead.registry.kinds.rules import ip_errors
from fairlead.registry.kinds.service.facts import (
    PREFER_DUAL_STACK,
    REQUIRE_DUAL_STACK,
    SINGLE_STACK,
    is_external_name,
    is_headless,
)
from fairlead.registry.status import internal_error
from fairlead.registry.status import invalid as invalid_object
from fairlead.registry.strategy import Context, Doc

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
    for index, family in enumerate(families):
        path = f"spec.ipFamilies[{index}]"
        if family not in _FAMILIES:
            faults.append(not_supported(path, family, _FAMILIES))
        if family in families[:index]:
            faults.append(duplicate(path, family))
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


class Exchange(NamedTuple):
    """The addresses that a write takes and those that it gives back."""

    taken: tuple[str, ...] = ()
    freed: tuple[str, ...] = ()


def exchange_cluster_ips(service: Doc, old: Doc | None, context: Context) -> Exchange:
    """Give the Service the addresses that it lacks, and find those that it needs no more.

    Raises:
        ApiError: 422, an address that the user asked for cannot be had; 500, the range is full.
    """
    spec = service["spec"]
    if old is None or is_external_name(old):
        return Exchange(taken=_fill(service, context))
    if is_headless(old):
        return Exchange()
    before = held_cluster_ips(old)
    if is_external_name(spec):
        return Exchange(freed=before)
    wanted, had = len(spec["ipFamilies"]), len(old["ipFamilies"])
    if wanted > had:
        return Exchange(taken=_fill(service, context, already=had))
    return Exchange(freed=before[1:]) if wanted < had else Exchange()


def held_cluster_ips(spec: Doc) -> tuple[str, ...]:
    """The addresses that a stored Service holds, in canonical text."""
    if is_external_name(spec) or is_headless(spec):
        return ()
    return _canonical(spec.get("clusterIPs") or ())


def _canonical(ips: Iterable[str]) -> tuple[str, ...]:
    return tuple(str(parse_ip(ip)) for ip in ips)


def _fill(service: Doc, context: Context, already: int = 0) -> tuple[str, ...]:
    """Give the Service one address for each family; the first ``already`` of them it has."""
    spec = service["spec"]
    if is_external_name(spec) or is_headless(spec):
        return ()
    cidrs = dict(zip(context.cluster.families, context.cluster.service_cidrs, strict=True))
    cluster_ips = list(spec.get("clusterIPs") or ())
    for index, family in enumerate(spec["ipFamilies"][already:], start=already):
        if index < len(cluster_ips):
            _take(service, cidrs[family], cluster_ips[index], context)
        else:
            cluster_ips.append(_take_any(service, cidrs[family], context))
    spec["clusterIP"], spec["clusterIPs"] = cluster_ips[0], cluster_ips
    return _canonical(cluster_ips[already:])


def _take(service: Doc, cidr: str, ip: str, context: Context) -> None:
    try:
        if context.dry_run:
            check_in_range(cidr, ip)
        else:
            check_free(cidr, ip, _is_taken(context))
    except AddressRefused as refusal:
        detail = f"failed to allocate IP {ip}: {refusal}"
        fault = invalid(_PATH, service["spec"].get("clusterIPs"), detail)
        raise invalid_object("Service", service["metadata"]["name"], [fault]) from None


def _take_any(service: Doc, cidr: str, context: Context) -> str:
    if context.dry_run:
        return base_address(cidr)
    try:
        return choose_address(cidr, _is_taken(context), context.choose)
    except RangeFull as full:
        name = service["metadata"]["name"]
        raise internal_error(f'failed to allocate a serviceIP for Service "{name}": {full}') from None


def _is_taken(context: Context) -> Callable[[str], bool]:
    return lambda ip: context.allocations.ip_owner(ip) is not None
