"""Runs an example in folders of its own, so that it may run beside another of the same name; reads what it printed."""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from tests.support.labs import Lab
from tests.support.users import CHECKOUT, User


class Shown(NamedTuple):
    """A step as it was printed."""

    command: str
    output: str


class Play:
    """What an example printed, to be read from top to bottom."""

    def __init__(self, text: str) -> None:
        found = re.findall(r"^(\S*\$ .*)\n((?:(?!=> |\S*\$ ).*\n)*)", text, re.MULTILINE)
        self._steps = iter([Shown(command, output) for command, output in found])

    def next(self, command: str) -> str:
        """The output of the next step whose command has this text."""
        return next(step.output for step in self._steps if command in step.command)


@contextmanager
def played(example: str, user: User) -> Iterator[Play]:
    """An example that has run to its end in a lab of its own; at the end of the context nothing of it is left."""
    lab = Lab(user)
    try:
        yield _play(lab, example)
        assert not lab.processes()
    finally:
        lab.close()


def played_in(lab: Lab, example: str) -> Play:
    """An example that has run to its end in a lab that others use before it and after it."""
    return _play(lab, example, "--lab", lab.name)


def _play(lab: Lab, example: str, *options: str) -> Play:
    command = lab.user.command(sys.executable, "-m", f"examples.{example}", "--once", *options)
    environment = {**lab.environment, "PYTHONPATH": str(CHECKOUT)}
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, env=environment, cwd="/", text=True, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe
    ) as running:
        shown, errors = running.communicate()
    print(shown, errors)  # for the report of a test that fails
    assert running.returncode == 0
    return Play(shown)
