"""A program without namespaces, below its tender: signals, ends, orphans, and calls about sockets."""

import signal
import subprocess
import sys
import textwrap

import pytest

from tests.support.labs import eventually

RUN = textwrap.dedent(
    """
    import os, sys
    from fairlead.drivers.pods.bare.tending import tend
    owner = os.pidfd_open(int(sys.argv[1]))
    tend(lambda: os.execvp(sys.argv[2], sys.argv[2:]), owner, None)
    """
)


@pytest.fixture
def owner():
    with subprocess.Popen(["sleep", "600"]) as process:
        yield process
        process.kill()


@pytest.fixture
def tended(owner):
    """Starts a program; what is left of it at the end is killed."""
    started = []

    def start(*command):
        arguments = [sys.executable, "-c", RUN, str(owner.pid), *command]
        process = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.stdout.close()
        process.wait()


def line(process):
    return process.stdout.readline().strip()


def is_there(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize(
    ("command", "code"), [("exit 0", 0), ("exit 7", 7), ("kill -TERM $$", -15), ("kill -KILL $$", -9)]
)
def test_a_tended_pod_has_its_programs_exit_code(tended, command, code):
    assert tended("sh", "-c", command).wait(60) == code


def test_signals_reach_the_program(tended):
    process = tended("sh", "-c", "trap 'exit 42' USR1; echo ready; while :; do sleep 0.01; done")
    assert line(process) == "ready"
    process.send_signal(signal.SIGUSR1)
    assert process.wait(60) == 42


ORPHAN = "setsid sleep 600 & echo $!; "


@pytest.mark.parametrize(
    ("rest", "end"),
    [
        ("read line", lambda process, owner: process.send_signal(signal.SIGRTMAX)),
        ("read line", lambda process, owner: owner.kill()),
        ("exit 0", lambda process, owner: None),
    ],
    ids=["told to", "with its owner", "by itself"],
)
def test_processes_of_a_tended_pod_end_with_it(tended, owner, rest, end):
    process = tended("sh", "-c", ORPHAN + rest)
    orphan = int(line(process))
    end(process, owner)
    process.wait(60)
    eventually(lambda: not is_there(orphan), 60)
