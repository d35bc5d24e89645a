"""Has the kernel of a lab's node trace packets while they are sent: a table of our own marks them, and then goes.

The program on the node ends, and takes its table with it, when its standard input ends: so it does not outlive the
program that started it. It knows that the kernel's messages are read to their end when a datagram of its own, sent to
itself at the end, has come by in them.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from fairlead.explain.journey.kernel_trace import TABLE, trace_rules
from fairlead.trace.packet import Packet

_PATIENCE = 20.0  # seconds for the answer
_BEGIN, _END = 9, 10  # ports that the datagrams of our own go to
OWN = f"ip daddr 127.0.0.1 udp dport {{ {_BEGIN}, {_END} }}"
_PROGRAM = r"""
import socket, subprocess, sys, threading
table, begin, end = sys.argv[1], sys.argv[2], sys.argv[3]
rules = sys.stdin.readline().replace("\x00", "\n")
lines, told = [], {begin: threading.Event(), end: threading.Event()}
def read(stream):
    for line in stream:
        lines.append(line)
        for port, event in told.items():
            if "ip daddr 127.0.0.1 " in line and "udp dport " + port + " " in line:
                event.set()
def until_told(port):
    own = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for _ in range(200):
        own.sendto(b"x", ("127.0.0.1", int(port)))
        if told[port].wait(0.05):
            return
    raise SystemExit("the kernel traces no packets here")
def nft(text):
    subprocess.run(["nft", "-f", "-"], input=text, text=True, check=True)
gone = f"table inet {table}\ndelete table inet {table}\n"
nft(gone + rules)
monitor = subprocess.Popen(["nft", "monitor", "trace"], stdout=subprocess.PIPE, text=True, bufsize=1)
try:
    threading.Thread(target=read, args=(monitor.stdout,), daemon=True).start()
    until_told(begin)
    print("ready", flush=True)
    sys.stdin.readline()
    until_told(end)
finally:
    nft(gone)
    monitor.kill()
sys.stdout.write("".join(lines))
"""


class KernelTrace:
    """A node whose kernel traces packets; ``text`` has what it told once the block has ended, or "" if it could not."""

    text = ""
    error = ""


@contextmanager
def watching(lab: str, node: str, packet: Packet, source: str | None) -> Iterator[KernelTrace]:
    """Trace the first packets of connections like this one for as long as the block runs."""
    watch = KernelTrace()
    command = [sys.executable, "-m", "fairlead", "exec", "--name", lab, "--node", node, "--"]
    command += ["python3", "-c", _PROGRAM, TABLE, str(_BEGIN), str(_END)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, text=True, stdin=pipe, stdout=pipe, stderr=pipe) as program:
        assert program.stdin is not None
        assert program.stdout is not None
        try:
            program.stdin.write(trace_rules(packet, source, OWN).replace("\n", "\0") + "\n")
            program.stdin.flush()
            program.stdout.readline()
            yield watch
        finally:
            try:
                watch.text, watch.error = program.communicate("\n", _PATIENCE)
            except (subprocess.TimeoutExpired, BrokenPipeError) as error:
                program.kill()
                watch.error = str(error)
