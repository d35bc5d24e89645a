"""Steers the parts of a lab for its tests: finds them, asks how far they are, and begins faults."""

import json
import socket
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, NamedTuple

from fairlead.app.lab.steered_parts import (
    API_SERVER,
    CONTROLLERS,
    NAME_SERVER,
    NODE_AGENT,
    NODE_PROXY,
)
from fairlead.app.node.loopback import steered_name
from fairlead.drivers.kube.client import NODES as NODE_OBJECTS
from fairlead.drivers.kube.client import PODS, Resource
from fairlead.drivers.steering.faults import Steering
from fairlead.lab import objects
from fairlead.lab.connection import SWITCH, Connection
from fairlead.lab.errors import LabError, NotReady

_DNS = ("kube-system", "k8s-app=kube-dns")
_ASK_AGAIN = 0.25  # seconds; a watch that was being opened has not heard


class Part(NamedTuple):
    """A process of the lab.

    Attributes:
        place: where it is, as ``Connection.enter`` has it.
    """

    name: str
    place: str
    namespace: str = ""

    def __str__(self) -> str:
        return f"the {self.name} in {self.place}"


API, SLICES = Part(API_SERVER, SWITCH), Part(CONTROLLERS, SWITCH)


def agent(node: str) -> Part:
    """That of a node."""
    return Part(NODE_AGENT, f"node/{node}")


def _name(connection: Connection, part: Part) -> str:
    """What a part is called where it is, or on this machine in a lab without namespaces."""
    number = connection.lab.loopback
    if number is None:
        return part.name
    place = f"{part.namespace}/{part.place}" if part.namespace else part.place.removeprefix("node/")
    return steered_name(number, place, part.name)


def proxies(connection: Connection) -> list[Part]:
    """Those of the nodes that run; one for all of them in a lab without namespaces."""
    if connection.lab.loopback is not None:
        return [Part(NODE_PROXY, SWITCH)]
    return [Part(NODE_PROXY, f"node/{name}") for name in _ready(connection, NODE_OBJECTS, "")]


def name_servers(connection: Connection) -> list[Part]:
    """Those that are ready."""
    namespace, labels = _DNS
    return [Part(NAME_SERVER, name, namespace) for name in _ready(connection, PODS, namespace, labels)]


def _ready(connection: Connection, resource: Resource, namespace: str, labels: str = "") -> list[str]:
    found = connection.ask(lambda client, _: objects.items(client, resource, namespace, labels))
    return [
        str(each["metadata"]["name"])
        for each in found
        for condition in (each.get("status") or {}).get("conditions") or ()
        if condition["type"] == "Ready" and condition["status"] == "True"
        and not each["metadata"].get("deletionTimestamp")
    ]  # fmt: skip


def request(connection: Connection, part: Part, document: Mapping[str, Any]) -> socket.socket:
    """A connection with the part, at which something has been asked for; raises LabError when it is not there."""
    try:
        with connection.enter_network(part.namespace, part.place) as entry:
            made = connection.forker.make_socket(
                entry.place, {"op": "connect-abstract", "name": Steering.of(_name(connection, part)).name}
            )
    except OSError as error:
        raise LabError(f"{part} does not answer: {error.strerror}") from error
    made.sendall(json.dumps(document).encode() + b"\n")
    return made


def answer(part: Part, made: socket.socket, seconds: float) -> Mapping[str, Any]:
    """What a part answers.

    Raises:
        LabError: it has ended. NotReady: it has not answered within so many seconds.
    """
    made.settimeout(max(seconds, 0.001))
    try:
        line = made.makefile("rb").readline()
    except TimeoutError:
        raise NotReady(f"not settled after {seconds:.0f} s", [str(part)]) from None
    except OSError as error:
        raise LabError(f"{part} has ended: {error.strerror}") from error
    document: dict[str, Any] = json.loads(line or b'{"error": "it has ended"}')
    if "error" in document:
        raise LabError(f"{part}: {document['error']}")
    return document


def settle(connection: Connection, seconds: float) -> int:
    """Return when slices, names and every node's rules are at least as new as what the API has now; the version."""
    deadline = time.monotonic() + seconds
    _follow(connection, [SLICES], deadline)
    return _follow(connection, [*proxies(connection), *name_servers(connection)], deadline)


def _follow(connection: Connection, parts: list[Part], deadline: float) -> int:
    """Wait until the parts are where the API is now."""
    version = _remind(connection, deadline)
    asked = [(part, request(connection, part, {"op": "reached", "version": version})) for part in parts]
    with ThreadPoolExecutor(max(len(parts), 1), "fairlead settled") as pool:
        waiting = [pool.submit(_await, connection, part, made, deadline) for part, made in asked]
        for each in waiting:
            each.result()
    return version


def _remind(connection: Connection, deadline: float) -> int:
    """Have the API server tell every watcher how far it is."""
    with request(connection, API, {"op": "reached", "version": 0}) as made:
        return int(answer(API, made, deadline - time.monotonic())["version"])


def _await(connection: Connection, part: Part, made: socket.socket, deadline: float) -> None:
    with made:
        while True:
            left = deadline - time.monotonic()
            try:
                answer(part, made, min(_ASK_AGAIN, left))
            except NotReady:
                if left <= _ASK_AGAIN:
                    raise
                _remind(connection, deadline)
            else:
                return


@contextmanager
def fault(connection: Connection, parts: list[Part], document: Mapping[str, Any], seconds: float) -> Iterator[None]:
    """Have the parts misbehave meanwhile; they stop when this ends, or this program does."""
    held = [(part, request(connection, part, {"op": "fault", **document})) for part in parts]
    try:
        for part, made in held:
            answer(part, made, seconds)
        yield
    finally:
        for _, made in held:
            made.close()
