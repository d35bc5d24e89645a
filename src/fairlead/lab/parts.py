"""The parts of a lab as they are asked: each says at its socket how far it is (``drivers.steering.part_socket``).

``fairlead up --wait`` asks while everything starts, so nothing here imports the API client.
"""

import json
import select
import socket
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from fairlead.app.lab.steered_parts import API_SERVER, CONTROLLERS, NAME_SERVER, NODE_AGENT, NODE_PROXY
from fairlead.drivers.lab.enter import Place
from fairlead.drivers.lab.run_folder import RunningLab
from fairlead.drivers.steering.faults import Steering, steered_name
from fairlead.lab.errors import LabError, NotReady
from fairlead.lab.places import SWITCH, enter_network

DNS_NAMESPACE = "kube-system"
_ASK_AGAIN = 0.25  # seconds; a watch that was being opened has not heard


class LabPart(NamedTuple):
    """A process of the lab.

    Attributes:
        place: where it is, as ``enter_place`` has it.
    """

    name: str
    place: str
    namespace: str = ""

    def __str__(self) -> str:
        return f"the {self.name} in {self.place}"


API, SLICES = LabPart(API_SERVER, SWITCH), LabPart(CONTROLLERS, SWITCH)


def agent(node: str) -> LabPart:
    """That of a node."""
    return LabPart(NODE_AGENT, f"node/{node}")


def proxies_of(lab: RunningLab, nodes: Iterable[str]) -> list[LabPart]:
    """Those of nodes that have one of the lab's; one for all of them in a lab without namespaces."""
    if lab.loopback is not None:
        return [LabPart(NODE_PROXY, SWITCH)]
    return [LabPart(NODE_PROXY, f"node/{name}") for name in nodes if not lab.proxyless.include(name)]


def name_servers_of(pods: Iterable[str]) -> list[LabPart]:
    """Those in Pods of the cluster's DNS."""
    return [LabPart(NAME_SERVER, name, DNS_NAMESPACE) for name in pods]


Document = Mapping[str, Any]
MakeSocket = Callable[[Place, Document], socket.socket]
"""Makes a socket in the network of a place, as ``drivers.lab.forker`` has it; raises OSError."""


class Asking(NamedTuple):
    """How the parts of a lab are reached."""

    lab: RunningLab
    make_socket: MakeSocket

    def ask(self, part: LabPart, document: Document) -> socket.socket:
        """A connection with the part, at which something has been asked for; raises LabError when it is not there."""
        try:
            with enter_network(self.lab, part.namespace, part.place) as entry:
                name = Steering.of(_name(self.lab, part)).name
                made = self.make_socket(entry.place, {"op": "connect-abstract", "name": name})
        except OSError as error:
            raise LabError(f"{part} does not answer: {error.strerror}") from error
        made.sendall(json.dumps(document).encode() + b"\n")
        return made


def _name(lab: RunningLab, part: LabPart) -> str:
    """What a part is called where it is, or on this machine in a lab without namespaces."""
    if lab.loopback is None:
        return part.name
    place = f"{part.namespace}/{part.place}" if part.namespace else part.place.removeprefix("node/")
    return steered_name(lab.loopback, place, part.name)


def answer(part: LabPart, made: socket.socket, seconds: float) -> Document:
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


def settle(asking: Asking, find_followers: Callable[[], Iterable[LabPart]], seconds: float) -> int:
    """Return when slices, names and every node's rules are at least as new as what the API has now; the version.

    Args:
        find_followers: called once slices are that new.

    Raises:
        LabError: a part has ended. NotReady: not within so many seconds.
    """
    deadline = time.monotonic() + seconds
    _follow(asking, [SLICES], seconds, deadline)
    return _follow(asking, find_followers(), seconds, deadline)


def _follow(asking: Asking, parts: Iterable[LabPart], seconds: float, deadline: float) -> int:
    """Wait until the parts are where the API is now."""
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
    """Have the API server tell every watcher how far it is."""
    with asking.ask(API, {"op": "reached", "version": 0}) as made:
        return int(answer(API, made, deadline - time.monotonic())["version"])
