"""The ports of Services that are reachable from outside, and the table of those that also answer on this machine."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from fairlead.app.lab.listeners import LOOPBACK
from fairlead.dataplane.announcing import announced_addresses
from fairlead.labnet.addresses import IPV4_ONLY
from fairlead.model.addresses import IPFamily, family_of
from fairlead.model.names import ObjectKey
from fairlead.model.objects import Service

_PROTOCOLS = ("TCP", "UDP")
_REFUSED = "taken by another"


class Door(NamedTuple):
    """A port of a Service that is reachable from outside.

    Attributes:
        address: the load balancer's; empty for a node port, which answers on nodes.
    """

    service: ObjectKey
    protocol: str
    port: int
    address: str = ""

    @property
    def outside(self) -> str:
        """The outside address and port, as text."""
        host = f"[{self.address}]" if ":" in self.address else self.address or "nodes"
        return f"{host}:{self.port}/{self.protocol}"


def doors_of(service: Service) -> list[Door]:
    """Every door of a Service."""
    ports = service.spec.ports
    nodes = [Door(service.key, port.protocol, port.node_port) for port in ports if port.node_port]
    addresses = announced_addresses(service)
    return nodes + [Door(service.key, port.protocol, port.port, ip) for ip in addresses for port in ports]


def published_doors(service: Service) -> list[Door]:
    """The doors that can also be opened on this machine: TCP and UDP over IPv4."""
    has_node_ports = IPFamily.IPV4 in (service.spec.ip_families or IPV4_ONLY)

    def is_passed_on(door: Door) -> bool:
        over_ipv4 = family_of(door.address) == IPFamily.IPV4 if door.address else has_node_ports
        return over_ipv4 and door.protocol in _PROTOCOLS

    return list(filter(is_passed_on, doors_of(service)))


def write_published(path: Path, ports: Mapping[Door, int]) -> None:
    """Tell which port of loopback each door answers on, 0 for one that could not be bound."""
    draft = path.with_suffix(".new")
    draft.write_text(json.dumps([[*door, port] for door, port in ports.items()]))
    draft.rename(path)


def read_published(path: Path) -> dict[Door, str]:
    """The address of each door on this machine, as text; empty if nothing is published."""
    try:
        rows = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    return {
        Door(ObjectKey(*service), protocol, port, address): f"{LOOPBACK}:{here}" if here else _REFUSED
        for service, protocol, port, address, here in rows
    }
