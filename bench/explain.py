"""``explain`` and ``doctor`` over a dump of a large cluster, as files: 10,000 Services, each with ten Pods.

Each line is a process of its own, and its memory the most that it ever had (the kernel's). The first figure is Python's
own ``json`` on the same files: what reading them costs any program.
"""

import itertools
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from tests.support.cluster_dumps import endpoint_slice, pod, service, sliced, system

SIZES = (1_000, 10_000)
PODS = 10  # of each Service
ASKED = "svc/s7"
LIMITS = "explain of one Service 1 s once the files are read, doctor of everything 20 s"


class Figures(NamedTuple):
    """Seconds, and MiB."""

    parsing: float
    reading: float
    first: float
    again: float
    examining: float
    findings: int
    memory: float


def main() -> None:
    print(f"Files of a cluster, each Service with {PODS} Pods; aims: {LIMITS}")
    print(f"{'Services':>9} {'json':>10} {'read':>8} {'explain':>9} {'again':>9} {'doctor':>8} {'finds':>6} {'MiB':>5}")
    for size in SIZES:
        with tempfile.TemporaryDirectory(prefix="fairlead-bench-") as folder:
            write(Path(folder), size)
            each = measured(folder)
        print(
            f"{size:9,} {each.parsing:8.2f} s {each.reading:6.2f} s {each.first * 1000:6.0f} ms "
            f"{each.again * 1000:6.1f} ms {each.examining:6.1f} s {each.findings:6} {each.memory:6.0f}"
        )


def documents(size: int) -> Iterator[dict[str, Any]]:
    """Healthy Services but for one of every hundred, whose selector matches nothing."""
    yield from sliced(system())
    for number in range(size):
        labels = {"app": f"a{number}"}
        ips = [
            f"10.{64 + number // 20_000}.{number * PODS // 250 % 250}.{n + 1 + number * PODS % 250}"
            for n in range(PODS)
        ]
        is_broken = number % 100 == 50
        selector = {"app": f"b{number}"} if is_broken else labels
        yield service(f"s{number}", f"172.16.{number // 250}.{number % 250 + 1}", selector=selector)
        pods = [pod(f"p{number}-{n}", labels, ip=ip) for n, ip in enumerate(ips)]
        yield from pods
        target = [
            {
                "addresses": [ip],
                "conditions": {"ready": True},
                "targetRef": {"kind": "Pod", "name": each["metadata"]["name"]},
            }
            for ip, each in zip(ips, pods, strict=True)
        ]
        yield endpoint_slice(f"s{number}", [] if is_broken else target)


def write(folder: Path, size: int) -> None:
    """A file for each kind, as ``kubectl get KIND -A -o json`` writes it."""
    kinds: dict[str, list[dict[str, Any]]] = {}
    for each in documents(size):
        kinds.setdefault(each["kind"], []).append(each)
    for kind, items in kinds.items():
        (folder / f"{kind}.json").write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))


def measured(folder: str) -> Figures:
    command = [sys.executable, "-m", "bench.explain", folder]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    parsing = subprocess.run([*command, "parse"], stdout=subprocess.PIPE, text=True, check=True)
    return Figures(float(parsing.stdout), *json.loads(done.stdout))


def parse(folder: str) -> None:
    start = time.perf_counter()
    for path in Path(folder).iterdir():
        json.loads(path.read_text())
    print(time.perf_counter() - start)


def measure(folder: str) -> None:
    """Prints what the rest of ``Figures`` are."""
    from fairlead.drivers.sources.files import read_cluster_files
    from fairlead.explain.doctor.examine import examine
    from fairlead.explain.proxying import Proxying
    from fairlead.explain.subjects import explain, parse_subject

    times = [time.perf_counter()]
    cluster = read_cluster_files([folder])
    times.append(time.perf_counter())
    for _ in range(2):
        explain(cluster, parse_subject(ASKED), Proxying())
        times.append(time.perf_counter())
    found = examine(cluster)
    times.append(time.perf_counter())
    seconds = [end - start for start, end in itertools.pairwise(times)]
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps([*seconds, len(found), memory]))


if __name__ == "__main__":
    (parse if sys.argv[2:] else measure)(sys.argv[1])
