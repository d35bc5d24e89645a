"""``fairlead.client`` beside naive clients, against a headless Service that grows, suffers crashes, and shrinks.

A lab; a Deployment of ``fairlead/echo`` that scales from 1 Pod to 50 and to 3. Before it shrinks, Pods are killed one
after the other: some are restarted in place, some disappear permanently without any notice. Clients in one Pod make the
same steady stream of requests each. One that looks the name up once does so while there is 1 Pod, another while there
are 50. Printed for each stretch of time: the share of requests that failed, how many Pods answered the others, and the
share of these that the busiest Pod answered. The picture is in ``bench/out/client.svg``. PODS in the environment sets
another number than 50.
"""

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

CHECKOUT = Path(__file__).parents[1]
FAIRLEAD = str(Path(sys.executable).with_name("fairlead"))
PATH = f"{Path(sys.executable).parent}:{os.environ['PATH']}"  # set-up puts a kubectl there where the machine has none
LAB = "bench-client"
OUT = Path(__file__).parent / "out"
FEW, MANY, LEFT = 1, int(os.environ.get("PODS", "50")), 3
STEADY, GROWN, CRASHES, SHRUNK = 10.0, 45.0, 10, 25.0  # seconds, and crashes two seconds apart
LATE = STEADY + 30.0  # seconds after which the late client looks up
WINDOW = 4.0  # seconds, of the picture
CLUSTER = ("KUBERNETES_SERVICE_HOST=10.96.0.1", "KUBERNETES_SERVICE_PORT=443")

SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "web"},
    "spec": {"clusterIP": "None", "selector": {"app": "web"}, "ports": [{"name": "http", "port": 80}]},
}
DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web"},
    "spec": {
        "replicas": FEW,
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "echo", "image": "fairlead/echo"}]},
        },
    },
}

ROLE = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "Role",
    "metadata": {"name": "slices"},
    "rules": [{"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["list", "watch"]}],
}
BINDING = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "RoleBinding",
    "metadata": {"name": "slices"},
    "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "slices"},
    "subjects": [{"kind": "ServiceAccount", "name": "default", "namespace": "default"}],
}


class Sample(NamedTuple):
    """One request: when it began, which client made it, and the Pod that answered; none when it failed."""

    at: float
    client: str
    pod: str


class Stretch(NamedTuple):
    """A time with a name."""

    name: str
    begin: float
    end: float


def main() -> None:
    with tempfile.NamedTemporaryFile("w+") as log, lab(), load(Path(log.name)):
        stretches = list(experiment())
        log.seek(0)
        samples = [read(line) for line in log if line.count("\t") == 2 and line.endswith("\n")]
    print(f"headless Service, {FEW} to {MANY} to {LEFT} Pods, TTL 30 s")
    print("of each client's requests: those that failed / Pods that answered / share of the busiest")
    print_table(samples, stretches)
    OUT.mkdir(exist_ok=True)
    draw(samples, stretches, OUT / "client.svg")


@contextmanager
def lab() -> Iterator[None]:
    with tempfile.NamedTemporaryFile("w", suffix=".json") as manifests:
        json.dump({"apiVersion": "v1", "kind": "List", "items": [SERVICE, DEPLOYMENT, ROLE, BINDING]}, manifests)
        manifests.flush()
        run(FAIRLEAD, "up", "--name", LAB, "--wait", "-f", manifests.name)
    try:
        yield
    finally:
        run(FAIRLEAD, "down", "--name", LAB)


@contextmanager
def load(log: Path) -> Iterator[None]:
    """The clients, as a Pod, writing to ``log``; ended before the lab is."""
    seconds = STEADY + 3 * GROWN + 2 * CRASHES + SHRUNK  # more than enough
    command = [FAIRLEAD, "run", "--name", LAB, "--", "env", *CLUSTER, sys.executable, "-m", "bench._client_load"]
    with log.open("w") as output:
        clients = subprocess.Popen([*command, str(seconds), str(LATE)], stdout=output, cwd=CHECKOUT)
        try:
            while not log.stat().st_size and clients.poll() is None:
                time.sleep(0.05)
            yield
        finally:
            clients.terminate()
            clients.wait(20)


def experiment() -> Iterator[Stretch]:
    """Do to the Pods what there is to do, and say when each thing was done."""
    begin = time.monotonic()
    time.sleep(STEADY)
    yield Stretch(f"{FEW} Pod", begin, time.monotonic())
    scale(MANY)
    grown = time.monotonic()
    print(f"{MANY} Pods ready after {grown - begin - STEADY:.1f} s", file=sys.stderr)
    time.sleep(GROWN)
    yield Stretch(f"{MANY} Pods, all ready", grown, time.monotonic())
    crashing = time.monotonic()
    for number in range(CRASHES):
        crash(number)
        time.sleep(2)
    yield Stretch(f"{CRASHES} crashes", crashing, time.monotonic())
    shrinking = time.monotonic()
    kubectl("scale", "deployment", "web", f"--replicas={LEFT}")
    time.sleep(SHRUNK)
    yield Stretch(f"down to {LEFT} Pods", shrinking, time.monotonic())


def scale(replicas: int) -> None:
    kubectl("scale", "deployment", "web", f"--replicas={replicas}")
    kubectl("rollout", "status", "deployment", "web", "--timeout=120s")


def crash(number: int) -> None:
    """Kill a Pod's processes, to be restarted where they are; or take the Pod away without telling it."""
    pod = random.choice(pods())
    if number % 2:
        kubectl("delete", "pod", pod, "--grace-period=0", "--force")
    else:
        subprocess.run([FAIRLEAD, "exec", "--name", LAB, pod, "--", "sh", "-c", "kill -9 -1"], check=False)


def pods() -> list[str]:
    listed = json.loads(kubectl("get", "pods", "-l", "app=web", "-o", "json"))["items"]
    return [pod["metadata"]["name"] for pod in listed if "deletionTimestamp" not in pod["metadata"]]


def read(line: str) -> Sample:
    at, client, pod = line.rstrip("\n").split("\t")
    return Sample(float(at), client, pod)


def clients_of(samples: list[Sample]) -> list[str]:
    return list(dict.fromkeys(sample.client for sample in samples))


def print_table(samples: list[Sample], stretches: list[Stretch]) -> None:
    print(f"{'':20}" + "".join(f"{stretch.name:>24}" for stretch in stretches))
    for client in clients_of(samples):
        mine = [sample for sample in samples if sample.client == client]
        print(f"{client:20}" + "".join(f"{summary(within(mine, stretch)):>24}" for stretch in stretches))


def within(samples: Iterable[Sample], stretch: Stretch) -> list[Sample]:
    return [sample for sample in samples if stretch.begin <= sample.at < stretch.end]


def summary(samples: list[Sample]) -> str:
    if not samples:
        return "-"
    pods = answered(samples)
    busiest = max(pods.values(), default=0) / max(1, pods.total())
    return f"{failed(samples) / len(samples):.1%} / {len(pods)} / {busiest:.0%}"


def failed(samples: list[Sample]) -> int:
    return sum(not sample.pod for sample in samples)


def answered(samples: list[Sample]) -> Counter[str]:
    """How often each Pod answered."""
    return Counter(sample.pod for sample in samples if sample.pod)


def draw(samples: list[Sample], stretches: list[Stretch], to: Path) -> None:
    """Failures and Pods in use over time, one line for each client."""
    from matplotlib.figure import Figure

    start, times = stretches[0].begin, windows(stretches)
    figure = Figure(figsize=(11, 7), layout="constrained")
    failing, using = figure.subplots(2, sharex=True)
    for number, client in enumerate(clients_of(samples)):
        mine = [sample for sample in samples if sample.client == client]
        parts = [within(mine, Stretch("", at, at + WINDOW)) for at in times]
        style = {"label": client, "where": "post", "linestyle": "--" if number % 2 else "-", "linewidth": 2}
        seconds = [at - start for at in times]
        failing.step(seconds, [100 * failed(part) / len(part) if part else None for part in parts], **style)
        using.step(seconds, [len(answered(part)) if part else None for part in parts], **style)
    for stretch in stretches:
        failing.text(stretch.begin - start, 103, f" {stretch.name}", fontsize=9)
        for axes in (failing, using):
            axes.axvspan(stretch.begin - start, stretch.end - start, color="0.5", alpha=0.08)
            axes.grid(alpha=0.3)
    failing.set(ylabel="requests that failed, %", ylim=(-3, 112))
    using.set(ylabel=f"Pods that answered in {WINDOW:.0f} s", xlabel="seconds")
    figure.legend(*using.get_legend_handles_labels(), loc="outside right upper")
    figure.savefig(to)
    figure.savefig(to.with_suffix(".png"), dpi=100)
    print(f"picture: {to.relative_to(CHECKOUT)}")


def windows(stretches: list[Stretch]) -> list[float]:
    """When each window of the picture begins."""
    begin, end = stretches[0].begin, stretches[-1].end
    return [begin + WINDOW * number for number in range(int((end - begin) / WINDOW))]


def kubectl(*arguments: str) -> str:
    kubeconfig = run(FAIRLEAD, "kubeconfig", "--name", LAB, "--path").strip()
    return run("kubectl", "--kubeconfig", kubeconfig, *arguments)


def run(*command: str) -> str:
    environment = {**os.environ, "PATH": PATH}
    return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE, env=environment).stdout


if __name__ == "__main__":
    main()
