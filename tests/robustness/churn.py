"""Changes of a lab's objects: applications are scaled, Pods deleted, Services written, as the oracle notes."""

import asyncio
import contextlib
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator

from fairlead.drivers.kube.client import APPLY_PATCH, DEPLOYMENTS, PODS, SERVICES, KubeClient, KubeError, Unreachable
from fairlead.model.document import Doc
from tests.robustness.oracle import Oracle

APPLICATIONS = 4
NAMES = [f"s-{number}" for number in range(12)]
REFUSALS = (404, 409, 422, 429, 500, 507)
TYPES = ({"type": "ClusterIP"}, {"type": "NodePort"}, {"clusterIP": "None"}, {"sessionAffinity": "ClientIP"})


class Churn(threading.Thread):
    """Scales applications, deletes Pods, and makes, changes and deletes Services."""

    def __init__(self, kubeconfig: str, oracle: Oracle, dice: random.Random, over: threading.Event) -> None:
        super().__init__(daemon=True)
        self.kubeconfig, self.oracle, self.dice, self.over = kubeconfig, oracle, dice, over
        self.counts: Counter[str] = Counter()

    def run(self) -> None:
        asyncio.run(self._change_until_over())

    async def _change_until_over(self) -> None:
        changes = (self._scale, self._delete_pod, self._write_service, self._write_service, self._delete_service)
        async with KubeClient.from_kubeconfig(self.kubeconfig) as client:
            while not self.over.is_set():
                change = self.dice.choice(changes)
                with contextlib.suppress(KubeError, Unreachable):  # a server that is not there; the oracle knows
                    await change(client)
                    self.counts[change.__name__.strip("_")] += 1
                await asyncio.sleep(self.dice.uniform(0.0, 0.2))

    async def _scale(self, client: KubeClient) -> None:
        path = DEPLOYMENTS.path("default", f"app-{self.dice.randrange(APPLICATIONS)}")
        await client.patch(path, {"spec": {"replicas": self.dice.randrange(4)}})

    async def _delete_pod(self, client: KubeClient) -> None:
        found = json.loads(await client.get(PODS.path("default"), {"labelSelector": "churned=yes"}))
        if found["items"]:
            name = self.dice.choice(found["items"])["metadata"]["name"]
            await client.delete(PODS.path("default", name))

    async def _write_service(self, client: KubeClient) -> None:
        number, value = self.dice.randrange(len(NAMES)), f"{time.monotonic_ns()}"
        document, path = service(number, value, self.dice), SERVICES.path("default", NAMES[number])
        with self._noted(NAMES[number], value) as answer:
            answer.update(await client.patch(path, document, APPLY_PATCH, {"fieldManager": "churn", "force": "true"}))

    async def _delete_service(self, client: KubeClient) -> None:
        name = self.dice.choice(NAMES)
        with self._noted(name, None):
            await client.delete(SERVICES.path("default", name))

    @contextlib.contextmanager
    def _noted(self, name: str, value: str | None) -> Iterator[Doc]:
        """Tell the oracle how a write ended; the answer goes into what is yielded."""
        answer, newest = {}, self.oracle.newest()
        try:
            yield answer
        except KubeError as error:
            if error.code in REFUSALS:
                self.oracle.refused(name)
            else:
                self.oracle.unknown(name, value)
            raise
        except Unreachable:
            self.oracle.unknown(name, value)
            raise
        version = answer.get("metadata", {}).get("resourceVersion")
        self.oracle.acknowledged(name, value, int(version) if version else None, newest)


def service(number: int, value: str, dice: random.Random) -> Doc:
    """A Service, whose number decides on its type: a change of type could be refused."""
    selector = {"app": f"app-{dice.randrange(APPLICATIONS)}"}
    spec = {"selector": selector, "ports": [{"name": "http", "port": dice.choice((80, 8080)), "targetPort": 80}]}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": NAMES[number], "annotations": {"value": value}},
        "spec": spec | TYPES[number % len(TYPES)],
    }
