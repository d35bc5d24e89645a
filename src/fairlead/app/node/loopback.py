"""Pods without namespaces: their processes run in this machine's namespaces, and get their addresses by environment.

A Pod's own address is a loopback address. Programs read it from ``POD_IP``, and must listen there. Volumes are not
mounted: ``FAIRLEAD_POD_ROOT`` names a folder that contains them at their paths. ``KUBECONFIG`` names a file with the
ServiceAccount's token.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from fairlead.drivers.linux.local_addresses import kernel_families
from fairlead.drivers.pods.bare.arranged_root import arrange_root
from fairlead.drivers.pods.bare.told import FIRST_FREE_PORT, LAB, NAMESERVER, POD_IP
from fairlead.drivers.steering.faults import Steering, steered_name
from fairlead.labnet.loopback import PortRule
from fairlead.model.addresses import EVERY_ADDRESS
from fairlead.nodeagent.files import ClusterDNS
from fairlead.nodeagent.volumes import Mount

ROOT = "FAIRLEAD_POD_ROOT"
SEARCH, OPTIONS = "LOCALDOMAIN", "RES_OPTIONS"  # what is read of resolv.conf(5) from the environment
# What commands of this machine are told as well, that run as if they were a Pod's.
TOLD = frozenset({LAB, FIRST_FREE_PORT, NAMESERVER, POD_IP, SEARCH, OPTIONS})
DNS_PORT = 53
ACCOUNT = "var/run/secrets/kubernetes.io/serviceaccount"


@dataclass(frozen=True)
class OnLoopback:
    """A lab without namespaces, as its node agents see it.

    Attributes:
        number: number of the lab. ports: the replacement of each port.
        api_url: where Pods reach the API server.
    """

    number: int
    ports: PortRule
    api_url: str

    def variables(self, namespace: str, dns: ClusterDNS) -> dict[str, str]:
        """Environment variables that processes of a Pod get in a lab without namespaces."""
        searches = f"{namespace}.svc.{dns.domain} svc.{dns.domain} {dns.domain}"
        return {
            LAB: str(self.number),
            FIRST_FREE_PORT: str(self.ports.first_free),
            NAMESERVER: f"{dns.address}:{self.ports.bound(DNS_PORT)}",
            SEARCH: searches,
            OPTIONS: "ndots:5",
        }

    def arrange(self, root: Path, mounts: Sequence[Mount]) -> dict[str, str]:
        """Arrange a container's volumes, and return the environment variables that name them."""
        arrange_root(root, mounts)
        told = {ROOT: str(root)}
        if (root / ACCOUNT / "token").exists():
            kubeconfig = root / "kubeconfig"
            kubeconfig.write_bytes(msgspec.json.encode(_kubeconfig(self.api_url, root / ACCOUNT)))
            told["KUBECONFIG"] = str(kubeconfig)
        return told


def _kubeconfig(server: str, account: Path) -> dict[str, Any]:
    """The way to the API server as a Pod's ServiceAccount; JSON is YAML."""
    name = "service-account"
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name,
        "clusters": [{"name": name, "cluster": {"server": server, "certificate-authority": str(account / "ca.crt")}}],
        "users": [{"name": name, "user": {"tokenFile": str(account / "token")}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
    }


@dataclass(frozen=True)
class PodPlace:
    """The addresses that a built-in image serves.

    Attributes:
        addresses: addresses of its sockets. ports: the replacement of each port.
        number: number of a lab without namespaces; None: the Pod has its own network.
        name: name of the Pod, with its namespace.
    """

    addresses: tuple[str, ...]
    ports: PortRule
    number: int | None
    name: str

    def steering(self, part: str) -> Steering:
        """How tests steer a part of a lab that runs in this Pod."""
        if self.number is None:
            return Steering.of(part)
        return Steering.of(steered_name(self.number, self.name, part), trusts_user=True)


def place_of_pod(environment: Mapping[str, str]) -> PodPlace:
    """The place of the Pod whose process has this environment."""
    if LAB not in environment:
        return PodPlace(tuple(EVERY_ADDRESS[family] for family in kernel_families()), PortRule(), None, "")
    name = f"{environment['POD_NAMESPACE']}/{environment['POD_NAME']}"
    ports = PortRule(int(environment[FIRST_FREE_PORT]))
    return PodPlace((environment[POD_IP],), ports, int(environment[LAB]), name)
