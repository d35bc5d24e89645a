"""Sends TCP connections and UDP datagrams in a lab, and reads what the node's connection tracking made of them."""

import json
import subprocess
import sys

from fairlead.explain.journey.ends import Goal, Sender
from fairlead.explain.journey.observed import Sent

PROTOCOLS = ("tcp", "udp")
_PATIENCE = 60.0  # seconds for all connections
# Runs at the packets' source, with the Python there, and prints a line of JSON for each connection. All are tried at
# once, so that what is dropped takes no longer than one time-out. A datagram is a question for the root's name servers:
# a name server answers it, and nothing else is harmed by it.
_SENDER = """
import errno, json, select, socket, sys, time
address, port, count, protocol = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
question = b"\\x12\\x34\\x01\\x00\\x00\\x01" + bytes(6) + b"\\x00\\x00\\x02\\x00\\x01"
family = socket.AF_INET6 if ":" in address else socket.AF_INET
tried, results, waiting = [], {}, select.poll()
for _ in range(count):
    s = socket.socket(family, socket.SOCK_DGRAM if protocol == "udp" else socket.SOCK_STREAM)
    s.setblocking(False)
    s.bind(("::" if ":" in address else "0.0.0.0", 0))
    tried.append((s, s.getsockname()[1]))
    if s.connect_ex((address, port)) in (0, errno.EINPROGRESS):
        try:
            if protocol == "udp":
                s.send(question)
            waiting.register(s, select.POLLIN if protocol == "udp" else select.POLLOUT)
            continue
        except OSError:
            pass
    results[s.fileno()] = "refused"
end = time.monotonic() + 2
while len(results) < count and time.monotonic() < end:
    for number, _ in waiting.poll(100):
        waiting.unregister(number)
        failed = next(s for s, _ in tried if s.fileno() == number).getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        results[number] = "refused" if failed else "connected"
for s, own in tried:
    print(json.dumps([own, results.get(s.fileno(), "dropped")]), flush=True)
"""


class CannotSend(Exception):
    """Nothing could be sent from there; the message says why."""


def send(lab: str, start: Sender, goal: Goal, count: int) -> list[Sent]:
    """Try a number of connections, or of datagrams from ports of their own.

    Raises:
        CannotSend: the command did not run there.
    """
    program = ["python3", "-c", _SENDER, goal.host, str(goal.port), str(count), goal.protocol]
    done = _run([*_place(lab, start), "--", *program])
    lines = [line for line in done.stdout.splitlines() if line.startswith("[")]
    if not lines:
        raise CannotSend(done.stderr.strip() or f"nothing ran at {start.text}")
    return [Sent(*json.loads(line)) for line in lines]


def flows(lab: str, node: str, protocol: str) -> str:
    """The flows of a protocol that a node's connection tracking knows."""
    return _run(["exec", "--name", lab, "--node", node, "--", "conntrack", "-L", "-p", protocol]).stdout


def _place(lab: str, start: Sender) -> list[str]:
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
