"""The options of the command line, which take precedence over a file of either format."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from fairlead.app.dns.options import DnsOptions
from fairlead.app.dns.surroundings import MachineFiles
from fairlead.clusterdns.chain import Plugin
from fairlead.clusterdns.names import is_within, to_name
from fairlead.clusterdns.plugins.forward import Forward, servers_of
from fairlead.clusterdns.plugins.kubernetes import Kubernetes
from fairlead.clusterdns.plugins.logs import LogRule
from fairlead.clusterdns.plugins.scope import HttpPage
from fairlead.clusterdns.server_blocks import DEFAULT_PORT, Block
from fairlead.clusterdns.upstreams import ServerPolicy, Upstream, UpstreamServer
from fairlead.clusterdns.zone import Outside, PodsMode, Zone


@dataclass(frozen=True)
class Flags:
    """Options of the command line; None for those that were not given. A port of 0 stands for no page."""

    addresses: tuple[str, ...] = ()
    port: int | None = None
    zone: str | None = None
    ttl: int | None = None
    pods: str | None = None
    outside: str | None = None
    upstreams: tuple[str, ...] = ()
    udp_size: int | None = None
    health_port: int | None = None
    ready_port: int | None = None
    metrics_port: int | None = None
    lameduck: float | None = None
    log: bool | None = None

    def over(self, options: DnsOptions, machine: MachineFiles) -> DnsOptions:
        """Options with these in their place.

        Raises:
            ValueError: a value makes no sense.
        """
        servers = tuple(server for target in self.upstreams for server in servers_of(target, machine.read))
        blocks = tuple(self._block(block, servers) for block in options.blocks)
        if self.outside == Outside.FORWARD and not any(isinstance(p, Forward) for b in blocks for p in b.plugins):
            raise ValueError("outside: forward needs upstream servers under 'forward'")
        return replace(
            options,
            blocks=blocks,
            addresses=self.addresses or options.addresses,
            udp_cap=self.udp_size or options.udp_cap,
            health=_page(self.health_port, options.health),
            ready=_page(self.ready_port, options.ready),
            metrics=_page(self.metrics_port, options.metrics),
            lameduck=options.lameduck if self.lameduck is None else self.lameduck,
        )

    def _block(self, block: Block, servers: tuple[UpstreamServer, ...]) -> Block:
        """A block with what the command line says of it; a port takes the place of 53."""
        plugins = tuple(self._plugins(block.plugins))
        if servers and () in block.zones:
            upstream = Upstream(servers, ServerPolicy.ROUND_ROBIN, finds_loops=True)
            plugins = (*(p for p in plugins if not _forwards_all(p)), Forward(((),), upstream))
        return replace(
            block,
            plugins=plugins,
            addresses=() if self.addresses else block.addresses,
            ports=tuple(self.port if self.port is not None and p == DEFAULT_PORT else p for p in block.ports),
            logs=(LogRule(),) if self.log else block.logs,
            udp_size=None if self.udp_size else block.udp_size,
        )

    def _plugins(self, plugins: tuple[Plugin, ...]) -> Iterator[Plugin]:
        for plugin in plugins:
            if isinstance(plugin, Kubernetes):
                first, *others = plugin.zones
                named = replace(first, origin=to_name(self.zone)) if self.zone else first
                yield replace(plugin, zones=tuple(self._zone(zone) for zone in (named, *others)))
            else:
                yield plugin

    def _zone(self, zone: Zone) -> Zone:
        return replace(
            zone,
            ttl=zone.ttl if self.ttl is None else self.ttl,
            pods=zone.pods if self.pods is None else PodsMode(self.pods),
            outside=self._outside(zone),
        )

    def _outside(self, zone: Zone) -> Outside:
        if self.outside is not None:
            return Outside(self.outside)
        return Outside.FORWARD if self.upstreams else zone.outside


def _page(port: int | None, pages: tuple[HttpPage, ...]) -> tuple[HttpPage, ...]:
    if port is None:
        return pages
    return (HttpPage("", port),) if port else ()


def _forwards_all(plugin: Plugin) -> bool:
    return isinstance(plugin, Forward) and any(is_within((), zone) for zone in plugin.zones)
