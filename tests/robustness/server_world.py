"""One API server, its disk and its clock, and clients of every kind, while it is killed again and again."""

import random
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
from tests.support.jumping_clock import JumpingClock

WRITERS, WATCHERS, HOSTILE = 6, 4, 3
DAY = 86_400.0  # seconds


class World:
    """One API server, its disk, and all that happens to it."""

    def __init__(self, folder, seed):
        self.disk, self.clock = FailingDisk(folder), JumpingClock(folder)
        libraries = f"{self.disk.environment['LD_PRELOAD']}:{self.clock.environment['LD_PRELOAD']}"
        environment = {**self.disk.environment, **self.clock.environment, "LD_PRELOAD": libraries}
        self.server = ApiServer(folder / "data", environment).start()
        self.token, self.oracle, self.over = self.server.token, Oracle(), threading.Event()
        self.dice, self.counts = random.Random(seed), Counter()
        self.may_write, self.writers = threading.Event(), []
        self.may_write.set()

    def hurt(self):
        """One mishap, and what must be true after it."""
        mishap = self.dice.choice((self.kill, self.kill, self.fail_disk, self.fill_disk, self.move_clock))
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

    def move_clock(self):
        """Ahead or back by up to a day; it stays so until the next time."""
        self.clock.set(self.dice.uniform(-DAY, DAY))

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
    """(figures by name, faults) after so many minutes."""
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
        return figures(world, clients, count), world.oracle.faults


def figures(world, clients, count):
    return {
        **world.oracle.counts,
        **world.counts,
        "objects at the end": count,
        "events watched": sum(client.events for client in clients if isinstance(client, Watcher)),
        "attacks": sum(client.attacks for client in clients if isinstance(client, Hostile)),
    }
