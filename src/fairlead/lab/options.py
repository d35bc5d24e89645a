"""The options of a lab, as ``fairlead up`` names them; the commands and ``Lab`` share them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import structs

from fairlead.app.lab.config import image_of, read_config
from fairlead.app.lab.config_nodes import BACKENDS, ConfigError, ProxyMode
from fairlead.app.lab.control_plane.programs import MissingPrograms, find_programs
from fairlead.app.lab.plan import LabManifest
from fairlead.app.lab.settings import LabSettings, numbered_node
from fairlead.drivers.kube.manifests import read_manifests
from fairlead.labnet.addresses import DUAL_STACK, IPV4_ONLY, MAX_NODES
from fairlead.labnet.balancing import LoadBalancing
from fairlead.model.addresses import IPFamily

if TYPE_CHECKING:
    from fairlead.nodeagent.images import Image

DEFAULT_NODES = 2


@dataclass(frozen=True)
class Wishes:
    """The options of a lab; each has a default.

    Attributes:
        nodes: the number of nodes, if the configuration file names none.
        config: a configuration file (docs/lab.md).
        images: the command that an image stands for, by pattern.
        proxy_mode: what the nodes' proxies write: nftables or iptables.
        load_balancing: spread over all serving nodes, or one-node; None: as in the file, by default spread.
        publish: whether node ports and load balancers answer on this machine's loopback.
        network_policies: whether NetworkPolicies are enforced, unless the configuration file turns them off.
        pull: whether to pull images that are not on this machine.
        control_plane: folder of the control plane's programs, which replace Fairlead's.
        userspace: whether the lab is made without namespaces; None: only if they are refused.
        seed: makes such a lab choose the same endpoints for the same connections in every run.
    """

    nodes: int | None = None
    config: Path | None = None
    images: Mapping[str, str] = field(default_factory=dict)
    proxy_mode: ProxyMode | None = None
    dual_stack: bool = False
    publish: bool = False
    network_policies: bool = True
    load_balancing: str | None = None
    pull: bool = False
    control_plane: Path | None = None
    userspace: bool | None = None
    seed: int | None = None

    def settings(self) -> LabSettings:
        """The settings that these options give.

        Raises:
            ConfigError: they contradict each other, or the file cannot be used.
        """
        usual = LabSettings(ip_families=DUAL_STACK if self.dual_stack else IPV4_ONLY)
        read = read_config(self.config, dual_stack=self.dual_stack) if self.config else usual
        if read.nodes and self.nodes:
            raise ConfigError("both --nodes and the file of --config define the nodes: remove one of them")
        if self.nodes is not None and not 1 <= self.nodes <= MAX_NODES:
            raise ConfigError(f"nodes: {self.nodes} is not between 1 and {MAX_NODES}")
        if self.seed is not None and not self.userspace:
            raise ConfigError("--seed: needs --userspace; a kernel chooses endpoints itself, differently in each run")
        if self.publish and IPFamily.IPV4 not in read.ip_families:
            raise ConfigError("--publish: needs IPv4, which this lab's ipFamilies do not contain")
        count = self.nodes or DEFAULT_NODES
        numbered = tuple(numbered_node(index, read.ip_families) for index in range(1, count + 1))
        mode = BACKENDS[self.proxy_mode] if self.proxy_mode else read.proxy_mode
        # The first pattern that matches counts, and options count more than the file.
        images = self._images() | {pattern: i for pattern, i in read.images.items() if pattern not in self.images}
        enforces = read.network_policies and self.network_policies
        return structs.replace(
            read,
            nodes=read.nodes or numbered,
            images=images,
            proxy_mode=mode,
            publish=self.publish,
            network_policies=enforces,
            load_balancing=self._load_balancing(read),
            pull=self.pull or read.pull,
            control_plane=self._control_plane(),
            seed=self.seed,
        )

    def _control_plane(self) -> str:
        if self.control_plane is None:
            return ""
        try:
            find_programs(self.control_plane.absolute())
        except MissingPrograms as error:
            raise ConfigError(f"--control-plane: {error}") from error
        return str(self.control_plane.absolute())

    def _load_balancing(self, read: LabSettings) -> LoadBalancing:
        if self.load_balancing and read.bgp:
            raise ConfigError("--load-balancing: the file of --config sets bgp: remove one of them")
        return LoadBalancing(self.load_balancing or read.load_balancing)

    def _images(self) -> "dict[str, Image]":
        table = {}
        for pattern, command in self.images.items():
            try:
                table[pattern] = image_of(command)
            except ValueError as error:
                raise ConfigError(f"image {pattern}={command}: {error}") from error
        return table


def manifests_of(files: Iterable[str]) -> tuple[LabManifest, ...]:
    """The documents of these files, in order.

    Raises:
        ManifestError: one cannot be read.
    """
    return tuple(LabManifest(*found) for file in files for found in read_manifests(file))
