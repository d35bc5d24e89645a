"""``python -m tests.robustness MINUTES [SEED]``: exit code 1 and the faults when anything was not as it must be.

Two worlds are hurt at the same time: one API server, whose disk and clock are under control, and a whole lab.
"""

import random
import sys
from concurrent.futures import ThreadPoolExecutor

from tests.robustness import lab_world, server_world

WORLDS = {"server": server_world.run, "lab": lab_world.run}


def main() -> int:
    minutes, seed = float(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(1 << 30)
    print(f"seed {seed}", flush=True)
    with ThreadPoolExecutor() as pool:
        running = {name: pool.submit(run, minutes, seed) for name, run in WORLDS.items()}
    failed = 0
    for name, world in running.items():
        figures, faults = world.result()
        failed += len(faults)
        for figure, value in figures.items():
            print(f"{name:<8}{figure.replace('_', ' '):<30}{value:>10}")
        for fault in faults:
            print(f"FAULT {name}: {fault}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
