"""A large lab: 20 nodes, 500 Pods and 200 Services on this machine. How long until all are ready and in the rules of
every node, what it weighs, how soon one more Pod is ready, and what is left after ``down``.

Beside it, in the same run: the kernel's share, which is the time that ``unshare`` takes to make as many sets of
namespaces as the lab has Pods.
"""

import contextlib
import json
import os
import re
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from bench.lab import FAIRLEAD, lab_processes, run_folder, seconds

NODES, PODS, SERVICES = (
    int(os.environ.get(f"SCALE_{what}", usual)) for what, usual in (("NODES", 20), ("PODS", 500), ("SERVICES", 200))
)
NAME = "bench-scale"
PER_SERVICE = PODS // (SERVICES // 2)  # every second Service has Pods of its own, the others share them


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="fairlead-bench-", dir="/var/tmp") as folder:
        manifest = Path(folder, "scale.json")
        manifest.write_text("\n---\n".join(map(json.dumps, documents())))
        outside = host()
        try:
            up(manifest, Path(folder, "data"))
            lab = traces(lab_processes(NAME))
        finally:
            before = {path.name for path in Path("/proc").glob("[0-9]*")}
            took = seconds([FAIRLEAD, "down", "--name", NAME])
        tell("down took", took)
        # Numbers of namespaces are used again: those of a process that began only now are not ours.
        left = traces(Path("/proc", name) for name in before)
        changes = host() - outside
        kernel = PODS * seconds(["unshare", "--net", "--mount", "--uts", "--ipc", "--pid", "--fork", "true"])
        tell(f"unshare of {PODS} such sets", kernel)
        for what, were in lab.items():
            print(f"  {what + ', and left':<29} {len(were):7d} {len(were & left[what]):7d}")
        print(f"  links, mounts, run and temporary folders of ours, left: {sorted(changes) or 'none'}")
        asked_for = Counter(path.relative_to(folder, "data").parts[0] for path in Path(folder, "data").rglob("*"))
        print(f"  files in the data folder that was asked for: {dict(asked_for)}")


def documents() -> Iterator[dict]:
    """Deployments of small Pods, and two Services over each: one with a virtual IP, one with a node port."""
    for index in range(SERVICES // 2):
        labels = {"app": f"app-{index}"}
        template = {
            "metadata": {"labels": labels},
            "spec": {"containers": [{"name": "pause", "image": "fairlead/pause", "ports": [{"containerPort": 80}]}]},
        }
        spec = {"replicas": PER_SERVICE, "selector": {"matchLabels": labels}, "template": template}
        yield {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": f"app-{index}"}, "spec": spec}
        for name, kind in ((f"inner-{index}", "ClusterIP"), (f"outer-{index}", "NodePort")):
            ports = [{"port": 80, "targetPort": 80}]
            service = {"type": kind, "selector": labels, "ports": ports}
            yield {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": service}


def up(manifest: Path, data: Path) -> None:
    """Bring everything up, and tell how long each step took."""
    print(f"fairlead up, {NODES} nodes, {PODS} Pods, {SERVICES} Services, on {os.cpu_count()} cores", flush=True)
    options = ["--nodes", str(NODES), "--wait", "--timeout", "300", "--data", str(data)]
    tell("empty lab ready after", seconds([FAIRLEAD, "up", "--name", NAME, *options]))
    kubeconfig = fairlead("kubeconfig", "--name", NAME, "--path").strip()
    start = time.perf_counter()
    kubectl(kubeconfig, "create", "-f", str(manifest))
    tell("objects created after", time.perf_counter() - start)
    for index in range(SERVICES // 2):
        kubectl(kubeconfig, "rollout", "status", f"deployment/app-{index}", "--timeout=300s")
    tell("all Pods ready after", time.perf_counter() - start)
    wait_for_rules(kubeconfig)
    tell("in the rules of every node", time.perf_counter() - start)
    start = time.perf_counter()
    kubectl(kubeconfig, "scale", "deployment/app-0", f"--replicas={PER_SERVICE + 1}")
    kubectl(kubeconfig, "rollout", "status", "deployment/app-0", "--timeout=60s")
    tell("one more Pod ready after", time.perf_counter() - start)
    line = next(line for line in fairlead("status").splitlines() if line.split()[:1] == [NAME])
    processes, memory = map(int, re.findall(r"(\d+)\s+(\d+) MiB", line)[0])
    print(f"  memory (proportional set)     {memory:7d} MiB  ({1024 * memory / processes:.0f} KiB for each process)")


def tell(what: str, took: float) -> None:
    print(f"  {what:<29} {took:7.2f} s", flush=True)


def wait_for_rules(kubeconfig: str) -> None:
    """Until every node's table has every Pod's address."""
    selection = ["-o", "jsonpath={.items[*].status.podIP}"]
    addresses = set(kubectl(kubeconfig, "get", "pods", *selection).split())
    for index in range(1, NODES + 1):
        while addresses - set(re.findall(r"[0-9.]+", rules(f"node-{index}"))):
            time.sleep(0.1)


def rules(node: str) -> str:
    return fairlead("exec", "--name", NAME, "--node", node, "--", "nft", "list", "table", "ip", "fairlead")


def traces(processes: Iterable[Path]) -> dict[str, set]:
    """What is alive of processes and their namespaces, by what nothing else will ever be called."""
    here = {os.readlink(path) for path in Path("/proc/self/ns").iterdir()}
    alive, namespaces = set(), set()
    for path in processes:
        with contextlib.suppress(OSError):
            state, *_, started = (path / "stat").read_bytes().rpartition(b")")[2].split()[:20]
            if state != b"Z":  # one that has ended, and whose parent, not of ours, has not looked yet
                alive.add((path.name, started))
            namespaces |= {os.readlink(link) for link in (path / "ns").iterdir()} - here
    return {"processes": alive, "namespaces": namespaces}


def host() -> set[str]:
    """What a lab must not add to of this machine."""
    links, mounts = os.listdir("/sys/class/net"), Path("/proc/self/mounts").read_text().splitlines()
    folders = [run_folder().glob(f"{NAME}*"), *(Path(folder).glob("*fairlead*") for folder in ("/tmp", "/var/tmp"))]
    return {*links, *mounts, *(str(path) for paths in folders for path in paths)}


def fairlead(*arguments: str) -> str:
    return subprocess.run([FAIRLEAD, *arguments], check=True, text=True, capture_output=True).stdout


def kubectl(kubeconfig: str, *arguments: str) -> str:
    command = ["kubectl", "--kubeconfig", kubeconfig, *arguments]
    return subprocess.run(command, check=True, text=True, capture_output=True).stdout


if __name__ == "__main__":
    main()
