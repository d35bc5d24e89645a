"""Load balancers of a lab as the world outside sees them: where their addresses lead, and what requests come to."""

import json
import subprocess
from collections import Counter
from contextlib import contextmanager
from functools import partial

from tests.support.labs import Lab, eventually
from tests.support.net.outsiders import outside
from tests.support.users import CHECKOUT

CLIENT = CHECKOUT / "tests" / "support" / "net" / "held_connections.py"
NODES = {f"node-{n}": {f"192.168.64.1{n}", f"fd00:192:168:64::1{n}"} for n in (1, 2, 3)}
OUTSIDE = {"203.0.113.10", "2001:db8:203:113::10"}


def addresses(lab: Lab, service: str) -> list[str]:
    """Of a load balancer, one of each family."""
    ingress = eventually(lambda: lab.get("service", service)["status"]["loadBalancer"].get("ingress"))
    return [point["ip"] for point in ingress]


def hops(lab: Lab, address: str) -> set[str]:
    """The nodes to which the world outside routes an address."""
    shown = outside(lab, "ip", "-j", "-6" if ":" in address else "-4", "route", "show", address)
    rows = json.loads(shown or "[]")
    gateways = {hop["gateway"] for row in rows for hop in row.get("nexthops") or [row] if "gateway" in hop}
    return {node for node, own in NODES.items() if own & gateways}


def nodes_with_pods(lab: Lab) -> set[str]:
    pods = lab.get("pods", "-l", "app=web")["items"]
    return {pod["spec"]["nodeName"] for pod in pods if "deletionTimestamp" not in pod["metadata"]}


class Traffic:
    """What came of requests, once they have ended."""

    results: dict[str, dict]

    def failures(self) -> list[tuple[float, str]]:
        return [tuple(failure) for result in self.results.values() for failure in result["failures"]]

    def clients(self, address: str) -> Counter[str]:
        """What Pods took for the client, and how often."""
        found: Counter[str] = Counter()
        for _, client, count in self.results[address]["answers"]:
            found[client] += count
        return found

    def pods(self, address: str) -> set[str]:
        return {pod for pod, _, _ in self.results[address]["answers"]}


@contextmanager
def traffic(lab: Lab, *asked: str, held: float = 0.0, least: int = 36):
    """Ask from outside while the body runs; connections are held for some seconds before their request.

    Each address is asked until it has been answered so often at least.
    """
    command = ("run", "--name", lab.name, "--outside", "--", "python3", str(CLIENT), str(held), str(least), *asked)
    process = subprocess.Popen(
        lab.command(*command), env=lab.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    found = Traffic()
    process.stdout.readline()
    try:
        yield found
    finally:
        output, _ = process.communicate("", timeout=90)
        found.results = json.loads(output)


def _leads_to(lab: Lab, address: str, nodes: set[str]) -> bool:
    return hops(lab, address) == nodes


def settled(lab: Lab, service: str, nodes: set[str]) -> list[str]:
    """The addresses of a Service, when they are routed to exactly these nodes."""
    found = addresses(lab, service)
    for address in found:
        eventually(partial(_leads_to, lab, address, nodes))
    return found
