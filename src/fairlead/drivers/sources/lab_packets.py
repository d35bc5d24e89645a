"""Sends TCP connections in a lab, and reads what the node's connection tracking made of them."""

import json
import subprocess
import sys

from fairlead.explain.journey.ends import Goal, Start
from fairlead.explain.journey.observed import Sent

_PATIENCE = 60.0  # seconds for all connections
# Run where the packets come from, by whatever Python is there: one line of JSON for each connection.
_SENDER = """
import json, socket, sys
address, port, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
kept = []
for _ in range(count):
    s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    s.settimeout(2)
    s.bind(("::" if ":" in address else "0.0.0.0", 0))
    own = s.getsockname()[1]
    try:
        s.connect((address, port))
        result = "connected"
    except (TimeoutError, socket.timeout):
        result = "dropped"
    except OSError:
        result = "refused"
    kept.append(s)
    print(json.dumps([own, result]), flush=True)
"""


class CannotSend(Exception):
    """Nothing could be sent from there; the message says why."""


def send(lab: str, start: Start, goal: Goal, count: int) -> list[Sent]:
    """Try a number of TCP connections.

    Raises:
        CannotSend: the command did not run there, or another protocol is asked for.
    """
    if goal.protocol != "tcp":
        raise CannotSend("only TCP connections can be sent")
    program = ["python3", "-c", _SENDER, goal.host, str(goal.port), str(count)]
    done = _run([*_place(lab, start), "--", *program])
    lines = [line for line in done.stdout.splitlines() if line.startswith("[")]
    if not lines:
        raise CannotSend(done.stderr.strip() or f"nothing ran at {start.text}")
    return [Sent(*json.loads(line)) for line in lines]


def flows(lab: str, node: str) -> str:
    """The TCP flows that a node's connection tracking knows."""
    return _run(["exec", "--name", lab, "--node", node, "--", "conntrack", "-L", "-p", "tcp"]).stdout


def _place(lab: str, start: Start) -> list[str]:
    if start.pod is not None:
        return ["exec", "--name", lab, "-n", start.pod.namespace, start.pod.name]
    if start.is_outside:
        return ["run", "--name", lab, "--outside"]
    return ["exec", "--name", lab, "--node", start.node]


def _run(arguments: list[str]) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "fairlead", *arguments]
    try:
        return subprocess.run(
            command, capture_output=True, text=True, timeout=_PATIENCE, check=False, stdin=subprocess.DEVNULL
        )
    except subprocess.TimeoutExpired as error:
        raise CannotSend(f"no answer within {_PATIENCE:.0f} s") from error
