"""Updates a Pod's status in the API from the node's own, and receives changes of the Pod from the API."""

import asyncio
import time
from collections.abc import Callable

from fairlead.drivers.kube.client import PODS, KubeClient
from fairlead.drivers.kube.retry import until_answered
from fairlead.model.decode import decode
from fairlead.model.document import Doc
from fairlead.nodeagent.manifest import RunPod

# The API's answers about a Pod that is gone: it was deleted, another one has its name, or even that on another node.
_NOT_OURS = (404, 409, 403)


class Publication:
    """One Pod in the API.

    Attributes:
        pod: the newest version known.
        happened: set when the API has this agent's own view of the Pod for the first time.

    Args:
        status: computes the desired status of a Pod.
        before: called before each write, because a client that reads "Running" can enter at once.
        published: called after each write with the written Pod and the Unix time of the change that it shows.
    """

    def __init__(
        self,
        client: KubeClient,
        pod: RunPod,
        status: Callable[[RunPod], Doc],
        before: Callable[[], None],
        published: Callable[[RunPod, float], None] = lambda pod, since: None,
    ) -> None:
        self.pod = pod
        self.happened = asyncio.Event()
        self._client, self._status, self._before = client, status, before
        self._published = published
        self._last: Doc = {}
        self._since = 0.0  # when the status has changed that is not published yet; 0 when it is
        self._dirty = asyncio.Event()

    def changed(self) -> None:
        """Schedule the publication of the status, unless it is unchanged."""
        self._since = self._since or time.time()
        self._dirty.set()

    def observe(self, pod: RunPod) -> bool:
        """Take in what the API has of the Pod now; False when a newer version is known.

        Where that contradicts what was published last, it is published again, even if nothing has changed here: while a
        node is thought to be lost, others say that its Pods are not ready.
        """
        if pod.version < self.pod.version:
            return False
        if _conditions(pod) != _conditions(self.pod):
            self._last = {}
        self.pod = pod
        self.changed()
        return True

    async def run(self) -> None:
        """Publish whatever changes, until cancelled."""
        while True:
            await self._dirty.wait()
            self._dirty.clear()
            await self.publish()
            self.happened.set()

    async def publish(self) -> None:
        """Bring the API's status up to date, however long that takes; nothing to do when the Pod is no longer there."""
        deed = f"publish the status of Pod {self.pod.key}"
        while self._status(self.pod) != self._last:
            if await until_answered(self._send, deed, self._client.troubles, _NOT_OURS) is None:
                return
        self._since = 0.0

    async def _send(self) -> bool:
        status, since = self._status(self.pod), self._since
        self._since = 0.0
        self._before()
        patch = {"metadata": {"uid": self.pod.metadata.uid}, "status": status}
        answer = await self._client.patch(self._path("status"), patch)
        self._last = status
        seen, self.pod = self.pod, decode(RunPod, answer)
        self._published(self.pod, since or time.time())
        if seen.version > self.pod.version:  # changes by others since then arrived before this answer
            self.observe(seen)
        return True

    async def delete(self) -> None:
        """Delete the Pod from the API, however long that takes; nothing to do when it is no longer there."""
        options = {"gracePeriodSeconds": 0, "preconditions": {"uid": self.pod.metadata.uid}}
        deed = f"delete Pod {self.pod.key}"
        await until_answered(lambda: self._client.delete(self._path(), options), deed, self._client.troubles, _NOT_OURS)

    def _path(self, subresource: str = "") -> str:
        return PODS.path(self.pod.namespace, self.pod.name, subresource)


def _conditions(pod: RunPod) -> dict[str, str]:
    return {condition.type: condition.status for condition in pod.status.conditions or ()}
