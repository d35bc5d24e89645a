"""Somebody outside a lab's cluster, who asks its nodes and load balancers."""

import functools
import re

from tests.support.labs import Lab, eventually

NODES = {"node-1": "192.168.64.11", "node-2": "192.168.64.12"}
OUTSIDE = "203.0.113.10"


def outside(lab: Lab, *command: str) -> str:
    return lab.fairlead("run", "--name", lab.name, "--outside", "--", *command, check=False).stdout


def ask(lab: Lab, address: str, seconds: str = "2") -> dict[str, str]:
    """What the echo behind an address says to somebody outside; nothing when nobody answers."""
    found = dict(re.findall(r"^(\w+): (.*)$", outside(lab, "curl", "-s", "-m", seconds, f"http://{address}/"), re.M))
    if found:
        found["client"] = found["client"].rpartition(":")[0]
    return found


def balancer_address(lab: Lab, service: str) -> str:
    return eventually(lambda: lab.get("service", service)["status"]["loadBalancer"]["ingress"][0]["ip"])


def node_behind(lab: Lab, address: str) -> str | None:
    """The node whose link-layer address hosts outside have learned for an address."""
    learned = re.search(r"lladdr (\S+)", outside(lab, "ip", "neigh", "show", address))
    return link_layer_addresses(lab).get(learned[1]) if learned else None


@functools.cache
def link_layer_addresses(lab: Lab) -> dict[str, str]:
    """Nodes by the address of their link."""
    links = {node: lab.on_node(node, "ip", "link", "show", "eth0") for node in NODES}
    return {re.search(r"link/ether (\S+)", links[node])[1]: node for node in NODES}
