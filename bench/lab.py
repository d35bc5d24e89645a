"""How long ``fairlead up`` takes to be ready with the headless example, of processors too, and what the lab weighs.

Beside it, in the same run: a fresh Python interpreter that only starts, and the kernel's share, which is the time that
``unshare`` takes to make as many sets of namespaces as the lab has (switch, nodes, Pods).
"""

import json
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

FAIRLEAD = str(Path(sys.executable).with_name("fairlead"))
MANIFESTS = Path(__file__).parents[1] / "examples" / "headless" / "manifests.yaml"
NAME = "bench"
RUNS = 5
SETS_OF_NAMESPACES = 1 + 2 + 4


def main() -> None:
    ups, works, weights = zip(*(one_lab() for _ in range(RUNS)), strict=True)
    interpreter = statistics.median(seconds([sys.executable, "-c", "pass"]) for _ in range(RUNS))
    unshare = ["unshare", "--net", "--mount", "--uts", "--ipc", "--pid", "--fork", "true"]
    kernel = statistics.median(SETS_OF_NAMESPACES * seconds(unshare) for _ in range(RUNS))
    up = statistics.median(ups)
    processes, memory = weights[-1]
    print(f"fairlead up, 2 nodes and 4 Pods: median of {RUNS} runs")
    print(f"  ready after                   {up:7.2f} s   (min {min(ups):.2f}, max {max(ups):.2f}; aim: 2 s)")
    print(f"  processor time until then     {statistics.median(works):7.2f} s   (of the command and of all processes)")
    print(f"  python that only starts       {interpreter:7.3f} s   (up takes {up / interpreter:.0f} times that)")
    print(
        f"  unshare of {SETS_OF_NAMESPACES} such namespaces  {kernel:7.3f} s   (up takes {up / kernel:.0f} times that)"
    )
    print(f"  processes of ours             {processes:7d}")
    print(f"  memory (proportional set)     {memory:7d} MiB (aim: 200)")


def one_lab() -> tuple[float, float, tuple[int, int]]:
    """Seconds until ready, of processors too, and (processes, MiB) of a lab that has come up."""
    try:
        before = work_of_commands()
        took = seconds([FAIRLEAD, "up", "--name", NAME, "--wait", "-f", str(MANIFESTS)])
        worked = work_of_commands() - before + sum(map(work, lab_processes(NAME)))
        status = subprocess.run([FAIRLEAD, "status"], check=True, text=True, capture_output=True).stdout
    finally:
        subprocess.run([FAIRLEAD, "down", "--name", NAME], check=True, capture_output=True)
    line = next(line for line in status.splitlines() if line.split()[0] == NAME)
    processes, memory = re.findall(r"(\d+)\s+(\d+) MiB", line)[0]
    return took, worked, (int(processes), int(memory))


def work_of_commands() -> float:
    """Seconds of processors that commands of this process have taken which have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def work(process: Path) -> float:
    """Seconds of processors that a process, and those that it has waited for, have taken (proc(5))."""
    return sum(map(int, read(process / "stat").rpartition(b")")[2].split()[11:15])) / os.sysconf("SC_CLK_TCK")


def lab_processes(name: str) -> list[Path]:
    """Folders in /proc of all processes of the lab."""
    parents = {path: read(path / "stat").rpartition(b")")[2].split()[1:2] for path in Path("/proc").glob("[0-9]*")}
    found = [Path("/proc", str(json.loads((run_folder() / name / "lab.json").read_text())["pid"]))]
    for path in found:  # grows on the way
        found += [child for child, parent in parents.items() if parent == [path.name.encode()]]
    return found


def run_folder() -> Path:
    base = os.environ.get("XDG_RUNTIME_DIR") or f"{tempfile.gettempdir()}/fairlead-{os.getuid()}"
    return Path(base, "fairlead")


def read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def seconds(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
