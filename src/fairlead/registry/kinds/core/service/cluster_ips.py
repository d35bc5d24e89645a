"""The cluster IPs that a write to a Service allocates and releases.

Upstream: ``allocClusterIPs`` and ``updateClusterIPs`` in pkg/registry/core/service/storage/alloc.go.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from fairlead.allocation.bands import RangeFull
from fairlead.allocation.cluster_ips import AddressRefused, base_address, check_free, check_in_range, choose_address
from fairlead.model.addresses import parse_ip
from fairlead.model.document import Doc
from fairlead.registry.field_errors import invalid
from fairlead.registry.kinds.core.service.facts import is_external_name, is_headless, name_of
from fairlead.registry.kinds.networking.service_cidr import ranges_of
from fairlead.registry.status import internal_error
from fairlead.registry.status import invalid as invalid_object
from fairlead.registry.strategy import Context


class IPExchange(NamedTuple):
    """The addresses that a write allocates and releases."""

    taken: tuple[str, ...] = ()
    freed: tuple[str, ...] = ()


def exchange_cluster_ips(service: Doc, old: Doc | None, context: Context) -> IPExchange:
    """Allocate missing addresses of the Service, and find those to release.

    Raises:
        ApiError: 422, a requested address is unavailable; 500, the range is full.
    """
    spec = service["spec"]
    if old is None or is_external_name(old):
        return IPExchange(taken=_fill(service, context))
    if is_headless(old):
        return IPExchange()
    before = held_cluster_ips(old)
    if is_external_name(spec):
        return IPExchange(freed=before)
    wanted, had = len(spec["ipFamilies"]), len(old["ipFamilies"])
    if wanted > had:
        return IPExchange(taken=_fill(service, context, already=had))
    return IPExchange(freed=before[1:]) if wanted < had else IPExchange()


def held_cluster_ips(spec: Doc) -> tuple[str, ...]:
    """The addresses that a stored Service holds, in canonical text."""
    if is_external_name(spec) or is_headless(spec):
        return ()
    return _canonical(spec.get("clusterIPs") or ())


def _canonical(ips: Iterable[str]) -> tuple[str, ...]:
    return tuple(str(parse_ip(ip)) for ip in ips)


def _fill(service: Doc, context: Context, already: int = 0) -> tuple[str, ...]:
    """Allocate one address for each family; the first ``already`` of them exist."""
    spec = service["spec"]
    if is_external_name(spec) or is_headless(spec):
        return ()
    cluster_ips = list(spec.get("clusterIPs") or ())
    for index, family in enumerate(spec["ipFamilies"][already:], start=already):
        ranges = ranges_of(family, context.state)
        if index < len(cluster_ips):
            _take(service, ranges, cluster_ips[index], context)
        else:
            cluster_ips.append(_take_any(service, ranges, context))
    spec["clusterIP"], spec["clusterIPs"] = cluster_ips[0], cluster_ips
    return _canonical(cluster_ips[already:])


def _take(service: Doc, ranges: Sequence[str], ip: str, context: Context) -> None:
    try:
        if context.dry_run:
            check_in_range(ranges, ip)
        else:
            check_free(ranges, ip, _is_taken(context))
    except AddressRefused as refusal:
        detail = f"failed to allocate IP {ip}: {refusal}"
        fault = invalid("spec.clusterIPs", service["spec"].get("clusterIPs"), detail)
        raise invalid_object("Service", name_of(service), [fault]) from None


def _take_any(service: Doc, ranges: Sequence[str], context: Context) -> str:
    if context.dry_run and ranges:
        return base_address(ranges[0])
    try:
        return choose_address(ranges, _is_taken(context), context.choose)
    except RangeFull as full:
        reason = f'failed to allocate a serviceIP for Service "{name_of(service)}": {full}'
        raise internal_error(reason) from None


def _is_taken(context: Context) -> Callable[[str], bool]:
    return lambda ip: context.state.ip_owner(ip) is not None
