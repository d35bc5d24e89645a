"""What node agents would say, with no process behind them: Nodes live, bound Pods run and are ready, deleted ones
end."""

import asyncio
import itertools
import json
import threading
from contextlib import contextmanager, suppress

from fairlead.drivers.clock_text import now_text
from fairlead.drivers.kube.client import (
    NODES,
    PODS,
    STRATEGIC_MERGE_PATCH,
    KubeClient,
    KubeError,
    Unreachable,
)
from fairlead.drivers.kube.informer import Informer
from fairlead.model.objects import Pod

NEVER_READY = "never-ready"  # a label: the Pod runs but is not ready
HEARTBEAT = 10.0  # seconds; a Node that is silent for 40 is lost


class Kubelets:
    def __init__(self, client):
        self._client = client
        self._changed = asyncio.Queue()
        self._octets = itertools.count(1)
        self._informer = Informer(client, PODS, Pod, lambda old, new: self._changed.put_nowait(new))

    async def run(self):
        async with asyncio.TaskGroup() as group:
            group.create_task(self._informer.run())
            group.create_task(keep_nodes_alive(self._client))
            while True:
                pod = await self._changed.get()
                with suppress(KubeError):  # changed meanwhile; its next change comes too
                    await self._serve(pod)

    async def _serve(self, pod):
        if pod is None or not pod.spec.node_name:
            return
        if pod.is_terminating:
            options = {"gracePeriodSeconds": 0, "preconditions": {"uid": pod.metadata.uid}}
            await self._client.delete(PODS.path(pod.namespace, pod.name), options)
        elif pod.status.phase == "Pending":
            ip = f"10.244.0.{next(self._octets)}"
            ready = "False" if NEVER_READY in pod.labels else "True"
            conditions = [{"type": "Ready", "status": ready, "lastTransitionTime": "2026-01-01T00:00:00Z"}]
            status = {"phase": "Running", "podIP": ip, "podIPs": [{"ip": ip}], "conditions": conditions}
            await self._client.patch(PODS.path(pod.namespace, pod.name, "status"), {"status": status})


async def keep_nodes_alive(client):
    """Tell that the Nodes are there, and nothing else of them."""
    while True:
        with suppress(KubeError, Unreachable):
            for node in json.loads(await client.get(NODES.path()))["items"]:
                if any(each["type"] == "Ready" for each in node.get("status", {}).get("conditions", ())):
                    beat = {"status": {"conditions": [{"type": "Ready", "lastHeartbeatTime": now_text()}]}}
                    path = NODES.path(name=node["metadata"]["name"], subresource="status")
                    await client.patch(path, beat, STRATEGIC_MERGE_PATCH)
        await asyncio.sleep(HEARTBEAT)


def running_kubelets(kubeconfig):
    """Serve in a thread of its own."""
    return _running(kubeconfig, lambda client: Kubelets(client).run())


def running_heartbeats(kubeconfig):
    """Nodes that live, in a thread of its own; what Pods do is said by the test."""
    return _running(kubeconfig, keep_nodes_alive)


@contextmanager
def _running(kubeconfig, work):
    loop = asyncio.new_event_loop()

    async def serve():
        async with KubeClient.from_kubeconfig(kubeconfig) as client:
            await work(client)

    task = loop.create_task(serve())

    def run():
        try:
            loop.run_until_complete(task)
        except asyncio.CancelledError:
            pass
        finally:
            loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(task.cancel)
        thread.join()
