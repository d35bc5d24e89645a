"""Queries to the parts of a lab: each reports its progress at its socket (``drivers.steering.part_socket``).

``fairlead up --wait`` uses this while everything starts, so nothing here imports the API client.
"""

import json
import select
import socket
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from fairlead.app.lab.steered_parts import API_SERVER, CONTROLLERS, NAME_SERVER, NODE_AGENT, NODE_PROXY
from fairlead.drivers.lab.enter import Place
from fairlead.drivers.lab.running_labs import RunningLab
from fairlead.drivers.steering.faults import Steering, steered_name
from fairlead.lab.errors import LabError, NotReady
from fairlead.lab.places import SWITCH, enter_network

DNS_NAMESPACE = "kube-system"
_ASK_AGAIN = 0.25  # seconds; a watch that was being opened has not heard


class LabPart(NamedTuple):
    """A process of the lab.

    Attributes:
        place: where it runs, as for ``enter_place``.
    """

    name: str
    place: str
    namespace: str = ""

    def __str__(self) -> str:
        return f"the {self.name} in {self.place}"


API, SLICES = LabPart(API_SERVER, SWITCH), LabPart(CONTROLLERS, SWITCH)


def agent(node: str) -> LabPart:
    """The part of a node."""
    return LabPart(NODE_AGENT, f"node/{node}")


def proxies_of(lab: RunningLab, nodes: Iterable[str]) -> list[LabPart]:
    """The proxies of nodes that use the lab's proxy; in a lab without namespaces, one part for all of them."""
    if lab.loopback is not None:
        return [LabPart(NODE_PROXY, SWITCH)]
    return [LabPart(NODE_PROXY, f"node/{name}") for name in nodes if not lab.proxyless.include(name)]


def name_servers_of(pods: Iterable[str]) -> list[LabPart]:
    """The parts in Pods of the cluster's DNS."""
    return [LabPart(NAME_SERVER, name, DNS_NAMESPACE) for name in pods]


Document = Mapping[str, Any]
MakeSocket = Callable[[Place, Document], socket.socket]
"""Makes a socket in the network of a place, as ``drivers.lab.forker`` has it; raises OSError."""


class Asking(NamedTuple):
    """Access to the parts of a lab."""

    lab: RunningLab
    make_socket: MakeSocket

    def ask(self, part: LabPart, document: Document) -> socket.socket:
        """A connection to the part on which a request was sent; raises LabError when the part does not exist."""
        try:
            with enter_network(self.lab, part.namespace, part.place) as entry:
                name = Steering.of(_name(self.lab, part)).name
                made = self.make_socket(entry.place, {"op": "connect-abstract", "name": name})
        except OSError as error:
            raise LabError(f"{part} does not answer: {error.strerror}") from error
        made.sendall(json.dumps(document).encode() + b"\n")
        return made


def _name(lab: RunningLab, part: LabPart) -> str:
    """The name of a part at its place, or on this machine in a lab without namespaces."""
    if lab.loopback is None:
        return part.name
    place = f"{part.namespace}/{part.place}" if part.namespace else part.place.removeprefix("node/")
    return steered_name(lab.loopback, place, part.name)


def answer(part: LabPart, made: socket.socket, seconds: float) -> Document:
    """The answer of a part.

    Raises:
        LabError: it has ended. NotReady: it has not answered within the timeout.
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


def settle(asking: Asking, find_followers: Callable[[], Iterable[LabPart]], seconds: float) -> int:
    """Return when slices, names and every node's rules are at least as new as what the API has now; the version.

    Args:
        find_followers: called once slices are that new.

    Raises:
        LabError: a part has ended. NotReady: not within the timeout.
    """
    deadline = time.monotonic() + seconds
    _follow(asking, [SLICES], seconds, deadline)
    return _follow(asking, find_followers(), seconds, deadline)


def _follow(asking: Asking, parts: Iterable[LabPart], seconds: float, deadline: float) -> int:
    """Wait until the parts are up to date with the API."""
    version = _remind(asking, deadline)
    waiting: dict[socket.socket, LabPart] = {}
    try:
        for part in parts:
            waiting[asking.ask(part, {"op": "reached", "version": version})] = part
        while waiting:
            left = deadline - time.monotonic()
            if left <= 0:
                raise NotReady(f"not settled after {seconds:.0f} s", list(map(str, waiting.values())))
            ready, _, _ = select.select(list(waiting), [], [], min(_ASK_AGAIN, left))
            for made in ready:
                with made:
                    answer(waiting.pop(made), made, left)
            if not ready:
                _remind(asking, deadline)
    finally:
        for made in waiting:
            made.close()
    return version


def _remind(asking: Asking, deadline: float) -> int:
    """Make the API server send its current version to every watcher."""
    with asking.ask(API, {"op": "reached", "version": 0}) as made:
        return int(answer(API, made, deadline - time.monotonic())["version"])
