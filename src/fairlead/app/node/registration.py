"""Creates the Node of an agent, or updates an existing one."""

import platform
from collections.abc import Callable
from typing import Any

from fairlead import __version__
from fairlead.app.node.images import NodeImages
from fairlead.app.node.options import NodeOptions
from fairlead.drivers.clock_text import now_text
from fairlead.drivers.kube.client import NODES, KubeClient, KubeError
from fairlead.drivers.kube.retry import until_answered
from fairlead.drivers.pods.allocatable import allocatable, storage_of
from fairlead.model.decode import decode
from fairlead.model.kubernetes_version import SERVED
from fairlead.model.objects import Node
from fairlead.nodeagent.node_status import MAX_PODS, architecture, node_labels, running_conditions


async def register(
    options: NodeOptions, client: KubeClient, images: NodeImages, is_short_of_disk: Callable[[], bool]
) -> Node:
    """Create the Node, or bring the one that is there up to date, and set its status; what has come of it."""
    document, path = _node(options), NODES.path(name=options.name, subresource="status")

    async def ask() -> Node:
        try:
            await client.create(NODES.path(), document)
        except KubeError as error:
            if error.reason != "AlreadyExists":
                raise
            document["spec"].pop("taints", None)  # those of a Node that is there are its administrators'
            await client.patch(NODES.path(name=options.name), document)
        status = {**_status(options, is_short_of_disk()), "images": images.listed()}
        return decode(Node, await client.patch(path, {"status": status}))

    node = await until_answered(ask, f"register node {options.name}", client.troubles)
    assert node is not None  # no refusal is final
    return node


def _node(options: NodeOptions) -> dict[str, Any]:
    labels = node_labels(options.name, platform.machine(), options.labels)
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": options.name, "labels": labels},
        "spec": {
            "podCIDR": options.pod_cidrs[0],
            "podCIDRs": list(options.pod_cidrs),
            **({"taints": list(options.taints)} if options.taints else {}),
        },
    }


def _status(options: NodeOptions, short_of_disk: bool) -> dict[str, Any]:
    resources = {**allocatable(), "ephemeral-storage": storage_of(options.volumes), "pods": MAX_PODS}
    return {
        "addresses": [
            *({"type": "InternalIP", "address": address} for address in options.addresses),
            {"type": "Hostname", "address": options.name},
        ],
        "capacity": resources,
        "allocatable": resources,
        "conditions": running_conditions((), now_text(), short_of_disk=short_of_disk),
        "daemonEndpoints": {"kubeletEndpoint": {"Port": options.port}},
        "nodeInfo": {
            "kubeletVersion": SERVED,
            "kubeProxyVersion": SERVED,
            "osImage": options.machine.os_image,
            "operatingSystem": "linux",
            "architecture": architecture(platform.machine()),
            "kernelVersion": platform.release(),
            "containerRuntimeVersion": f"fairlead://{__version__}",
            "machineID": options.machine.machine_id,
            "systemUUID": options.machine.system_uuid,
            "bootID": options.machine.boot_id,
        },
    }
