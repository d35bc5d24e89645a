"""A whole lab, nodes of both back ends, while its objects change, its processes are killed, its disk fills up and
fails, its clock jumps, and hostile clients are at its API server."""

import contextlib
import random
import threading
import time
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

from tests.robustness.churn import NAMES, Churn
from tests.robustness.follower import Follower
from tests.robustness.hostile import Hostile
from tests.robustness.oracle import Oracle
from tests.robustness.truth import everything_is_true
from tests.support.hurt_labs import HurtLab
from tests.support.lab_processes import launcher
from tests.support.labs import eventually
from tests.support.net.spreading import addresses, traffic
from tests.support.users import users

MANIFESTS = [Path(__file__).with_name(name) for name in ("lab.yaml", "steady.yaml")]
CONFIG = "nodes: [{proxyMode: nftables}, {proxyMode: iptables}]\n"
NODES = ("node-1", "node-2")
# What ends with its processes is the lab; the rest of what is in the log folder is forked again.
SPARED = {"lab", "init"}
RESTS = (0.5, 3.0)  # seconds from one mishap to the next
QUIET = 120.0  # seconds in which everything must have become true
HELD = 0.1  # seconds of a connection: ports that come round within two minutes meet what kernels remember of them
HOSTILE = 2
# Seconds by which the clock may be off: certificates are good from an hour before they are made.
BEHIND, AHEAD = 1800.0, 86_400.0


class LabWorld:
    """The lab and its mishaps.

    Attributes:
        counts: how often each mishap was.
        journal: when each was (seconds of the system's monotonic clock), and what.
    """

    def __init__(self, lab: HurtLab, seed: int) -> None:
        self.lab, self.dice, self.oracle = lab, random.Random(seed), Oracle()
        self.counts: Counter[str] = Counter()
        self.journal: list[tuple[float, str]] = []
        self.over = threading.Event()
        self.server = SimpleNamespace(port=int((lab.seen_data / "api-port").read_text()), data=lab.seen_data)
        self.token = lab.kubectl("create", "token", "default").stdout.strip()

    def hurt(self) -> None:
        """One mishap; mostly a kill."""
        mishap = self.dice.choices((self.kill, self.fill_disk, self.fail_flushes, self.move_clock), (7, 1, 1, 1))[0]
        mishap()

    def kill(self) -> None:
        """A process, or the name servers in their Pods."""
        victims = self.victims()
        name = self.dice.choice([*victims, "name server"])
        self.note(f"killed: {name.removeprefix('node-1-').removeprefix('node-2-')}")
        if name == "name server":
            self.kill_name_server()
        else:
            with contextlib.suppress(ProcessLookupError):
                self.lab.kill(victims[name])

    def fill_disk(self) -> None:
        self.note("full disk")
        self.lab.fill_disk()
        self.wait_or_kill()
        self.lab.empty_disk()

    def fail_flushes(self) -> None:
        self.note("failing flushes")
        self.lab.disk.flush_fails.touch()
        self.wait_or_kill()
        self.lab.disk.flush_fails.unlink()

    def wait_or_kill(self) -> None:
        """Let a trouble last; half of them meet a process that is started."""
        if self.dice.random() < 0.5:
            self.kill()
        self.over.wait(self.dice.uniform(*RESTS))

    def move_clock(self) -> None:
        """It stays so until the next time."""
        self.note("moved clock")
        self.lab.clock.set(self.dice.uniform(-BEHIND, AHEAD))

    def note(self, mishap: str) -> None:
        self.counts[mishap] += 1
        self.journal.append((time.monotonic(), mishap))

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
        """How often requests failed in each way after each mishap, which is the last one before a request."""
        found: Counter[tuple[str, str]] = Counter()
        for began, failure in failures:
            before = [(at, name) for at, name in self.journal if at < began + 0.5]
            at, name = before[-1] if before else (began, "nothing")
            found[f"{name} ({began - at:+.1f} s)", failure] += 1
        return found

    def compare_services(self, when: str) -> None:
        """No write that was acknowledged is lost, none that was refused is there."""
        items = self.lab.get("services", "-l", "!kept")["items"]
        values = {item["metadata"]["name"]: item["metadata"].get("annotations", {}).get("value") for item in items}
        self.oracle.compare({name: value for name, value in values.items() if value}, when)


def run(minutes: float, seed: int) -> tuple[dict[str, int], list[str]]:
    """(figures by name, faults) after so many minutes."""
    lab = HurtLab(users()[-1], *(f"--filename={path}" for path in MANIFESTS))
    try:
        lab.configure(CONFIG)
        lab.up()
        return torment(lab, minutes, seed)
    finally:
        lab.close()


def torment(lab: HurtLab, minutes: float, seed: int) -> tuple[dict[str, int], list[str]]:
    """Run mishaps beside changes, traffic and attacks, end them, and compare what is there with the truth."""
    world = LabWorld(lab, seed)
    churn = Churn(lab.kubeconfig, world.oracle, random.Random(seed + 1), world.over)
    follower = Follower(lab.kubeconfig, world.oracle, world.over)
    attackers = [Hostile(world, seed + number) for number in range(HOSTILE)]
    clients = [churn, follower, *attackers]
    end = time.monotonic() + 60 * minutes
    with traffic(lab, *addresses(lab, "steady"), held=HELD) as asked:
        for client in clients:
            client.start()
        while time.monotonic() < end:
            time.sleep(world.dice.uniform(*RESTS))
            world.hurt()
        ended = [client for client in clients if not client.is_alive()]
        world.over.set()
        for client in clients:
            client.join(60)
        lab.clock.set(0)
        eventually(lambda: lab.get("nodes"), 60)
    for client in ended:
        world.oracle.fault(f"{type(client).__name__} ended too early")
    world.compare_services("at the end")
    answered = sum(count for result in asked.results.values() for *_, count in result["answers"])
    for (mishap, failure), count in world.blamed(asked.failures()).items():
        world.oracle.fault(f"{count} requests to Pods that were left alone failed after {mishap}: {failure}")
    asserted = 0
    try:
        asserted = eventually(lambda: everything_is_true(lab, NAMES), QUIET)
    except AssertionError as error:
        world.oracle.fault(f"{QUIET:.0f} s after the last mishap: {error}")
    figures = {**world.oracle.counts, **churn.counts, **world.counts, "requests": answered, "truths": asserted}
    figures |= {"events watched": follower.events, "attacks": sum(each.attacks for each in attackers)}
    return figures, world.oracle.faults
