"""EndpointSlices. Upstream: pkg/registry/discovery/endpointslice, pkg/apis/discovery/validation."""

from typing import Any

from fairlead.model.addresses import family_of
from fairlead.model.document import Doc
from fairlead.model.names import dns1123_label_errors, dns1123_subdomain_errors
from fairlead.registry.field_errors import FieldError, duplicate, invalid, not_supported, required, too_many
from fairlead.registry.kinds.cells import AGE, NAME, UNSET, age, name, some
from fairlead.registry.kinds.value_rules import PROTOCOLS, ip_errors, one_of, port_errors, special_ip_errors
from fairlead.registry.object_meta import qualified_name_errors
from fairlead.registry.strategy import Column, Context, Strategy

MAX_ENDPOINTS = 1000
MAX_ADDRESSES = 100
MAX_PORTS = 20000
MAX_HINTS = 8

_ADDRESS_TYPES = ("FQDN", "IPv4", "IPv6")
_HINTS = ("forZones", "forNodes")


def default(endpoint_slice: Doc) -> None:
    """Fill in missing fields. The lists are always there, since some clients cannot read a slice without them."""
    endpoint_slice["ports"] = endpoint_slice.get("ports") or []
    endpoint_slice["endpoints"] = endpoint_slice.get("endpoints") or []
    for port in endpoint_slice["ports"]:
        port.setdefault("name", "")
        port.setdefault("protocol", "TCP")
    for endpoint in endpoint_slice["endpoints"]:
        endpoint.setdefault("conditions", {})
        endpoint.pop("deprecatedTopology", None)  # from older versions of the API, not writable in this one


def bumps_generation(new: Doc, old: Doc) -> bool:
    """Whether consumers need the change: the slice or its labels changed; annotations do not count."""
    changed = any(new.get(field) != old.get(field) for field in ("endpoints", "ports", "addressType"))
    return changed or new["metadata"].get("labels") != old["metadata"].get("labels")


def validate_create(endpoint_slice: Doc, context: Context) -> list[FieldError]:
    """The faults of a new slice."""
    address_type = endpoint_slice.get("addressType", "")
    return (
        _address_type(address_type)
        + _ports(endpoint_slice["ports"])
        + _endpoints(endpoint_slice["endpoints"], address_type)
    )


def validate_update(endpoint_slice: Doc, old: Doc, context: Context) -> list[FieldError]:
    """The faults of a changed slice: its family must not change."""
    faults = validate_create(endpoint_slice, context)
    address_type = endpoint_slice.get("addressType", "")
    if address_type != old.get("addressType", ""):
        faults.append(invalid("addressType", address_type, "field is immutable"))
    return faults


def _address_type(address_type: str) -> list[FieldError]:
    if not address_type:
        return [required("addressType")]
    return one_of("addressType", address_type, _ADDRESS_TYPES)


def _ports(ports: list[Doc]) -> list[FieldError]:
    if len(ports) > MAX_PORTS:
        return [too_many("ports", len(ports), MAX_PORTS)]
    names: set[str] = set()
    return [fault for index, port in enumerate(ports) for fault in _port(f"ports[{index}]", port, names)]


def _port(path: str, port: Doc, names: set[str]) -> list[FieldError]:
    port_name, number, protocol = port["name"], port.get("port"), port["protocol"]
    faults = [invalid(f"{path}.name", port_name, d) for d in dns1123_label_errors(port_name)] if port_name else []
    if port_name in names:
        faults.append(duplicate(f"{path}.name", port_name))
    names.add(port_name)
    if number is not None:
        faults += [invalid(f"{path}.port", number, detail) for detail in port_errors(number)]
    if protocol not in PROTOCOLS:
        faults.append(not_supported(f"{path}.protocol", protocol, PROTOCOLS))
    if (app_protocol := port.get("appProtocol")) is not None:
        faults += [invalid(f"{path}.appProtocol", app_protocol, d) for d in qualified_name_errors(app_protocol)]
    return faults


def _endpoints(endpoints: list[Doc], address_type: str) -> list[FieldError]:
    if len(endpoints) > MAX_ENDPOINTS:
        return [too_many("endpoints", len(endpoints), MAX_ENDPOINTS)]
    faults: list[FieldError] = []
    for index, endpoint in enumerate(endpoints):
        path = f"endpoints[{index}]"
        faults += _addresses(f"{path}.addresses", endpoint.get("addresses") or [], address_type)
        faults += _place(path, endpoint)
        for field in _HINTS:
            faults += _hints(f"{path}.hints.{field}", (endpoint.get("hints") or {}).get(field) or [])
    return faults


def _addresses(path: str, addresses: list[str], address_type: str) -> list[FieldError]:
    faults = []
    if not addresses:
        faults = [required(path, "must contain at least 1 address")]
    elif len(addresses) > MAX_ADDRESSES:
        faults = [too_many(path, len(addresses), MAX_ADDRESSES)]
    for index, address in enumerate(addresses):
        faults += _address(f"{path}[{index}]", address, address_type)
    return faults


def _address(path: str, address: str, address_type: str) -> list[FieldError]:
    if address_type == "FQDN":
        return [invalid(path, address, detail) for detail in _domain_errors(address)]
    if address_type not in _ADDRESS_TYPES:
        return []
    if ip_errors(address) or family_of(address) != address_type:
        return [invalid(path, address, f"must be a valid {address_type} address")]
    return special_ip_errors(path, address)


def _domain_errors(text: str) -> list[str]:
    domain = text.removesuffix(".")
    if errors := dns1123_subdomain_errors(domain):
        return errors
    return [] if "." in domain else ["should be a domain with at least two segments separated by dots"]


def _place(path: str, endpoint: Doc) -> list[FieldError]:
    rules = {"nodeName": dns1123_subdomain_errors, "hostname": dns1123_label_errors}
    return [
        invalid(f"{path}.{field}", endpoint[field], detail)
        for field, errors in rules.items()
        if endpoint.get(field) is not None
        for detail in errors(endpoint[field])
    ]


def _hints(path: str, hints: list[Doc]) -> list[FieldError]:
    if len(hints) > MAX_HINTS:
        return [too_many(path, len(hints), MAX_HINTS)]
    names = [hint.get("name", "") for hint in hints]
    repeated = [(index, hint) for index, hint in enumerate(names) if hint in names[:index]]
    return [duplicate(f"{path}[{index}].name", hint) for index, hint in repeated]


def row(endpoint_slice: Doc, now: str) -> list[Any]:
    """The cells of one EndpointSlice."""
    ports = [str(port.get("port", port.get("name", "*"))) for port in endpoint_slice.get("ports") or ()]
    addresses = [a for endpoint in endpoint_slice.get("endpoints") or () for a in endpoint.get("addresses") or ()]
    return [
        name(endpoint_slice),
        endpoint_slice.get("addressType", ""),
        some(ports, empty=UNSET),
        some(addresses, empty=UNSET),
        age(endpoint_slice, now),
    ]


STRATEGY = Strategy(
    default=default,
    validate_create=validate_create,
    validate_update=validate_update,
    bumps_generation=bumps_generation,
    columns=(NAME, Column("AddressType"), Column("Ports"), Column("Endpoints"), AGE),
    row=row,
)
