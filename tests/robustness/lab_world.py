"""A whole lab, nodes of both back ends, while its objects change, its processes are killed and its disk is full."""

import asyncio
import contextlib
import json
import random
import threading
import time
from collections import Counter
from pathlib import Path

from fairlead.drivers.kube.client import APPLY_PATCH, KubeClient, KubeError, ResourcePath, Unreachable
from tests.robustness.oracle import Oracle
from tests.robustness.truth import everything_is_true
from tests.support.lab_processes import launcher
from tests.support.labs import Lab, eventually
from tests.support.net.spreading import addresses, traffic
from tests.support.users import users

MANIFESTS = [Path(__file__).with_name(name) for name in ("lab.yaml", "steady.yaml")]
CONFIG = "nodes: [{proxyMode: nftables}, {proxyMode: iptables}]\n"
NODES = ("node-1", "node-2")
APPLICATIONS, SERVICES = 4, 12
# What ends with its processes is the lab; the rest of what is in the log folder is forked again.
SPARED = {"lab", "init"}
RESTS = (0.5, 3.0)  # seconds from one mishap to the next
QUIET = 120.0  # seconds in which everything must have become true
HELD = 0.1  # seconds of a connection: ports that come round within two minutes meet what kernels remember of them

_SERVICES, _PODS = ResourcePath("v1", "services"), ResourcePath("v1", "pods")
_DEPLOYMENTS = ResourcePath("apps/v1", "deployments")


class Churn(threading.Thread):
    """Scales applications, deletes Pods, and makes, changes and deletes Services, by what the oracle notes."""

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
        path = _DEPLOYMENTS.path("default", f"app-{self.dice.randrange(APPLICATIONS)}")
        await client.patch(path, {"spec": {"replicas": self.dice.randrange(4)}})

    async def _delete_pod(self, client: KubeClient) -> None:
        found = json.loads(await client.get(_PODS.path("default"), {"labelSelector": "churned=yes"}))
        if found["items"]:
            name = self.dice.choice(found["items"])["metadata"]["name"]
            await client.delete(_PODS.path("default", name))

    async def _write_service(self, client: KubeClient) -> None:
        name, value = f"s-{self.dice.randrange(SERVICES)}", f"{time.monotonic_ns()}"
        document = service(name, value, self.dice)
        with self._noted(name, value):
            path = _SERVICES.path("default", name)
            await client.patch(path, document, APPLY_PATCH, {"fieldManager": "churn", "force": "true"})

    async def _delete_service(self, client: KubeClient) -> None:
        name = f"s-{self.dice.randrange(SERVICES)}"
        with self._noted(name, None):
            await client.delete(_SERVICES.path("default", name))

    @contextlib.contextmanager
    def _noted(self, name: str, value: str | None):
        """Tell the oracle what became of a write."""
        try:
            yield
        except KubeError as error:
            if error.code in (404, 409, 422, 429, 507):
                self.oracle.refused(name)
            else:
                self.oracle.unknown(name, value)
            raise
        except Unreachable:
            self.oracle.unknown(name, value)
            raise
        self.oracle.acknowledged(name, value, None, 0)


def service(name: str, value: str, dice: random.Random) -> dict:
    """A Service of some type; which one is in its name, as a type that changes may be refused."""
    number = int(name.rpartition("-")[2])
    selector = {"app": f"app-{dice.randrange(APPLICATIONS)}"}
    spec = {"selector": selector, "ports": [{"name": "http", "port": dice.choice((80, 8080)), "targetPort": 80}]}
    spec |= ({"type": "ClusterIP"}, {"type": "NodePort"}, {"clusterIP": "None"}, {"sessionAffinity": "ClientIP"})[
        number % 4
    ]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "annotations": {"value": value}},
        "spec": spec,
    }


class LabWorld:
    """The lab and its mishaps.

    Attributes:
        faults: what was not as it must be.
        counts: how often each mishap was.
        journal: when each was (seconds of the system's monotonic clock), and who was killed.
    """

    def __init__(self, lab: Lab, seed: int) -> None:
        self.lab, self.dice, self.oracle = lab, random.Random(seed), Oracle()
        self.counts: Counter[str] = Counter()
        self.journal: list[tuple[float, str]] = []
        self.over = threading.Event()

    def hurt(self) -> None:
        """One mishap: a process is killed, or the name servers in their Pods."""
        victims = self.victims()
        name = self.dice.choice([*victims, "name server"])
        self.counts[f"killed: {name.removeprefix('node-1-').removeprefix('node-2-')}"] += 1
        self.journal.append((time.monotonic(), name))
        if name == "name server":
            self.kill_name_server()
        else:
            with contextlib.suppress(ProcessLookupError):
                self.lab.kill(victims[name])

    def victims(self) -> dict[str, int]:
        found = {name: pid for name, pid in self.lab.component_pids().items() if name not in SPARED}
        for node in NODES:
            with contextlib.suppress(AssertionError):
                found[f"{node}-launcher"] = launcher(self.lab, node)
        return found

    def kill_name_server(self) -> None:
        """From inside: every process of the Pod's that is not its first."""
        pods = self.lab.kubectl("-n", "kube-system", "get", "pods", "-o", "name", check=False).stdout.split()
        if pods:
            pod = self.dice.choice(pods).removeprefix("pod/")
            command = ("exec", "--name", self.lab.name, "-n", "kube-system", pod, "--", "sh", "-c", "kill -9 -1")
            self.lab.fairlead(*command, check=False)

    def blamed(self, failures: list[tuple[float, str]]) -> Counter[tuple[str, str]]:
        """How often requests failed in each way after each kill, which is the last one before a request."""
        found: Counter[tuple[str, str]] = Counter()
        for began, failure in failures:
            before = [(at, name) for at, name in self.journal if at < began + 0.5]
            at, name = before[-1] if before else (began, "nobody")
            found[f"{name} ({began - at:+.1f} s)", failure] += 1
        return found

    def compare_services(self, when: str) -> None:
        """No write that was acknowledged is lost, none that was refused is there."""
        items = self.lab.get("services", "-l", "!kept")["items"]
        values = {item["metadata"]["name"]: item["metadata"].get("annotations", {}).get("value") for item in items}
        self.oracle.compare({name: value for name, value in values.items() if value}, when)


def run(minutes: float, seed: int) -> tuple[dict[str, int], list[str]]:
    """(figures by name, faults) after so many minutes."""
    lab = Lab(users()[-1], *(f"--filename={path}" for path in MANIFESTS))
    try:
        lab.configure(CONFIG)
        lab.up()
        return torment(lab, minutes, seed)
    finally:
        lab.close()


def torment(lab: Lab, minutes: float, seed: int) -> tuple[dict[str, int], list[str]]:
    """Run mishaps beside changes and traffic, end them, and compare what is there with the truth."""
    world = LabWorld(lab, seed)
    churn = Churn(lab.kubeconfig, world.oracle, random.Random(seed + 1), world.over)
    end = time.monotonic() + 60 * minutes
    with traffic(lab, *addresses(lab, "steady"), held=HELD) as asked:
        churn.start()
        while time.monotonic() < end:
            time.sleep(world.dice.uniform(*RESTS))
            world.hurt()
        world.over.set()
        churn.join(60)
        eventually(lambda: lab.get("nodes"), 60)
    world.compare_services("at the end")
    answered = sum(count for result in asked.results.values() for *_, count in result["answers"])
    for (victim, failure), count in world.blamed(asked.failures()).items():
        world.oracle.fault(f"{count} requests to Pods that were left alone failed after the end of {victim}: {failure}")
    asserted = 0
    try:
        asserted = eventually(lambda: everything_is_true(lab), QUIET)
    except AssertionError as error:
        world.oracle.fault(f"{QUIET:.0f} s after the last mishap: {error}")
    figures = {**world.oracle.counts, **churn.counts, **world.counts, "requests": answered, "truths": asserted}
    return figures, world.oracle.faults
