"""Environment variables of a Pod's processes in a lab without namespaces."""

from collections.abc import Mapping
from pathlib import Path

from fairlead.labnet.loopback import PortRule, lab_network
from fairlead.nodeagent.loopback_sockets import PodSockets

LAB, FIRST_FREE_PORT, NAMESERVER, POD_IP = (
    "FAIRLEAD_LOOPBACK",
    "FAIRLEAD_FIRST_FREE_PORT",
    "FAIRLEAD_NAMESERVER",
    "POD_IP",
)
_USUAL_SERVER = "127.0.0.1"  # whom resolvers ask where resolv.conf(5) names nobody


def pod_sockets(environment: Mapping[str, str], resolv_conf: Path = Path("/etc/resolv.conf")) -> PodSockets | None:
    """How the sockets of such processes are to be seen; None in a lab with namespaces."""
    if not {LAB, POD_IP, NAMESERVER} <= environment.keys():
        return None
    server, _, port = environment[NAMESERVER].rpartition(":")
    ports = PortRule(int(environment.get(FIRST_FREE_PORT, "0")))
    network = lab_network(int(environment[LAB]))
    return PodSockets(environment[POD_IP], network, ports, (server, int(port)), _servers(resolv_conf))


def _servers(resolv_conf: Path) -> frozenset[str]:
    try:
        words = [line.split() for line in resolv_conf.read_text().splitlines()]
    except OSError:
        words = []
    found = frozenset(each[1] for each in words if len(each) > 1 and each[0] == "nameserver")
    return found or frozenset({_USUAL_SERVER})
