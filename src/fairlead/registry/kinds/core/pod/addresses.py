"""The addresses that a node agent reports of a Pod and its host: probes, proxies and rules connect to them.

Upstream: ``validatePodIPs`` and ``validateHostIPs`` in pkg/apis/core/validation; beyond it, an address must be one
host's (``model.addresses.is_one_hosts``), since a Pod's status can be written by who cannot reach what it names.
"""

from fairlead.model.addresses import family_of
from fairlead.model.document import Doc
from fairlead.registry.field_errors import FieldError, invalid
from fairlead.registry.kinds.value_rules import host_ip_errors

_FIELDS = (("podIP", "podIPs"), ("hostIP", "hostIPs"))


def validate_addresses(pod: Doc, old: Doc) -> list[FieldError]:
    """The faults of addresses that have changed."""
    new_status, old_status = pod.get("status") or {}, old.get("status") or {}
    return [
        fault
        for one, many in _FIELDS
        if any(new_status.get(field) != old_status.get(field) for field in (one, many))
        for fault in _validate(new_status, one, many)
    ]


def _validate(status: Doc, one: str, many: str) -> list[FieldError]:
    first, path = status.get(one) or "", f"status.{many}"
    addresses = [entry.get("ip", "") for entry in status.get(many) or ()]
    faults = [fault for i, address in enumerate(addresses) for fault in host_ip_errors(f"{path}[{i}]", address)]
    if first and not addresses:
        faults += host_ip_errors(f"status.{one}", first)
    if addresses and first and first != addresses[0]:
        faults.append(invalid(f"{path}[0].ip", addresses[0], f"must be equal to `{one}`"))
    if not faults and len({family_of(address) for address in addresses}) < len(addresses):
        faults.append(invalid(path, addresses, "may specify no more than one IP for each IP family"))
    return faults
