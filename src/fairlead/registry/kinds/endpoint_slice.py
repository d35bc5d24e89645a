"""EndpointSlices. Upstream: pkg/registry/discovery/endpointslice, pkg/apis/discovery/validation."""

from typing import Any

from fairlead.registry.kinds.cells import AGE, NAME, UNSET, age, name, some
from fairlead.registry.strategy import Column, Doc, Strategy


def row(endpoint_slice: Doc, now: str) -> list[Any]:
    """The cells of one EndpointSlice."""
    ports = [_port(port) for port in endpoint_slice.get("ports") or ()]
    addresses = [a for endpoint in endpoint_slice.get("endpoints") or () for a in endpoint.get("addresses") or ()]
    return [
        name(endpoint_slice),
        endpoint_slice.get("addressType", ""),
        some(ports, empty=UNSET),
        some(addresses, empty=UNSET),
        age(endpoint_slice, now),
    ]


def _port(port: Doc) -> str:
    return str(port.get("port", "*"))


STRATEGY = Strategy(
    columns=(NAME, Column("AddressType"), Column("Ports"), Column("Endpoints"), AGE),
    row=row,
)
