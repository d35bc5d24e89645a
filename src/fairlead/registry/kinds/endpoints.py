"""Endpoints, the older form of EndpointSlices. Upstream: pkg/registry/core/endpoint, ``printEndpoints``."""

from collections.abc import Iterator
from typing import Any

from fairlead.registry.kinds.cells import AGE, NAME, NONE, age, host_port, name, some
from fairlead.registry.strategy import Column, Doc, Strategy


def row(endpoints: Doc, now: str) -> list[Any]:
    """The cells of one Endpoints; only the ready addresses are shown."""
    subsets = endpoints.get("subsets") or []
    shown = [text for subset in subsets for text in _subset(subset)]
    return [name(endpoints), some(shown, empty="" if subsets else NONE), age(endpoints, now)]


def _subset(subset: Doc) -> Iterator[str]:
    """A headless Service may have no ports; its addresses stand alone."""
    addresses = [address["ip"] for address in subset.get("addresses") or ()]
    ports = subset.get("ports")
    if not ports:
        yield from addresses
    for port in ports or ():
        yield from (host_port(ip, port["port"]) for ip in addresses)


STRATEGY = Strategy(columns=(NAME, Column("Endpoints"), AGE), row=row)
