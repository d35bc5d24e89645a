"""Places inside a running lab, entered by descriptors: a Pod, a node, the outside.

``fairlead up --wait`` uses them while everything starts, so nothing here imports the API client.
"""

import os
from contextlib import suppress
from typing import Any

from fairlead.app.lab.commands import enter
from fairlead.drivers.lab.enter import Place
from fairlead.drivers.lab.running_labs import RunningLab

OUTSIDE, SWITCH = "outside", "switch"
_NETWORKS = {OUTSIDE: "enter-outside", SWITCH: "enter-switch"}
_NODE = "node/"


class EntryPoint:
    """The place of a test's command or socket, entered by descriptors; close it."""

    def __init__(self, place: Place, environment: dict[str, str] | None) -> None:
        self.place, self.environment = place, environment

    def __enter__(self) -> "EntryPoint":
        return self

    def __exit__(self, *_: object) -> None:
        for fd in self.place.descriptors:
            with suppress(OSError):
                os.close(fd)


def enter_place(lab: RunningLab, namespace: str, where: str) -> EntryPoint:
    """A Pod (``NAME`` or ``NAME/CONTAINER``), ``node/NAME``, or ``outside``.

    Raises:
        LabError: there is no such place.
    """
    if where in _NETWORKS:
        return _network(lab, {"op": _NETWORKS[where]})
    if where.startswith(_NODE):
        return _network(lab, {"op": "enter-node", "node": where.removeprefix(_NODE)})
    pod, _, container = where.partition("/")
    reply = enter.ask(lab, {"op": "enter-pod", "namespace": namespace, "pod": pod, "container": container})
    return EntryPoint(enter.pod_place(reply), dict(reply.document["environment"]))


def enter_network(lab: RunningLab, namespace: str, where: str) -> EntryPoint:
    """Only the network of a place, as the lab's root: for sockets and for rules."""
    if where in _NETWORKS or where.startswith(_NODE) or lab.loopback is not None:
        return enter_place(lab, namespace, where)
    with enter_place(lab, namespace, where) as pod:
        outside = _network(lab, {"op": "enter-outside"})
        assert outside.place.network is not None
        os.close(outside.place.network)
        network = os.dup(pod.place.process)
        return EntryPoint(Place(outside.place.process, outside.place.has_user_namespace, network, None), None)


def _network(lab: RunningLab, request: dict[str, Any]) -> EntryPoint:
    return EntryPoint(enter.network_place(enter.ask(lab, request)), None)
