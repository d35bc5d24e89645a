"""How long ``fairlead up`` takes to be ready with the headless example, and what the lab weighs.

Beside it, in the same run: a fresh Python interpreter that only starts, and the kernel's share, which is the time that
``unshare`` takes to make as many sets of namespaces as the lab has (switch, nodes, Pods).
"""

import re
import statistics
import subprocess
import sys
import time
from pathlib import Path

FAIRLEAD = str(Path(sys.executable).with_name("fairlead"))
MANIFESTS = Path(__file__).parents[1] / "examples" / "headless" / "manifests.yaml"
NAME = "bench"
RUNS = 5
SETS_OF_NAMESPACES = 1 + 2 + 4


def main() -> None:
    ups, weights = zip(*(one_lab() for _ in range(RUNS)), strict=True)
    interpreter = statistics.median(seconds([sys.executable, "-c", "pass"]) for _ in range(RUNS))
    unshare = ["unshare", "--net", "--mount", "--uts", "--ipc", "--pid", "--fork", "true"]
    kernel = statistics.median(SETS_OF_NAMESPACES * seconds(unshare) for _ in range(RUNS))
    up = statistics.median(ups)
    processes, memory = weights[-1]
    print(f"fairlead up, 2 nodes and 4 Pods: median of {RUNS} runs")
    print(f"  ready after                   {up:7.2f} s   (min {min(ups):.2f}, max {max(ups):.2f}; aim: 2 s)")
    print(f"  python that only starts       {interpreter:7.3f} s   (up takes {up / interpreter:.0f} times that)")
    print(
        f"  unshare of {SETS_OF_NAMESPACES} such namespaces  {kernel:7.3f} s   (up takes {up / kernel:.0f} times that)"
    )
    print(f"  processes of ours             {processes:7d}")
    print(f"  memory (proportional set)     {memory:7d} MiB (aim: 200)")


def one_lab() -> tuple[float, tuple[int, int]]:
    """Seconds until ready, and (processes, MiB) of a lab that has come up."""
    try:
        took = seconds([FAIRLEAD, "up", "--name", NAME, "--wait", "-f", str(MANIFESTS)])
        status = subprocess.run([FAIRLEAD, "status"], check=True, text=True, capture_output=True).stdout
    finally:
        subprocess.run([FAIRLEAD, "down", "--name", NAME], check=True, capture_output=True)
    line = next(line for line in status.splitlines() if line.split()[0] == NAME)
    processes, memory = re.findall(r"(\d+)\s+(\d+) MiB", line)[0]
    return took, (int(processes), int(memory))


def seconds(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
