"""Watches of a lab's objects: versions only grow, and every list is as new as what was seen before it."""

import asyncio
import contextlib
import json
import threading

from fairlead.drivers.kube.client import (
    ENDPOINT_SLICES,
    PODS,
    SERVICES,
    KubeClient,
    KubeError,
    ResourcePath,
    Unreachable,
)
from tests.robustness.oracle import Oracle

FOLLOWED = (SERVICES, PODS, ENDPOINT_SLICES)


class Follower(threading.Thread):
    """Watches several resources at once, each from where its last watch ended, or from a new list after a 410."""

    def __init__(self, kubeconfig: str, oracle: Oracle, over: threading.Event) -> None:
        super().__init__(daemon=True)
        self.kubeconfig, self.oracle, self.over = kubeconfig, oracle, over
        self.events = 0

    def run(self) -> None:
        asyncio.run(self._follow_until_over())

    async def _follow_until_over(self) -> None:
        async with KubeClient.from_kubeconfig(self.kubeconfig) as client:
            following = [asyncio.create_task(self._follow(client, each)) for each in FOLLOWED]
            while not self.over.is_set():
                ended, _ = await asyncio.wait(following, timeout=0.2, return_when=asyncio.FIRST_COMPLETED)
                if ended:
                    self.oracle.fault(f"a follower has ended: {[task.exception() for task in ended]}")
                    break
            for task in following:
                task.cancel()

    async def _follow(self, client: KubeClient, resource: ResourcePath) -> None:
        version, is_listed = 0, False
        while True:
            with contextlib.suppress(KubeError, Unreachable):  # a server that is killed, or a version too old
                if not is_listed:
                    listed = int(json.loads(await client.get(resource.path()))["metadata"]["resourceVersion"])
                    self._compare(resource, version, listed + 1)
                    version, is_listed = listed, True
                query = {"resourceVersion": str(version), "timeoutSeconds": "20"}
                async for event in client.watch(resource.path(), query):
                    if event.type == "ERROR":
                        is_listed = False
                        break
                    seen = int(json.loads(bytes(event.object))["metadata"]["resourceVersion"])
                    self._compare(resource, version, seen)
                    version, self.events = seen, self.events + 1
            await asyncio.sleep(0.1)

    def _compare(self, resource: ResourcePath, before: int, seen: int) -> None:
        if seen <= before:
            self.oracle.fault(f"a watch of {resource.plural} at {before} was shown {seen}")
