"""``fairlead status``: a running lab at a glance."""

import asyncio
from typing import Any, NamedTuple

import msgspec

from fairlead.app.lab.processes.system_manifests import MODES_ANNOTATION, NAMESPACE, PROXY_CONFIG
from fairlead.app.lab.published_ports import doors_of, read_published
from fairlead.drivers.kube.client import CONFIG_MAPS, NODES, PODS, SERVICES, KubeClient, KubeError, Unreachable
from fairlead.drivers.lab.running_labs import RunningLab
from fairlead.drivers.linux.process_tree import Usage, usage_of_tree
from fairlead.model.decode import decode
from fairlead.model.objects import Node, Pod, Service


class DoorView(NamedTuple):
    """A port of a Service that is reachable from outside, and its address on this machine."""

    service: str
    outside: str
    here: str


class LabView(NamedTuple):
    """A running lab at a glance, with the mode of its proxies.

    It has no nodes and Pods when its API server does not answer or is on another host.
    """

    lab: RunningLab
    nodes: tuple[int, int] | None
    pods: tuple[int, int] | None
    usage: Usage
    doors: list[DoorView]
    proxy: str = "?"


def look_at(lab: RunningLab) -> LabView:
    """The running parts, counted: ready and total."""
    usage = usage_of_tree(lab.pid)
    if lab.joined_as:
        return LabView(lab, None, None, usage, [])
    try:
        nodes, pods, services, proxy = asyncio.run(_read(lab))
    except (KubeError, Unreachable):
        return LabView(lab, None, None, usage, [])
    counts = [(sum(each.is_ready for each in found), len(found)) for found in (nodes, pods)]
    return LabView(lab, counts[0], counts[1], usage, _doors(lab, services), proxy)


async def _read(lab: RunningLab) -> tuple[list[Node], list[Pod], list[Service], str]:
    async with KubeClient.from_kubeconfig(lab.kubeconfig) as client:
        nodes = [decode(Node, document) for document in _items(await client.get(NODES.path()))]
        pods = [decode(Pod, document) for document in _items(await client.get(PODS.path()))]
        services = [decode(Service, document) for document in _items(await client.get(SERVICES.path()))]
        proxy = await _proxy(client)
    return nodes, pods, services, proxy


async def _proxy(client: KubeClient) -> str:
    """What the nodes' proxies write, as the ConfigMap says that the lab has made."""
    try:
        found = msgspec.json.decode(await client.get(CONFIG_MAPS.path(NAMESPACE, PROXY_CONFIG)))
    except KubeError:
        return "?"
    return str(found["metadata"].get("annotations", {}).get(MODES_ANNOTATION, "?"))


def _doors(lab: RunningLab, services: list[Service]) -> list[DoorView]:
    published = read_published(lab.published)
    return [
        DoorView(str(door.service), door.outside, published.get(door, "-"))
        for service in sorted(services, key=lambda service: service.key)
        for door in doors_of(service)
    ]


def _items(body: bytes) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = msgspec.json.decode(body)["items"] or []
    return found
