"""What every example is made of: a lab of its own, and steps that run a command in it and say what the output means.

``run`` brings the lab up with the manifests beside the example, shows its steps, then stays up until Ctrl-C; with
``--once`` on the command line it ends after the last step instead. ``--lab NAME`` shows an example that needs no lab of
a special kind in one that runs already; the objects of its manifests are deleted at the end. Exit code 1: a step never
showed what it waits for.
"""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from string import Template
from typing import NamedTuple

CHECKOUT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
PATH = f"{BIN}:{os.environ.get('PATH', '')}:/usr/sbin:/sbin"  # set-up puts a kubectl in BIN where the machine has none
FAIRLEAD = str(BIN / "fairlead")
HERE, OUTSIDE = "", "outside"
PATIENCE = 120.0  # seconds for what follows from a change to be seen, and for a command to end


class Step(NamedTuple):
    """A shell command, and one line on what its output shows.

    Attributes:
        where: a Pod; ``node/NAME``; OUTSIDE the cluster; or HERE: on this machine with the lab's KUBECONFIG.
        until: run the command again until this pattern is in its output: for what follows from a change made before.
    """

    where: str
    command: str
    meaning: str = ""
    until: str = ""


class Lab:
    """A lab that runs."""

    def __init__(self, name: str) -> None:
        self.name = name
        kubeconfig = fairlead("kubeconfig", "--name", name, "--path").stdout.strip()
        self.environment = {**os.environ, "PATH": PATH, "KUBECONFIG": kubeconfig}

    def show(self, step: Step) -> str:
        """Run a step and print its command, its output and its meaning; the output."""
        heading(f"{step.where}$ {step.command}")
        deadline = time.monotonic() + PATIENCE
        asked, output = time.monotonic(), self.output(step.where, step.command)
        while not re.search(step.until, output, re.MULTILINE) and time.monotonic() < deadline:
            time.sleep(max(0.2, 2 * (time.monotonic() - asked)))  # most of the machine is for what is waited for
            asked, output = time.monotonic(), self.output(step.where, step.command)
        print(output, end="" if output.endswith("\n") or not output else "\n")
        if not re.search(step.until, output, re.MULTILINE):
            sys.exit(f"still no {step.until!r} after {PATIENCE:.0f} s")
        if step.meaning:
            print(f"=> {step.meaning}", flush=True)
        return output

    def output(self, where: str, command: str) -> str:
        """What a shell command prints, errors included; the example ends if the command does not."""
        try:
            done = subprocess.run(
                [*self._shell(where), command],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                text=True,
                check=False,
                cwd=CHECKOUT,
                env=self.environment,
                timeout=PATIENCE,
            )
        except subprocess.TimeoutExpired as waited:
            sys.exit(f"still running after {PATIENCE:.0f} s, and printed so far:\n{(waited.stdout or b'').decode()}")
        return done.stdout

    def _shell(self, where: str) -> list[str]:
        if where == HERE:
            return ["sh", "-c"]
        if where == OUTSIDE:
            return [FAIRLEAD, "run", "--name", self.name, "--outside", "--", "sh", "-c"]
        target = ["--node", where.removeprefix("node/")] if where.startswith("node/") else [where]
        return [FAIRLEAD, "exec", "--name", self.name, *target, "--", "sh", "-c"]

    def stay_up(self, ideas: Iterable[str]) -> None:
        """Print commands to go on with, and wait for Ctrl-C."""
        heading("The lab stays up until Ctrl-C. In another terminal:")
        print(f'  export PATH="{BIN}:$PATH" KUBECONFIG={self.environment["KUBECONFIG"]}')
        for idea in ideas:
            print(f"  {idea}")
        sys.stdout.flush()
        signal.pause()


@contextmanager
def lab_of(example: str, ideas: Iterable[str], **places: str) -> Iterator[Lab]:
    """A Lab with the example's manifests, and after the context's body a look at it until Ctrl-C.

    Args:
        ideas: commands to go on with.
        places: what ``$NAME`` stands for in the manifests.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    manifests = Template((CHECKOUT / "examples" / example / "manifests.yaml").read_text()).substitute(places)
    with visited(running_lab(), manifests) if running_lab() else started(example, manifests) as lab:
        try:
            yield lab
            if "--once" not in sys.argv:
                lab.stay_up(ideas)
        except KeyboardInterrupt:
            print()


def running_lab() -> str:
    """The lab that the command line names, if it names one."""
    return sys.argv[sys.argv.index("--lab") + 1] if "--lab" in sys.argv[:-1] else ""


@contextmanager
def started(example: str, manifests: str) -> Iterator[Lab]:
    """A new lab, for as long as the context lasts."""
    name = example.replace("_", "-")
    up = [FAIRLEAD, "up", "--name", name, "--wait", "-f", "-"]
    if (config := CHECKOUT / "examples" / example / "lab.yaml").exists():
        up += ["--config", str(config)]
    if subprocess.run(up, input=manifests, text=True, check=False).returncode:
        sys.exit(3)
    try:
        yield Lab(name)
    finally:
        fairlead("down", "--name", name)


@contextmanager
def visited(name: str, manifests: str) -> Iterator[Lab]:
    """A lab that runs already, with the manifests' objects for as long as the context lasts."""
    from fairlead.lab import Lab as Attached

    lab, attached = Lab(name), Attached.attach(name)
    try:
        attached.apply(manifests)
        lab.output(HERE, "kubectl wait --for=condition=Ready pods --all --all-namespaces --timeout=50s")
        attached.wait_ready()
        yield lab
    finally:
        attached.detach()
        delete = ["kubectl", "delete", "--grace-period=1", "--wait", "-f", "-"]
        subprocess.run(delete, input=manifests, text=True, check=False, capture_output=True, env=lab.environment)


def run(example: str, steps: Iterable[Step], ideas: Iterable[str]) -> None:
    """Bring the example's lab up, show the steps, and stay up."""
    with lab_of(example, ideas) as lab:
        for step in steps:
            lab.show(step)


def fairlead(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([FAIRLEAD, *arguments], text=True, check=False, capture_output=True)


def heading(text: str) -> None:
    print(f"\n\033[1m{text}\033[0m" if sys.stdout.isatty() else f"\n{text}", flush=True)
