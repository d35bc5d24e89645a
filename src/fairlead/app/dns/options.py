"""How the DNS server is to be run, and what in force."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from fairlead.app.dns.watches import Needs
from fairlead.clusterdns.encoder import UDP_CAP
from fairlead.clusterdns.plugins import (
    acl,
    autopath,
    cache,
    dns64,
    external,
    file,
    forward,
    hosts,
    kubernetes,
    loadbalance,
    rewrite,
    small,
    template,
)
from fairlead.clusterdns.plugins.scope import ApiAccess, HttpPage
from fairlead.clusterdns.server_blocks import Block
from fairlead.clusterdns.zone import PodsMode, Zone
from fairlead.drivers.dns.tcp import TcpLimits

# Upstream's names for plugins, for ``coredns_plugin_enabled``.
_PLUGIN_NAMES: dict[type, str] = {
    acl.Acl: "acl",
    autopath.Autopath: "autopath",
    cache.Cache: "cache",
    dns64.Dns64: "dns64",
    external.External: "k8s_external",
    file.ZoneFiles: "file",
    forward.Forward: "forward",
    hosts.Hosts: "hosts",
    kubernetes.Kubernetes: "kubernetes",
    loadbalance.LoadBalance: "loadbalance",
    rewrite.Rewrite: "rewrite",
    small.RefuseAny: "any",
    small.Chaos: "chaos",
    small.Header: "header",
    small.Local: "local",
    small.Minimal: "minimal",
    small.Nsid: "nsid",
    template.Templated: "template",
}


@dataclass(frozen=True)
class DnsOptions:
    """How to run the server.

    Attributes:
        kubeconfig: None looks where kubectl looks.
        access: how the configuration says that the API is reached.
        blocks: what is answered, and where.
        addresses: where blocks are served that name no address themselves.
        udp_cap: the largest reply over UDP, in octets, of blocks that say nothing else.
        tcp: how many connections there may be.
        health, ready, metrics: where these pages are served.
        http_addresses: where pages are served that name only a port.
        unready_after: seconds after which a dead watch makes the server not ready; None: never.
        lameduck: seconds to go on answering, while not ready, after the server is told to stop, so that clients hear of
            it first.
        node_interface: the interface that is to hold the addresses that blocks are bound to; None for those there are.
        authorize_metrics: they are for those alone that the API server lets see them.
        shared: let other processes bind the same port (SO_REUSEPORT).
        version: of the text that this comes from; None when it is the command line alone.
    """

    kubeconfig: Path | None = None
    context: str | None = None
    access: ApiAccess | None = None
    blocks: tuple[Block, ...] = ()
    addresses: tuple[str, ...] = ("0.0.0.0",)  # noqa: S104 - a name server is there to be reached
    udp_cap: int = UDP_CAP
    tcp: TcpLimits = field(default_factory=TcpLimits)
    http_addresses: tuple[str, ...] = ("0.0.0.0",)  # noqa: S104
    health: tuple[HttpPage, ...] = (HttpPage("", 8080),)
    ready: tuple[HttpPage, ...] = (HttpPage("", 8181),)
    metrics: tuple[HttpPage, ...] = (HttpPage("", 9153),)
    unready_after: float | None = 300.0
    lameduck: float = 0.0
    node_interface: str | None = None
    authorize_metrics: bool = False
    shared: bool = False
    version: str | None = None

    @property
    def zones(self) -> tuple[Zone, ...]:
        """The zones that are made of the cluster."""
        return tuple(
            zone for plugin in self._plugins() if isinstance(plugin, kubernetes.Kubernetes) for zone in plugin.zones
        )

    @property
    def bound(self) -> tuple[str, ...]:
        """The addresses that blocks name, each once."""
        return tuple(dict.fromkeys(address for block in self.blocks for address in block.addresses))

    @property
    def ports(self) -> tuple[int, ...]:
        """The ports that blocks name, in order."""
        return tuple(sorted({port for block in self.blocks for port in block.all_ports}))

    @property
    def needs(self) -> Needs:
        """The parts of the cluster that answers depend on."""
        plugins = list(self._plugins())
        walks = any(isinstance(plugin, autopath.Autopath) for plugin in plugins)
        return Needs(
            cluster=bool(self.zones),
            pods=walks or any(zone.pods is PodsMode.VERIFIED for zone in self.zones),
            imports=any(zone.clusterset is not None for zone in self.zones),
        )

    def serving(self, other: "DnsOptions") -> "DnsOptions":
        """These options with what another configuration answers."""
        return replace(self, **{name: getattr(other, name) for name in ("blocks", "lameduck", "version")})

    def fixed(self) -> dict[str, object]:
        """The options that a reload cannot change, by their names in the settings file: pages and most watches."""
        return {
            "addresses of health": self.health,
            "addresses of ready": self.ready,
            "addresses of metrics (prometheus)": self.metrics,
            "the API to watch": self.access,
            "multicluster": self.needs.imports,
        }

    def plugins(self) -> frozenset[str]:
        """The active features, by the names of CoreDNS's plugins."""
        chosen = {
            "bufsize": any(block.udp_size for block in self.blocks),
            "errors": any(block.errors for block in self.blocks),
            "health": self.health,
            "log": any(block.logs for block in self.blocks),
            "loop": any(isinstance(p, forward.Forward) and p.upstream.finds_loops for p in self._plugins()),
            "prometheus": self.metrics,
            "ready": self.ready,
            "reload": self.version,
            "transfer": any(block.grants for block in self.blocks),
        }
        named = {_PLUGIN_NAMES[type(plugin)] for plugin in self._plugins() if type(plugin) in _PLUGIN_NAMES}
        return frozenset(name for name, is_chosen in chosen.items() if is_chosen) | named

    def _plugins(self) -> Iterator[object]:
        for block in self.blocks:
            yield from block.plugins


# The options that a changed file may change while the server runs.
LIVE = ("blocks", "udp_cap", "unready_after", "lameduck", "version")
