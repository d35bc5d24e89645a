"""The heartbeats of a node: each one renews its Lease (KEP-589).

Many components watch the Node, so its status is written only when the API's status differs from the node's own, or
after five minutes without a write. Upstream: ``pkg/kubelet/kubelet_node_status.go``,
``component-helpers/apimachinery/lease``.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from fairlead.drivers.clock_text import now_micro_text, now_text
from fairlead.drivers.kube.client import LEASES, NODES, KubeClient, KubeError, Unreachable
from fairlead.model.decode import decode
from fairlead.model.events import EventText
from fairlead.model.objects import NODE_LEASES, Node
from fairlead.nodeagent.node_status import has_running_conditions, running_conditions

REPORTED_EVERY = 300.0  # seconds
_THRESHOLD_MET = ("EvictionThresholdMet", "Attempting to reclaim ephemeral-storage", "Warning")
MISSED_BEATS = 4  # so many of them make a Lease expire: 40 s with a heartbeat of 10 s


class NodeFacts(NamedTuple):
    """The facts about a running node that can change.

    Attributes:
        images: the images of the node, as in its status.
        is_short_of_disk: whether the node is.
        say: writes an Event about the Node.
    """

    images: Callable[[], list[dict[str, Any]]] = list
    is_short_of_disk: Callable[[], bool] = lambda: False
    say: Callable[[Node, EventText], None] = lambda _, __: None


NO_FACTS = NodeFacts()


class Heartbeat:
    """The heartbeats of one node.

    Args:
        node: as the API has it now.
        every: seconds between two heartbeats.
        register: creates the Node again, with its whole status, if it was deleted.
        clock: monotonic seconds.
        facts: asked at each heartbeat.
    """

    def __init__(
        self,
        client: KubeClient,
        node: Node,
        every: float,
        register: Callable[[], Awaitable[Node]],
        clock: Callable[[], float] = time.monotonic,
        facts: NodeFacts = NO_FACTS,
    ) -> None:
        self._client, self._node, self._every, self._register = client, node, every, register
        self._clock, self._reported = clock, clock()
        self._facts, self._told_images = facts, facts.images()
        self._told_short = False

    async def run(self) -> None:
        """Beat until cancelled."""
        while True:
            try:
                await self.beat()
            except (KubeError, Unreachable) as error:
                self._client.troubles.met(error, f"say that node {self._node.name} is alive", "heartbeat")
            else:
                self._client.troubles.over("heartbeat")
            await asyncio.sleep(self._every)

    async def beat(self) -> None:
        """Renew the Lease, and put right what the API says of the Node.

        Raises:
            KubeError, Unreachable: that was not possible.
        """
        await self._renew()
        await self._report()

    async def _renew(self) -> None:
        path = LEASES.path(NODE_LEASES, self._node.name)
        try:
            await self._client.patch(path, {"spec": {"renewTime": now_micro_text()}})
        except KubeError as error:
            if error.code != 404:
                raise
            await self._client.create(LEASES.path(NODE_LEASES), self._lease())

    def _lease(self) -> dict[str, Any]:
        """A Lease that goes with the Node."""
        name = self._node.name
        owner = {"apiVersion": "v1", "kind": "Node", "name": name, "uid": self._node.metadata.uid}
        duration = max(1, round(MISSED_BEATS * self._every))
        return {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": name, "namespace": NODE_LEASES, "ownerReferences": [owner]},
            "spec": {"holderIdentity": name, "leaseDurationSeconds": duration, "renewTime": now_micro_text()},
        }

    async def _report(self) -> None:
        name = self._node.name
        try:
            self._node = decode(Node, await self._client.get(NODES.path(name=name)))
        except KubeError as error:
            if error.code != 404:
                raise
            self._node = await self._register()
            self._reported = self._clock()
            return
        now, said = self._clock(), self._node.status.conditions or ()
        images, is_short = self._facts.images(), self._facts.is_short_of_disk()
        is_due = now - self._reported >= REPORTED_EVERY
        if is_due or images != self._told_images or not has_running_conditions(said, short_of_disk=is_short):
            conditions = running_conditions(said, now_text(), short_of_disk=is_short)
            status = {"conditions": conditions, "images": images}
            await self._client.patch(NODES.path(name=name, subresource="status"), {"status": status})
            self._reported, self._told_images = now, images
        if is_short != self._told_short:
            self._tell_of_disk(is_short)
            self._told_short = is_short

    def _tell_of_disk(self, is_short: bool) -> None:
        reason = "NodeHasDiskPressure" if is_short else "NodeHasNoDiskPressure"
        if is_short:
            self._facts.say(self._node, EventText(*_THRESHOLD_MET))
        self._facts.say(self._node, EventText(reason, f"Node {self._node.name} status is now: {reason}"))
