"""The configuration file of a lab (``fairlead up --config FILE``), read strictly: an unknown field is an error.

Docs: docs/lab.md, docs/workloads.md (images).
"""

import shlex
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec

from fairlead.allocation.load_balancer import AddressPool
from fairlead.app.lab.config_nodes import BACKENDS, ConfigError, NodeConfig, ProxyMode, add, checked_nodes, network
from fairlead.app.lab.settings import LabSettings, Timers
from fairlead.bgp.settings import BgpSettings, check
from fairlead.labnet.addresses import DUAL_STACK, IPV4_ONLY, MAX_NODES, Families
from fairlead.labnet.balancing import LoadBalancing
from fairlead.model.addresses import IPFamily, family_of
from fairlead.model.yaml_loader import NotYaml, yaml_document
from fairlead.nodeagent.images import Image

T = TypeVar("T", bound=msgspec.Struct)


class ImageConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The substitute command of an image; see ``nodeagent.images.Image``. Text is split as a shell splits it."""

    entrypoint: str | tuple[str, ...] = ()
    args: str | tuple[str, ...] = ()
    env: dict[str, str] = {}
    ignores_command: bool = msgspec.field(default=False, name="ignoresCommand")

    def image(self) -> Image:
        """The row of the table.

        Raises:
            ValueError: a quotation is not closed.
        """
        words = _words(self.entrypoint), _words(self.args)
        return Image(*words, self.env, ignores_command=self.ignores_command)


class _Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """The file, field by field.

    Attributes:
        images: the substitute for an image, by a pattern of its name: a command line, or an object with
            ``entrypoint``, ``args``, ``env`` and ``ignoresCommand``.
        ip_families: the families of all addresses; the first is the cluster's primary family. By default IPv4.
        proxy_mode: what the nodes' proxies write, unless a node says otherwise; ``none``: they have none.
        network_policies: whether NetworkPolicies are enforced.
        load_balancing: which nodes receive traffic for load balancers' addresses, and how the network learns it.
        pull: whether images that are not in the store are pulled.
    """

    images: dict[str, Any] = {}
    nodes: Annotated[tuple[NodeConfig, ...], msgspec.Meta(max_length=MAX_NODES)] = ()
    timers: Timers = Timers()
    load_balancer_pools: tuple[AddressPool, ...] | None = None
    ip_families: Annotated[tuple[IPFamily, ...], msgspec.Meta(min_length=1)] | None = None
    proxy_mode: ProxyMode = "nft"
    network_policies: bool = True
    load_balancing: LoadBalancing | None = None
    bgp: BgpSettings | None = None
    pull: bool = False


def read_config(path: Path, *, dual_stack: bool = False) -> LabSettings:
    """The settings that a YAML file holds; without nodes when it names none.

    Args:
        dual_stack: an option has already set it.

    Raises:
        ConfigError: it cannot be read, or a field is wrong.
    """
    try:
        return _settings(_converted(yaml_document(path.read_text()) or {}, _Document, ""), dual_stack)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    except (NotYaml, UnicodeDecodeError, ConfigError) as error:
        raise ConfigError(f"{path}: {error}") from error


def _settings(document: _Document, dual_stack: bool) -> LabSettings:
    families = _families(document, dual_stack)
    nodes = checked_nodes(document.nodes, families)
    images = {pattern: _image(pattern, value) for pattern, value in document.images.items()}
    for index, pool in enumerate(document.load_balancer_pools or ()):
        for number, cidr in enumerate(pool.cidrs):
            _check_pool_cidr(cidr, families, f"loadBalancerPools[{index}].cidrs[{number}]")
    return LabSettings(
        nodes=nodes,
        images=images,
        timers=document.timers,
        pools=document.load_balancer_pools,
        ip_families=families,
        proxy_mode=BACKENDS[document.proxy_mode],
        network_policies=document.network_policies,
        load_balancing=_load_balancing(document),
        bgp=document.bgp,
        pull=document.pull,
    )


def _load_balancing(document: _Document) -> LoadBalancing:
    usual = LoadBalancing.BGP if document.bgp else LoadBalancing.SPREAD
    chosen = document.load_balancing or usual
    if chosen == LoadBalancing.BGP and document.bgp is None:
        raise ConfigError("bgp: with loadBalancing bgp, the AS number and the routers are required")
    if chosen != LoadBalancing.BGP and document.bgp is not None:
        raise ConfigError(f"loadBalancing: {chosen.value} does not use bgp: remove one of them")
    if document.bgp:
        try:
            check(document.bgp)
        except ValueError as error:
            raise ConfigError(f"bgp.{error}") from error
    return chosen


def _families(document: _Document, dual_stack: bool) -> Families:
    if document.ip_families is None:
        return DUAL_STACK if dual_stack else IPV4_ONLY
    if dual_stack:
        raise ConfigError("ipFamilies: the option --dual-stack sets them as well: remove one of them")
    seen: set[str] = set()
    for index, family in enumerate(document.ip_families):
        add(seen, family.value, f"ipFamilies[{index}]")
    return document.ip_families


def _check_pool_cidr(cidr: str, families: Families, place: str) -> None:
    family = family_of(str(network(cidr, place)))
    if family not in families:
        raise ConfigError(f"{place}: {cidr} is {family}, of which this lab has none (ipFamilies)")


def image_of(command: str) -> Image:
    """The image configuration for a command line, to which a container's arguments are added.

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
    """Convert the value to this type; errors name its place."""
    try:
        return msgspec.convert(value, type_)
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at `$")
        field = f"{place}{where.rstrip('`')}".lstrip(".")
        known = ", ".join(each.encode_name for each in msgspec.structs.fields(type_))
        hint = f"; known here: {known}" if "unknown field" in what and not where else ""
        raise ConfigError(f"{field}: {what}{hint}" if field else f"{what}{hint}") from error
