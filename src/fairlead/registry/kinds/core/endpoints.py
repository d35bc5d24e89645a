"""Endpoints, the older form of EndpointSlices. Upstream: pkg/registry/core/endpoint, ``ValidateEndpoints``."""

from collections.abc import Iterator
from typing import Any

from fairlead.model.document import Doc
from fairlead.model.names import dns1123_label_errors, dns1123_subdomain_errors
from fairlead.registry.field_errors import FieldError, invalid, required
from fairlead.registry.kinds.cells import AGE, NAME, NONE, age, host_port, name, some
from fairlead.registry.kinds.value_rules import PROTOCOLS, ip_errors, one_of, port_errors, special_ip_errors
from fairlead.registry.object_meta import qualified_name_errors
from fairlead.registry.strategy import Column, Context, Strategy

_ADDRESS_LISTS = ("addresses", "notReadyAddresses")


def default(endpoints: Doc) -> None:
    """Fill in missing fields."""
    for subset in endpoints.get("subsets") or ():
        for port in subset.get("ports") or ():
            port.setdefault("protocol", "TCP")


def validate_create(endpoints: Doc, context: Context) -> list[FieldError]:
    """The faults of Endpoints."""
    subsets = enumerate(endpoints.get("subsets") or ())
    return [fault for index, subset in subsets for fault in _subset(f"subsets[{index}]", subset)]


def validate_update(endpoints: Doc, old: Doc, context: Context) -> list[FieldError]:
    """The faults of changed Endpoints; all of it may change."""
    return validate_create(endpoints, context)


def _subset(path: str, subset: Doc) -> Iterator[FieldError]:
    if not any(subset.get(field) for field in _ADDRESS_LISTS):
        yield required(path, "must specify `addresses` or `notReadyAddresses`")
    for field in _ADDRESS_LISTS:
        for index, address in enumerate(subset.get(field) or ()):
            yield from _address(f"{path}.{field}[{index}]", address)
    ports = subset.get("ports") or []
    for index, port in enumerate(ports):
        yield from _port(f"{path}.ports[{index}]", port, needs_name=len(ports) > 1)


def _address(path: str, address: Doc) -> Iterator[FieldError]:
    ip, hostname, node_name = address.get("ip", ""), address.get("hostname"), address.get("nodeName")
    yield from [invalid(f"{path}.ip", ip, d) for d in ip_errors(ip)] or special_ip_errors(f"{path}.ip", ip)
    if hostname:
        yield from (invalid(f"{path}.hostname", hostname, d) for d in dns1123_label_errors(hostname))
    if node_name is not None:
        yield from (invalid(f"{path}.nodeName", node_name, d) for d in dns1123_subdomain_errors(node_name))


def _port(path: str, port: Doc, *, needs_name: bool) -> Iterator[FieldError]:
    port_name, number, app_protocol = port.get("name", ""), port.get("port", 0), port.get("appProtocol")
    if needs_name and not port_name:
        yield required(f"{path}.name")
    elif port_name:
        yield from (invalid(f"{path}.name", port_name, detail) for detail in dns1123_label_errors(port_name))
    yield from (invalid(f"{path}.port", number, detail) for detail in port_errors(number))
    yield from one_of(f"{path}.protocol", port["protocol"], PROTOCOLS)
    if app_protocol is not None:
        yield from (invalid(f"{path}.appProtocol", app_protocol, d) for d in qualified_name_errors(app_protocol))


def row(endpoints: Doc, now: str) -> list[Any]:
    """The cells of one Endpoints; only the ready addresses are shown."""
    subsets = endpoints.get("subsets") or []
    shown = [text for subset in subsets for text in _addresses_and_ports(subset)]
    return [name(endpoints), some(shown, empty="" if subsets else NONE), age(endpoints, now)]


def _addresses_and_ports(subset: Doc) -> Iterator[str]:
    """A headless Service may have no ports; its addresses stand alone."""
    addresses = [address["ip"] for address in subset.get("addresses") or ()]
    ports = subset.get("ports")
    if not ports:
        yield from addresses
    for port in ports or ():
        yield from (host_port(ip, port["port"]) for ip in addresses)


STRATEGY = Strategy(
    default=default,
    validate_create=validate_create,
    validate_update=validate_update,
    columns=(NAME, Column("Endpoints"), AGE),
    row=row,
)
