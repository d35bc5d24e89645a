"""The requests at a lab's control socket: entering Pods and nodes, and operations on nodes."""

import json
import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from fairlead.app.lab.fork import LabError
from fairlead.app.lab.init.nodes import Nodes
from fairlead.app.lab.plan import OUTSIDE, SWITCH
from fairlead.app.node.loopback import TOLD
from fairlead.drivers.lab.control_socket import ControlReply, RequestRefused
from fairlead.drivers.pods.bare.told import POD_IP
from fairlead.model.document import Doc
from fairlead.model.socket_address import SocketAddress

if TYPE_CHECKING:
    from fairlead.app.lab.host_link import Doors


class ControlRequests:
    """Requests by name; PID 1 of the lab carries out each one at once."""

    def __init__(self, doors: "Doors", nodes: Nodes) -> None:
        self._doors, self._nodes, self._is_joined = doors, nodes, doors.sockets.api is None

    def respond(self, request: Doc) -> ControlReply:
        """The answer to a request.

        Raises:
            Refused: there is no such thing, or it cannot be done.
        """
        match request:
            case {"op": "down"}:
                self._doors.report({"down": True})
                return ControlReply({})
            case {"op": "enter-node", "node": str(name)}:
                return self._network(self._nodes.network(name), self._nodes.address(name))
            case {"op": "enter-pod", "namespace": str(namespace), "pod": str(pod), "container": str(container)}:
                process, record = self._container(namespace, pod, container)
                return ControlReply({**self._kind, "variables": self._variables_of(record), **record}, (process,))
            case _ if self._is_joined:
                raise RequestRefused(
                    "this is a node of a lab that is on another host: do this there, or `fairlead down` here"
                )
            case _:
                return self._respond_at_home(request)

    def _respond_at_home(self, request: Doc) -> ControlReply:
        """What only the lab's first host can answer."""
        match request:
            case {"op": "enter-outside"}:
                return self._network(self._nodes.networks[OUTSIDE], self._nodes.plan.networks[0].outside)
            case {"op": "enter-switch"}:
                return self._network(self._nodes.networks[SWITCH], self._nodes.plan.networks[0].switch)
            case {"op": "add-node", "node": str(name), "labels": dict(labels)}:
                return ControlReply({"node": _or_refuse(lambda: self._nodes.add(name, labels).name)})
            case {"op": "invite-node", "node": str(name), "labels": dict(labels), "from": [str(ip), int(port)]}:
                peer = SocketAddress(ip, port)
                return ControlReply({"invitation": _or_refuse(lambda: self._nodes.invite(name, labels, peer))})
            case {"op": "change-node", "change": str(change), "node": str(name)} if change in self._nodes.changes:
                self._nodes.changes[change](name)
                return ControlReply({})
            case _:
                raise RequestRefused(
                    f"this lab does not know the request {request.get('op')!r}; is it of another version?"
                )

    @property
    def _kind(self) -> Doc:
        return {"user_namespace": self._doors.user_namespace}

    def _network(self, network: int | None, address: str) -> ControlReply:
        """What is needed to enter a network as the lab's root, or where it is no namespace, to act for an address."""
        if network is None:
            document = {**self._kind, "variables": {POD_IP: address}}
            return ControlReply(document, (os.pidfd_open(os.getpid()),))
        return ControlReply({**self._kind, "variables": None}, (os.pidfd_open(os.getpid()), os.dup(network)))

    def _variables_of(self, record: Doc) -> Doc | None:
        """Environment variables that name a Pod's place in a lab without namespaces; None in one with namespaces."""
        if self._nodes.plan.loopback is None:
            return None
        return {name: text for name, text in record["environment"].items() if name in TOLD}

    def _container(self, namespace: str, pod: str, container: str) -> tuple[int, Doc]:
        """pidfd and record of a Pod's running container; of its first one when ``container`` is empty."""
        for folder in self._nodes.records():
            try:
                record = json.loads((folder / f"{namespace}_{pod}.json").read_text())
            except FileNotFoundError:
                continue
            containers = record["containers"]
            name = container or next(iter(containers))
            if name not in containers:
                raise RequestRefused(f'Pod {namespace}/{pod} has no container "{name}"; it has {", ".join(containers)}')
            try:
                return os.pidfd_open(containers[name]["pid"] or 0), containers[name]
            except (OSError, ValueError):
                raise RequestRefused(f'container "{name}" of Pod {namespace}/{pod} is not running') from None
        raise RequestRefused(f"no Pod {namespace}/{pod} is running in this lab")


def _or_refuse(action: Callable[[], str]) -> str:
    try:
        return action()
    except LabError as error:
        raise RequestRefused(str(error)) from error
