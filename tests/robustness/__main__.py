"""``python -m tests.robustness MINUTES [SEED]``: exit code 1 and the faults when anything was not as it must be."""

import random
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

from tests.robustness.clients import Watcher, Writer, everything
from tests.robustness.hostile import Hostile
from tests.robustness.oracle import Oracle
from tests.support.api_servers import ApiServer
from tests.support.failing_disk import FailingDisk

WRITERS, WATCHERS, HOSTILE = 6, 4, 3


class World:
    """One API server, its disk, and all that happens to it."""

    def __init__(self, folder, seed):
        self.disk = FailingDisk(folder)
        self.server = ApiServer(folder / "data", self.disk.environment).start()
        self.token, self.oracle, self.over = self.server.token, Oracle(), threading.Event()
        self.dice, self.counts = random.Random(seed), Counter()
        self.may_write, self.writers = threading.Event(), []
        self.may_write.set()

    def hurt(self):
        """One mishap, and what must be true after it."""
        mishap = self.dice.choice((self.kill, self.kill, self.fail_disk, self.fill_disk))
        self.counts[mishap.__name__] += 1
        mishap()

    def kill(self):
        self.server.kill()
        for switch in (self.disk.flush_fails, self.disk.is_full):
            switch.unlink(missing_ok=True)
        self.may_write.clear()
        for writer in self.writers:
            with writer.writing:  # its last write has failed
                pass
        self.server.start()
        self.check(f"after {sum(self.counts.values())} mishaps")
        self.may_write.set()

    def fail_disk(self):
        self.disk.flush_fails.touch()
        self.over.wait(self.dice.uniform(0.2, 1.0))
        if self.dice.random() < 0.5:
            self.kill()
        self.disk.flush_fails.unlink(missing_ok=True)

    def fill_disk(self):
        self.disk.is_full.touch()
        self.over.wait(self.dice.uniform(0.2, 1.0))
        self.disk.is_full.unlink(missing_ok=True)

    def check(self, when):
        """Hold what the server has against the oracle; nobody may be writing."""
        found, services = everything(self)
        self.oracle.compare(found, when)
        addresses = Counter(service["spec"]["clusterIP"] for service in services)
        ports = Counter(p["nodePort"] for s in services for p in s["spec"]["ports"] if p.get("nodePort"))
        for given, count in (addresses | ports).items():
            if count > 1:
                self.oracle.fault(f"{when}: {given} was given {count} times")
        return len(found)


def run(minutes, seed):
    """The world after so many minutes, its clients, and how many objects it has."""
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder), seed)
        world.writers = [Writer(world, number) for number in range(WRITERS)]
        clients = [*world.writers]
        clients += [Watcher(world, number) for number in range(WATCHERS)]
        clients += [Hostile(world, number) for number in range(HOSTILE)]
        for client in clients:
            client.start()
        end = time.monotonic() + 60 * minutes
        while time.monotonic() < end:
            world.over.wait(world.dice.uniform(0.5, 3.0))
            world.hurt()
        world.over.set()
        for client in clients:
            client.join(60)
        world.check("at the end")
        world.kill()
        count = world.check("after the last kill")
        world.server.stop()
        return world, clients, count


def main():
    minutes, seed = float(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(1 << 30)
    print(f"seed {seed}", flush=True)
    world, clients, count = run(minutes, seed)
    figures = {**world.oracle.counts, **world.counts, "objects at the end": count}
    figures["events watched"] = sum(client.events for client in clients if isinstance(client, Watcher))
    figures["attacks"] = sum(client.attacks for client in clients if isinstance(client, Hostile))
    for name, figure in figures.items():
        print(f"{name.replace('_', ' '):<20}{figure:>10}")
    for fault in world.oracle.faults:
        print(f"FAULT {fault}")
    return 1 if world.oracle.faults else 0


if __name__ == "__main__":
    sys.exit(main())
