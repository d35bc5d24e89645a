"""What node agents would say of Pods, with no process behind them: bound Pods run and are ready, deleted ones end."""

import asyncio
import itertools
import threading
from contextlib import contextmanager, suppress

from fairlead.drivers.kube.client import PODS, KubeClient, KubeError
from fairlead.drivers.kube.informer import Informer
from fairlead.model.objects import Pod

NEVER_READY = "never-ready"  # a label: the Pod runs but is not ready


class Kubelets:
    def __init__(self, client):
        self._client = client
        self._changed = asyncio.Queue()
        self._octets = itertools.count(1)
        self._informer = Informer(client, PODS, Pod, lambda old, new: self._changed.put_nowait(new))

    async def run(self):
        async with asyncio.TaskGroup() as group:
            group.create_task(self._informer.run())
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


@contextmanager
def running_kubelets(kubeconfig):
    """Serve in a thread of its own."""
    loop = asyncio.new_event_loop()

    async def serve():
        async with KubeClient.from_kubeconfig(kubeconfig) as client:
            await Kubelets(client).run()

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
