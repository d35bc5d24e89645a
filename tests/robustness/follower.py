"""Watches of a lab's objects: versions only grow, every list is as new as what was seen before it, and no address or
port is given to two objects at a time."""

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
from tests.robustness.unique import Given

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
        version, is_listed, given = 0, False, Given()
        while True:
            with contextlib.suppress(KubeError, Unreachable):  # a server that is killed, or a version too old
                if not is_listed:
                    found = json.loads(await client.get(resource.path()))
                    listed = int(found["metadata"]["resourceVersion"])
                    self._compare(resource, version, listed + 1)
                    self._is_given_once(resource, given.replace(found["items"]))
                    version, is_listed = listed, True
                query = {"resourceVersion": str(version), "timeoutSeconds": "20"}
                async for event in client.watch(resource.path(), query):
                    if event.type == "ERROR":
                        is_listed = False
                        break
                    document = json.loads(bytes(event.object))
                    seen = int(document["metadata"]["resourceVersion"])
                    self._compare(resource, version, seen)
                    self._is_given_once(resource, given.change(event.type, document))
                    version, self.events = seen, self.events + 1
            await asyncio.sleep(0.1)

    def _is_given_once(self, resource: ResourcePath, shared: set[str]) -> None:
        if shared:
            self.oracle.fault(f"two {resource.plural} have {sorted(shared)} at a time")

    def _compare(self, resource: ResourcePath, before: int, seen: int) -> None:
        if seen <= before:
            self.oracle.fault(f"a watch of {resource.plural} at {before} was shown {seen}")
