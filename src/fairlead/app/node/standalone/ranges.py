"""Waits until the control plane has assigned a node its Pod CIDRs (kube-controller-manager's
``--allocate-node-cidrs``)."""

import asyncio
from collections.abc import Callable, Mapping

import msgspec

from fairlead.drivers.clock_text import now_text
from fairlead.drivers.kube.client import NODES, KubeClient, KubeError
from fairlead.drivers.kube.retry import until_answered
from fairlead.model.document import Doc
from fairlead.nodeagent.node_status import unready_conditions

LOOK_EVERY = 1.0  # seconds
NO_RANGE = (
    "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:the Node has no "
    "podCIDR: give it one, or start the node with --pod-cidr"
)


async def assigned_ranges(
    client: KubeClient,
    name: str,
    labels: Mapping[str, str],
    taints: tuple[Mapping[str, str], ...],
    told: Callable[[str], None],
) -> tuple[str, ...]:
    """The Pod ranges of the Node, which is created as not ready if it is missing.

    Args:
        told: is told what is waited for.
    """
    node: Doc = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": dict(labels)}}
    if taints:
        node["spec"] = {"taints": list(taints)}

    async def ask() -> tuple[str, ...]:
        try:
            return _ranges(msgspec.json.decode(await client.get(NODES.path(name=name))))
        except KubeError as error:
            if error.code != 404:
                raise
        await client.create(NODES.path(), node)
        status = {"status": {"conditions": unready_conditions(NO_RANGE, now_text())}}
        await client.patch(NODES.path(name=name, subresource="status"), status)
        return ()

    looks = 0
    while True:
        found = await until_answered(ask, f"learn the podCIDR of node {name}", client.troubles)
        if found:
            return found
        looks += 1
        if looks == 3:
            told(f"waiting for the control plane to give node {name} a podCIDR; --pod-cidr gives it one of yours")
        await asyncio.sleep(LOOK_EVERY)


def _ranges(node: Doc) -> tuple[str, ...]:
    spec = node.get("spec") or {}
    return tuple(spec.get("podCIDRs") or ([spec["podCIDR"]] if spec.get("podCIDR") else ()))
