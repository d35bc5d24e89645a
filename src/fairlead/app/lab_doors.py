"""The ports of Services that the world outside can reach, and the table of those that answer on this machine too."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from fairlead.app.lab_host import LOOPBACK
from fairlead.dataplane.announcing import announced_addresses
from fairlead.drivers.lab_addresses import IPV4_ONLY
from fairlead.model.addresses import IPFamily, family_of
from fairlead.model.names import ObjectKey
from fairlead.model.objects import Service

_PROTOCOLS = ("TCP", "UDP")
_REFUSED = "taken by another"


class Door(NamedTuple):
    """A port of a Service that the world outside can reach over IPv4.

    Attributes:
        address: the load balancer's; empty for a node port, which answers on nodes.
    """

    service: ObjectKey
    protocol: str
    port: int
    address: str = ""

    @property
    def outside(self) -> str:
        """Where it answers there, as people write it."""
        return f"{self.address or 'nodes'}:{self.port}/{self.protocol}"


def doors_of(service: Service) -> list[Door]:
    """Every door of a Service that can be published."""
    ports = [port for port in service.spec.ports if port.protocol in _PROTOCOLS]
    addresses = [ip for ip in announced_addresses(service) if family_of(ip) == IPFamily.IPV4]
    has_node_ports = IPFamily.IPV4 in (service.spec.ip_families or IPV4_ONLY)
    nodes = [Door(service.key, port.protocol, port.node_port) for port in ports if port.node_port and has_node_ports]
    return nodes + [Door(service.key, port.protocol, port.port, ip) for ip in addresses for port in ports]


def write_published(path: Path, ports: Mapping[Door, int]) -> None:
    """Tell which port of loopback each door answers on, 0 for one that is not to be had."""
    draft = path.with_suffix(".new")
    draft.write_text(json.dumps([[*door, port] for door, port in ports.items()]))
    draft.rename(path)


def read_published(path: Path) -> dict[Door, str]:
    """Where each door answers on this machine, in words; nothing when nothing is published."""
    try:
        rows = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    return {
        Door(ObjectKey(*service), protocol, port, address): f"{LOOPBACK}:{here}" if here else _REFUSED
        for service, protocol, port, address, here in rows
    }
