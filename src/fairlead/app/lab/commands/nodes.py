"""The operations of ``fairlead node`` on a running lab's nodes: sends a request to the lab, then updates the API.

An administrator who has switched a machine off can confirm it with the taint ``node.kubernetes.io/out-of-service``
(KEP-2268). Only then can the cluster treat its Pods as ended, and start them elsewhere under the same name.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from fairlead.app.lab.commands.enter import PATIENCE, ask
from fairlead.app.lab.fork import LabError
from fairlead.drivers.clock_text import now_text
from fairlead.drivers.kube.client import NODES, STRATEGIC_MERGE_PATCH, KubeClient, KubeError, Unreachable
from fairlead.drivers.lab.running_labs import RunningLab
from fairlead.model.decode import decode
from fairlead.model.objects import Node
from fairlead.model.socket_address import SocketAddress
from fairlead.workloads.node_lifecycle import OUT_OF_SERVICE, ready_condition


def add(lab: RunningLab, name: str, labels: Mapping[str, str]) -> str:
    """Add a node, and return its name when it is Ready.

    Raises:
        LabError: it cannot be added, or does not get ready.
    """
    since = now_text()
    added = str(ask(lab, {"op": "add-node", "node": name, "labels": dict(labels)}).document["node"])
    _in_api(lab, lambda client: _until_ready(client, added, since))
    return added


def invite(lab: RunningLab, name: str, labels: Mapping[str, str], peer: SocketAddress) -> str:
    """An invitation to a new node on the host that the wire reaches there; raises LabError."""
    request = {"op": "invite-node", "node": name, "labels": dict(labels), "from": list(peer)}
    return str(ask(lab, request).document["invitation"])


def remove(lab: RunningLab, name: str) -> None:
    """Remove a node permanently, also from the API; raises LabError."""
    _change(lab, "remove", name)
    _in_api(lab, lambda client: client.delete(NODES.path(name=name)))


def stop(lab: RunningLab, name: str, *, out_of_service: bool) -> None:
    """Switch a node off as if its power were cut, and say so if wanted; raises LabError."""
    _change(lab, "stop", name)
    if out_of_service:
        taint = {"key": OUT_OF_SERVICE, "value": "nodeshutdown", "effect": "NoExecute"}
        _in_api(lab, lambda client: _taint(client, name, taint))


def start(lab: RunningLab, name: str) -> None:
    """Switch a node on, and return when it is Ready; raises LabError."""
    since = now_text()
    _change(lab, "start", name)
    _in_api(lab, lambda client: _taint(client, name, {"$patch": "delete", "key": OUT_OF_SERVICE}))
    _in_api(lab, lambda client: _until_ready(client, name, since))


def partition(lab: RunningLab, name: str) -> None:
    """Pull a node's cable; raises LabError."""
    _change(lab, "partition", name)


def heal(lab: RunningLab, name: str) -> None:
    """Plug a node's cable in again; raises LabError."""
    _change(lab, "heal", name)


ACTIONS: dict[str, Callable[[RunningLab, str], None]] = {
    "remove": remove,
    "start": start,
    "partition": partition,
    "heal": heal,
}


def _change(lab: RunningLab, what: str, name: str) -> None:
    ask(lab, {"op": "change-node", "change": what, "node": name})


def _in_api(lab: RunningLab, action: Callable[[KubeClient], Awaitable[object]]) -> None:
    """Perform the action through the API; a missing object is no failure."""

    async def act() -> None:
        async with KubeClient.from_kubeconfig(lab.kubeconfig) as client:
            await action(client)

    try:
        asyncio.run(act())
    except KubeError as error:
        if error.code != 404:
            raise LabError(str(error)) from error
    except Unreachable as error:
        raise LabError(str(error)) from error


async def _taint(client: KubeClient, name: str, taint: Mapping[str, str]) -> None:
    await client.patch(NODES.path(name=name), {"spec": {"taints": [taint]}}, STRATEGIC_MERGE_PATCH)


async def _until_ready(client: KubeClient, name: str, since: str) -> None:
    """Return when the node has reported that it is ready, after its restart."""
    try:
        async with asyncio.timeout(PATIENCE):
            async for event in client.watch(NODES.path(), {"fieldSelector": f"metadata.name={name}"}):
                said = ready_condition(decode(Node, bytes(event.object)))
                if said and said.status == "True" and (said.last_heartbeat_time or "") >= since:
                    return
    except TimeoutError:
        raise LabError(f"node {name} runs, but is not ready after {PATIENCE:.0f} s") from None
