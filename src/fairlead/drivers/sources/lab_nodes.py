"""Reads what runs on the nodes and in the Pods of a lab: packet filter rules, and listening sockets."""

import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from ipaddress import ip_address

from fairlead.drivers.lab import running_labs
from fairlead.drivers.linux.privileged_ports import first_free_port
from fairlead.explain.observations import CONNTRACK, IPSET, IPTABLES, NFT, SOCKETS, Observation
from fairlead.labnet.loopback import PortRule
from fairlead.model.objects import Pod

_PATIENCE = 20.0  # seconds
_LISTENING = "0A"  # TCP_LISTEN, as /proc/net/tcp writes it


_ON_NODES = (
    (NFT, "nft.txt", ("nft", "-y", "list", "ruleset")),
    (CONNTRACK, "conntrack.txt", ("conntrack", "-L", "-p", "udp")),
)
# What nft lists of iptables' rules hides or translates their matches, by version: there iptables itself is asked.
_OF_IPTABLES = re.compile(r"\bxt (match|target)\b|^table ip6? (nat|filter|mangle|raw) \{", re.MULTILINE)
_BY_IPTABLES = (
    (IPTABLES, "iptables.txt", ("iptables-save",)),
    (IPTABLES, "ip6tables.txt", ("ip6tables-save",)),
    (IPSET, "ipset.txt", ("ipset", "save")),
)


def node_observations(lab: str, nodes: Iterable[str]) -> Iterator[Observation]:
    """The packet filter rules and the UDP flows of each node; a node that does not answer has none, nor has any of a
    lab without namespaces: what a kernel would list there are this machine's."""
    if _is_on_loopback(lab):
        return
    for node in nodes:
        seen = list(_observe(lab, node, _ON_NODES))
        yield from seen
        if any(_OF_IPTABLES.search(each.text) for each in seen):
            yield from _observe(lab, node, _BY_IPTABLES)


def _observe(lab: str, node: str, commands: Iterable[tuple[str, str, tuple[str, ...]]]) -> Iterator[Observation]:
    for kind, file, command in commands:
        text = _output(lab, "--node", node, "--", *command)
        if text:
            yield Observation(kind, ("nodes", node, file), text, f"{command[0]} on {node}")


def pod_sockets(lab: str, pods: Iterable[Pod]) -> Iterator[Observation]:
    """The listening TCP sockets of each Pod, in the words of ``ss``."""
    is_shared = _is_on_loopback(lab)
    for pod in pods:
        text = _output(lab, "-n", pod.namespace, pod.name, "--", "cat", "/proc/net/tcp", "/proc/net/tcp6")
        lines = [line for line in map(_socket, text.splitlines()) if line]
        if is_shared:
            lines = [found for line in lines for ip in pod.ips if (found := _own(line, ip))]
        if text:
            listing = "\n".join(["State Recv-Q Send-Q Local Address:Port", *lines])
            place = ("pods", pod.namespace, pod.name, "ss.txt")
            yield Observation(SOCKETS, place, listing, f"/proc/net/tcp in Pod {pod.key}")


def _is_on_loopback(lab: str) -> bool:
    found = running_labs.find(lab)
    return found is not None and found.loopback is not None


def _own(line: str, ip: str) -> str:
    """A line about a socket of a Pod without namespaces as its program believes it: its one address is every address.
    Empty for a socket of another program on this machine."""
    before, here, port = line.partition(f" {ip}:")
    return f"{before} 0.0.0.0:{PortRule(first_free_port(ip)).named(int(port))}" if here else ""


def _socket(line: str) -> str | None:
    words = line.split()
    if len(words) < 4 or words[3] != _LISTENING:
        return None
    address, _, port = words[1].partition(":")
    return f"LISTEN 0 0 {_address(address)}:{int(port, 16)}"


def _address(octets: str) -> str:
    """The address that the kernel writes as the hexadecimal digits of its words, in the machine's order."""
    order = -1 if sys.byteorder == "little" else 1
    raw = b"".join(bytes.fromhex(octets[i : i + 8])[::order] for i in range(0, len(octets), 8))
    found = ip_address(raw)
    return f"[{found}]" if found.version == 6 else str(found)


def _output(lab: str, *arguments: str) -> str:
    command = [sys.executable, "-m", "fairlead", "exec", "--name", lab, *arguments]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_PATIENCE, check=False, stdin=subprocess.DEVNULL
        )
    except subprocess.TimeoutExpired:
        return ""
    return done.stdout if done.returncode == 0 else ""
