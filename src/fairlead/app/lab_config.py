"""The configuration file of a lab (``fairlead up --config FILE``), read strictly: a field that nobody knows is refused.

Docs: docs/lab.md, docs/workloads.md (images).
"""

import shlex
from collections.abc import Sequence
from dataclasses import replace
from ipaddress import IPv4Network, ip_network
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec

from fairlead.allocation.load_balancer import Pool
from fairlead.app.lab_plan import POD_CIDR
from fairlead.app.lab_settings import LabNode, LabSettings, Timers, numbered_node
from fairlead.drivers.netns import MAX_NODES, SWITCH_ADDRESS, UNDERLAY
from fairlead.model.addresses import IPNetwork, parse_ip
from fairlead.model.names import dns1123_label_errors
from fairlead.model.objects import ZONE_LABEL
from fairlead.nodeagent.images import Image

T = TypeVar("T", bound=msgspec.Struct)


class ConfigError(ValueError):
    """The file cannot be used; the message names the file and the field."""


class ImageConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What stands for an image; see ``nodeagent.images.Image``. Text is split as a shell does."""

    entrypoint: str | tuple[str, ...] = ()
    args: str | tuple[str, ...] = ()
    env: dict[str, str] = {}

    def image(self) -> Image:
        """The row of the table.

        Raises:
            ValueError: a quotation is not closed.
        """
        return Image(_words(self.entrypoint), _words(self.args), self.env)


class NodeConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """A node; what is left out is numbered by its place in the list.

    Attributes:
        zone: short for the label ``topology.kubernetes.io/zone``.
        addresses: on the underlay, in 192.168.64.0/24; the first is the Node's InternalIP.
        pod_cidr: in 10.244.0.0/16.
    """

    name: str = ""
    zone: str = ""
    labels: dict[str, str] = {}
    addresses: tuple[str, ...] = ()
    pod_cidr: str = msgspec.field(default="", name="podCIDR")

    def node(self, index: int) -> LabNode:
        """The node with this number."""
        labels = {**self.labels, **({ZONE_LABEL: self.zone} if self.zone else {})}
        usual = numbered_node(index, self.name, labels)
        return replace(usual, addresses=self.addresses or usual.addresses, pod_cidr=self.pod_cidr or usual.pod_cidr)


class _Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """The file, field by field. An image is a command line or an ``ImageConfig``."""

    images: dict[str, Any] = {}
    nodes: Annotated[tuple[NodeConfig, ...], msgspec.Meta(max_length=MAX_NODES)] = ()
    timers: Timers = Timers()
    load_balancer_pools: tuple[Pool, ...] | None = None


def read_config(path: Path) -> LabSettings:
    """The settings that a YAML file holds; without nodes when it names none.

    Raises:
        ConfigError: it cannot be read, or a field is wrong.
    """
    import yaml

    try:
        return _settings(_converted(yaml.safe_load(path.read_text()) or {}, _Document, ""))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError, ConfigError) as error:
        raise ConfigError(f"{path}: {error}") from error


def _settings(document: _Document) -> LabSettings:
    nodes = tuple(config.node(index) for index, config in enumerate(document.nodes, 1))
    _check_nodes(nodes)
    images = {pattern: _image(pattern, value) for pattern, value in document.images.items()}
    if document.load_balancer_pools is None:
        return LabSettings(nodes, images, document.timers)
    for index, pool in enumerate(document.load_balancer_pools):
        for number, cidr in enumerate(pool.cidrs):
            _network(cidr, f"loadBalancerPools[{index}].cidrs[{number}]")
    return LabSettings(nodes, images, document.timers, document.load_balancer_pools)


def _check_nodes(nodes: Sequence[LabNode]) -> None:
    """Names, addresses and Pod CIDRs, each node's against those of the nodes before it."""
    names: set[str] = set()
    addresses = {SWITCH_ADDRESS}
    pods: list[IPv4Network] = []
    for index, node in enumerate(nodes):
        place = f"nodes[{index}]"
        if errors := dns1123_label_errors(node.name):
            raise ConfigError(f"{place}.name: {errors[0]}")
        _add(names, node.name, f"{place}.name")
        for number, address in enumerate(node.addresses):
            where = f"{place}.addresses[{number}]"
            if parse_ip(address) not in IPv4Network(UNDERLAY):
                raise ConfigError(f"{where}: {address!r} is not an address in {UNDERLAY}")
            _add(addresses, address, where)
        cidr = _network(node.pod_cidr, f"{place}.podCIDR")
        if not isinstance(cidr, IPv4Network) or not cidr.subnet_of(IPv4Network(POD_CIDR)):
            raise ConfigError(f"{place}.podCIDR: {cidr} is not in {POD_CIDR}")
        if overlapped := next((other for other in pods if other.overlaps(cidr)), None):
            raise ConfigError(f"{place}.podCIDR: {cidr} overlaps with {overlapped}")
        pods.append(cidr)


def _add(seen: set[str], value: str, place: str) -> None:
    if value in seen:
        raise ConfigError(f"{place}: {value!r} is taken")
    seen.add(value)


def _network(text: str, place: str) -> IPNetwork:
    try:
        return ip_network(text)
    except ValueError as error:
        raise ConfigError(f"{place}: {error}") from error


def image_of(command: str) -> Image:
    """What a command line stands for: arguments are added to it.

    Raises:
        ValueError: a quotation is not closed.
    """
    return Image(entrypoint=_words(command))


def _image(pattern: str, value: Any) -> Image:
    place = f'images["{pattern}"]'
    try:
        return image_of(value) if isinstance(value, str) else _converted(value, ImageConfig, place).image()
    except ValueError as error:
        raise error if isinstance(error, ConfigError) else ConfigError(f"{place}: {error}") from error


def _words(command: str | tuple[str, ...]) -> tuple[str, ...]:
    return tuple(shlex.split(command)) if isinstance(command, str) else command


def _converted(value: Any, type_: type[T], place: str) -> T:
    """The value as this type; what is wrong is said of its place."""
    try:
        return msgspec.convert(value, type_)
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at `$")
        field = f"{place}{where.rstrip('`')}".lstrip(".")
        known = ", ".join(each.encode_name for each in msgspec.structs.fields(type_))
        hint = f"; known here: {known}" if "unknown field" in what and not where else ""
        raise ConfigError(f"{field}: {what}{hint}" if field else f"{what}{hint}") from error
