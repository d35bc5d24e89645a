"""Steers the parts of a lab for its tests: finds them, queries their progress, and begins faults."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from fairlead.drivers.kube.client import NODES as NODE_OBJECTS
from fairlead.drivers.kube.client import PODS, ResourcePath
from fairlead.lab import objects, parts
from fairlead.lab.connection import LabConnection
from fairlead.lab.parts import DNS_NAMESPACE, Asking, LabPart, answer, name_servers_of, proxies_of

_DNS_LABELS = "k8s-app=kube-dns"


def proxies(connection: LabConnection) -> list[LabPart]:
    """The proxies of the running nodes; in a lab without namespaces, one part for all of them."""
    return proxies_of(connection.lab, _ready(connection, NODE_OBJECTS, ""))


def name_servers(connection: LabConnection) -> list[LabPart]:
    """The parts that are ready."""
    return name_servers_of(_ready(connection, PODS, DNS_NAMESPACE, _DNS_LABELS))


def _ready(connection: LabConnection, resource: ResourcePath, namespace: str, labels: str = "") -> list[str]:
    found = connection.ask(lambda client, _: objects.items(client, resource, namespace, labels))
    return [
        str(each["metadata"]["name"])
        for each in found
        if objects.says_ready(each) and not each["metadata"].get("deletionTimestamp")
    ]


def _asking(connection: LabConnection) -> Asking:
    return Asking(connection.lab, connection.forker.make_socket)


def settle(connection: LabConnection, seconds: float) -> int:
    """Return when slices, names and every node's rules are at least as new as what the API has now; the version."""
    return parts.settle(
        _asking(connection),
        lambda: [*proxies(connection), *name_servers(connection)],
        seconds,
    )


@contextmanager
def fault(
    connection: LabConnection, parts: list[LabPart], document: Mapping[str, Any], seconds: float
) -> Iterator[None]:
    """Make the parts misbehave until the context or this program ends."""
    asking = _asking(connection)
    held = [(part, asking.ask(part, {"op": "fault", **document})) for part in parts]
    try:
        for part, made in held:
            answer(part, made, seconds)
        yield
    finally:
        for _, made in held:
            made.close()
