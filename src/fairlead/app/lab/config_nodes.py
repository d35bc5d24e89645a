"""The nodes of a lab's configuration file: fills in defaults, and checks the given values."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from ipaddress import ip_network
from typing import Literal

import msgspec

from fairlead.app.lab.settings import NO_PROXY, LabNode, numbered_node
from fairlead.labnet.addresses import PLANS, Families
from fairlead.model.addresses import IPNetwork, family_of, is_within, overlap, parse_ip
from fairlead.model.names import dns1123_label_errors
from fairlead.model.objects import ZONE_LABEL

ProxyMode = Literal["nft", "nftables", "iptables", "none"]
BACKENDS: dict[ProxyMode, str] = {"nft": "nft", "nftables": "nft", "iptables": "iptables", "none": NO_PROXY}


class ConfigError(ValueError):
    """The file cannot be used; the message names the file and the field."""


class NodeConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """A node; defaults follow from its position in the list.

    Attributes:
        name: name of the Node; by default ``node-`` and its number.
        zone: short for the label ``topology.kubernetes.io/zone``.
        labels: labels in addition to those that every Node has.
        addresses: on the underlay, in any of the lab's IP families; the first of the first family is the Node's own.
        pod_cidrs: one CIDR for each family, within those of the lab.
        proxy_mode: what its proxy writes, if that is not what the others do; by kube-proxy's name or ours;
            ``none``: it has no proxy of the lab's.
    """

    name: str = ""
    zone: str = ""
    labels: dict[str, str] = {}
    addresses: tuple[str, ...] = ()
    pod_cidrs: tuple[str, ...] = msgspec.field(default=(), name="podCIDRs")
    proxy_mode: ProxyMode | None = None


def checked_nodes(configs: Sequence[NodeConfig], families: Families) -> tuple[LabNode, ...]:
    """The nodes, each with a name, addresses and Pod CIDRs that no node before it has.

    Raises:
        ConfigError: one has not.
    """
    taken = _Taken(families)
    return tuple(taken.node(config, index) for index, config in enumerate(configs, 1))


class _Taken:
    """The names and addresses that the switch and the previous nodes use."""

    def __init__(self, families: Families) -> None:
        plans = [PLANS[family] for family in families]
        self._families = families
        self._underlays, self._pods = [plan.underlay for plan in plans], [plan.pods for plan in plans]
        self._names: set[str] = set()
        self._addresses = {plan.switch for plan in plans}
        self._cidrs: list[IPNetwork] = []

    def node(self, config: NodeConfig, index: int) -> LabNode:
        """The node with this number, which is taken from now on."""
        from fairlead.registry.access.node_restriction import is_refused_label  # most labs have no such file

        place = f"nodes[{index - 1}]"
        labels = {**config.labels, **({ZONE_LABEL: config.zone} if config.zone else {})}
        usual = numbered_node(index, self._families, config.name, labels)
        if errors := dns1123_label_errors(usual.name):
            raise ConfigError(f"{place}.name: {errors[0]}")
        if refused := next(filter(is_refused_label, labels), None):
            raise ConfigError(f"{place}.labels: a node may not give itself {refused!r}: let kubectl label it")
        add(self._names, usual.name, f"{place}.name")
        addresses = self._checked(f"{place}.addresses", config.addresses, usual.addresses, self._address)
        cidrs = self._checked(f"{place}.podCIDRs", config.pod_cidrs, usual.pod_cidrs, self._pod_cidr)
        if len(cidrs) > len(self._families):
            raise ConfigError(f"{place}.podCIDRs: may specify no more than one CIDR for each IP family")
        mode = BACKENDS[config.proxy_mode] if config.proxy_mode else ""
        return replace(usual, addresses=addresses, pod_cidrs=cidrs, proxy_mode=mode)

    def _checked(
        self, place: str, given: Sequence[str], usual: Sequence[str], check: Callable[[str, str], str]
    ) -> tuple[str, ...]:
        """What is given, as ``check`` spells it, in the order of the lab's families; what is usual where nothing is."""
        found = [check(text, f"{place}[{number}]") for number, text in enumerate(given)]
        families = {family_of(text) for text in found}
        found += [check(text, place) for text in usual if family_of(text) not in families]
        return tuple(sorted(found, key=lambda text: self._families.index(family_of(text))))

    def _address(self, text: str, place: str) -> str:
        address = parse_ip(text)
        if address is None or not any(address in ip_network(underlay) for underlay in self._underlays):
            raise ConfigError(f"{place}: {text!r} is not an address in {' or '.join(self._underlays)}")
        add(self._addresses, str(address), place)
        return str(address)

    def _pod_cidr(self, text: str, place: str) -> str:
        cidr = network(text, place)
        if not any(is_within(cidr, ip_network(pods)) for pods in self._pods):
            raise ConfigError(f"{place}: {cidr} is not in {' or '.join(self._pods)}")
        if overlapped := next((other for other in self._cidrs if overlap(other, cidr)), None):
            raise ConfigError(f"{place}: {cidr} overlaps with {overlapped}")
        self._cidrs.append(cidr)
        return str(cidr)


def add(seen: set[str], value: str, place: str) -> None:
    """Note a value that may be there but once; raises ConfigError."""
    if value in seen:
        raise ConfigError(f"{place}: {value!r} is taken")
    seen.add(value)


def network(text: str, place: str) -> IPNetwork:
    """The network in CIDR notation; raises ConfigError."""
    try:
        return ip_network(text)
    except ValueError as error:
        raise ConfigError(f"{place}: {error}") from error
