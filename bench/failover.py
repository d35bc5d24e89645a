"""How long a load balancer's address goes unanswered when a node that serves it is lost, seen from outside the cluster
by a client that connects every 20 ms. The Pod behind it runs on, on another node. First with one node that answers for
the address, which is the one that is lost; then with all of them, and a third of the connections meet the lost one.

Beside it, in the same run: the longest pause between two answers while nothing happens.
"""

import itertools
import json
import subprocess
import sys
import tempfile
import time
from hashlib import sha256

from bench.lab import FAIRLEAD

NAME, NODES = "bench-failover", ("node-1", "node-2", "node-3")
LOSSES = (("power cut", "stop", "start"), ("cable pulled", "partition", "heal"))
SETTLED = 3.0  # seconds for all to be as before
PROBE = """
import socket, sys, time
while True:
    try:
        with socket.create_connection((sys.argv[1], 80), 0.1) as connection:
            connection.sendall(b"GET /hostname HTTP/1.0\\r\\n\\r\\n")
            if connection.recv(1000):
                print(time.time(), flush=True)
    except OSError:
        pass
    time.sleep(0.02)
"""


def main() -> None:
    with tempfile.NamedTemporaryFile("w", suffix=".json", dir="/var/tmp") as manifest:
        json.dump(pod(), manifest)
        manifest.write("\n---\n")
        json.dump(service(), manifest)
        manifest.flush()
        print("longest time without an answer from a load balancer's address")
        for balancing in ("one-node", "spread"):
            measure(balancing, manifest.name)


def measure(balancing: str, manifest: str) -> None:
    try:
        options = ("--nodes", str(len(NODES)), "--load-balancing", balancing, "--wait", "-f", manifest)
        fairlead("up", "--name", NAME, *options)
        address = "192.168.65.1"
        home, *_ = sorted(NODES, key=lambda node: sha256(f"{node}#{address}".encode()).digest())
        print(f"  {balancing + ', nothing happens':<31} {longest_gap(address, lambda: None):7.2f} s")
        for what, loss, cure in LOSSES:
            gap = longest_gap(address, lambda loss=loss: fairlead("node", loss, "--name", NAME, home))
            fairlead("node", cure, "--name", NAME, home)
            time.sleep(SETTLED)
            print(f"  {balancing + ', ' + what:<31} {gap:7.2f} s   (aim: 2 s)")
    finally:
        fairlead("down", "--name", NAME)


def longest_gap(address: str, happening) -> float:
    """Seconds between two answers, while something happens to the node."""
    probe = subprocess.Popen(
        [FAIRLEAD, "run", "--name", NAME, "--outside", "--", sys.executable, "-c", PROBE, address],
        stdout=subprocess.PIPE,
        text=True,
    )
    time.sleep(SETTLED)
    happening()
    time.sleep(SETTLED + 2)
    probe.terminate()
    moments = [float(line) for line in probe.stdout]
    probe.wait()
    return max(later - earlier for earlier, later in itertools.pairwise(moments))


def pod() -> dict:
    """On the node that is never lost: the last that would answer for the address."""
    *_, last = sorted(NODES, key=lambda node: sha256(f"{node}#192.168.65.1".encode()).digest())
    spec = {"nodeName": last, "containers": [{"name": "echo", "image": "fairlead/echo"}]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "labels": {"app": "a"}}, "spec": spec}


def service() -> dict:
    spec = {"type": "LoadBalancer", "selector": {"app": "a"}, "ports": [{"port": 80}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}, "spec": spec}


def fairlead(*arguments: str) -> str:
    return subprocess.run([FAIRLEAD, *arguments], check=True, text=True, capture_output=True).stdout


if __name__ == "__main__":
    main()
