"""Containers of real images beside commands of this machine, a hundred Pods of one, and unpacking beside ``tar``."""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.support.image_roots import busybox_root

from bench.lab import FAIRLEAD, seconds
from fairlead.drivers.images.incoming import digest_of_file
from fairlead.drivers.images.layer_stream import LayerStream
from fairlead.drivers.images.unpacking import unpack_layer
from fairlead.images.layer_plan import USUAL_LIMITS
from fairlead.lab import Lab, LabSpec

STARTS, PODS, RUNS = 15, 100, 3
IMAGE, COMMAND = "bench/box:1", "busybox"
FOLDERS = ("usr/lib/python3", "usr/lib/python3.11", "usr/bin", "usr/share/doc", "usr/share/zoneinfo", "usr/sbin")


def main() -> None:
    folder = Path(tempfile.mkdtemp(prefix="fairlead-bench-", dir="/var/tmp"))
    os.environ["XDG_DATA_HOME"] = str(folder / "data")
    try:
        root = busybox_root(folder / "root")
        words = ["image", "load", f"rootfs:{root}", "--name", IMAGE, "--cmd", "sleep", "--cmd", "infinity"]
        subprocess.run([FAIRLEAD, *words], check=True, capture_output=True)
        with Lab(LabSpec(nodes=1)) as lab:
            one_by_one(lab)
            many(lab, folder)
        unpacking(folder)
    finally:
        shutil.rmtree(folder)


def pod(name: str, image: str) -> dict[str, Any]:
    container = {"name": "main", "image": image, "command": ["sleep", "infinity"]}
    spec = {"terminationGracePeriodSeconds": 0, "containers": [container]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


def one_by_one(lab: Lab) -> None:
    """Seconds until a Pod runs, from its creation, taking turns."""
    took: dict[str, list[float]] = {IMAGE: [], COMMAND: []}
    for number in range(STARTS):
        for image, found in took.items():
            name = f"one-{number}-{'box' if image == IMAGE else 'command'}"
            began = time.perf_counter()
            lab.apply(pod(name, image))
            while lab.get("Pod", name)["status"].get("phase") != "Running":
                time.sleep(0.002)
            found.append(time.perf_counter() - began)
            lab.delete(pod(name, image))
    box, command = (1000 * statistics.median(found) for found in took.values())
    print(f"a Pod runs after its creation: median of {STARTS}")
    print(f"  of an image                   {box:7.0f} ms")
    print(f"  of a command of this machine  {command:7.0f} ms  (image: {box - command:+.0f} ms; aim: 50 more)")


def many(lab: Lab, folder: Path) -> None:
    """A hundred Pods at once: seconds, and what memory and disk they take."""
    for image in (COMMAND, IMAGE):
        before, disk = memory(), used(folder)
        began = time.perf_counter()
        lab.apply(*(pod(f"many-{number}", image) for number in range(PODS)))
        lab.wait_ready(120)
        took = time.perf_counter() - began
        each = (memory() - before) / PODS
        print(f"{PODS} Pods of {image}: {took:.1f} s, {each:.1f} MiB each, {(used(folder) - disk) // 1024} KiB of disk")
        lab.delete(*(pod(f"many-{number}", image) for number in range(PODS)))
        while lab.list("Pod"):
            time.sleep(0.1)


def memory() -> float:
    """MiB of this machine that are in use, shared memory included."""
    fields = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    return (int(fields["MemTotal"].split()[0]) - int(fields["MemAvailable"].split()[0])) / 1024


def used(folder: Path) -> int:
    """Octets on disk below a folder."""
    return sum(path.lstat().st_blocks * 512 for path in folder.rglob("*"))


def unpacking(folder: Path) -> None:
    """A layer of some hundred megabytes, by ``tar`` and by the store."""
    plain, packed = folder / "layer.tar", folder / "layer.tar.gz"
    there = [name for name in FOLDERS if Path("/", name).exists()]
    subprocess.run(["tar", "-C", "/", "-cf", plain, *there], check=True)
    with open(plain, "rb") as file:
        digest, size = digest_of_file(file)
    subprocess.run(["gzip", "-k", plain], check=True)
    took: dict[str, list[float]] = {"tar": [], "the store": []}
    for _ in range(RUNS):
        for name, found in took.items():
            target = folder / "unpacked"
            target.mkdir()
            os.sync()
            found.append(by_tar(packed, target) if name == "tar" else by_store(packed, digest, target))
            shutil.rmtree(target)
    tar, store = (statistics.median(found) for found in took.values())
    print(f"unpacking {size // 1_000_000} MB ({packed.stat().st_size // 1_000_000} MB gzip): median of {RUNS}")
    print(f"  tar                           {tar:7.2f} s")
    print(f"  the store, with its hash      {store:7.2f} s   ({store / tar:.2f} times; aim: 1.3)")


def by_tar(packed: Path, target: Path) -> float:
    return seconds(["tar", "-xpf", str(packed), "-C", str(target)])


def by_store(packed: Path, digest: str, target: Path) -> float:
    began = time.perf_counter()
    with open(packed, "rb", buffering=0) as blob:
        stream = LayerStream(blob, "gzip", digest, USUAL_LIMITS)
        try:
            unpack_layer(stream, target, keep_owners=os.geteuid() == 0, limits=USUAL_LIMITS)
        finally:
            stream.close()
    return time.perf_counter() - began


if __name__ == "__main__":
    sys.exit(main())
