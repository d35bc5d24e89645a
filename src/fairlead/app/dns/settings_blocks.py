"""Our own settings file as server blocks: one block for all names, with everything that the file asks for."""

from ipaddress import ip_address, ip_network

import msgspec

from fairlead.app.dns.options import DnsOptions
from fairlead.app.dns.settings_file import DnsSettings
from fairlead.app.dns.surroundings import MachineFiles
from fairlead.clusterdns.chain import Plugin
from fairlead.clusterdns.names import Name, to_name
from fairlead.clusterdns.plugins.autopath import Autopath
from fairlead.clusterdns.plugins.cache import Cache
from fairlead.clusterdns.plugins.forward import Forward, servers_of
from fairlead.clusterdns.plugins.hosts import hosts_of
from fairlead.clusterdns.plugins.kubernetes import Kubernetes
from fairlead.clusterdns.plugins.loadbalance import LoadBalance
from fairlead.clusterdns.plugins.logs import ErrorRule, LogRule
from fairlead.clusterdns.plugins.scope import Grant, HttpPage
from fairlead.clusterdns.query import UDP_MIN
from fairlead.clusterdns.server_blocks import Block
from fairlead.clusterdns.upstream_cache import CachePolicy
from fairlead.clusterdns.upstreams import ServerPolicy, Upstream
from fairlead.clusterdns.zone import Outside, Zone
from fairlead.drivers.dns.datagram_batch import SLOT
from fairlead.drivers.dns.tcp import TcpLimits

EVERYWHERE: tuple[Name, ...] = ((),)


def options_of(settings: DnsSettings, machine: MachineFiles) -> DnsOptions:
    """The options that settings stand for; names of files in ``forward`` are read as resolv.conf.

    Raises:
        ValueError: a value makes no sense.
    """
    if not UDP_MIN <= settings.udp_size <= SLOT:
        raise ValueError(f"udp_size must be in range [{UDP_MIN}, {SLOT}]: {settings.udp_size}")
    return DnsOptions(
        blocks=(_block(settings, machine),),
        addresses=tuple(settings.addresses),
        udp_cap=settings.udp_size,
        tcp=TcpLimits(**msgspec.to_builtins(settings.tcp)),
        health=_pages(settings.health_port),
        ready=_pages(settings.ready_port),
        metrics=_pages(settings.metrics_port),
        unready_after=settings.unready_after,
        lameduck=settings.lameduck,
    )


def block_of(zone: Zone, port: int, *others: Plugin) -> Block:
    """A block that serves one cluster for all names, with records in turn, and some plugins beside."""
    return Block(ports=(port,), plugins=(LoadBalance(), *others, Kubernetes((zone,))), errors=ErrorRule())


def _block(settings: DnsSettings, machine: MachineFiles) -> Block:
    forwards = _forwards(settings, machine)
    zone = zone_of(settings, bool(forwards))
    return Block(
        ports=(settings.port,),
        plugins=(LoadBalance(), *_before(settings, zone, machine), Kubernetes((zone,)), *forwards),
        logs=(LogRule(),) if settings.log else (),
        errors=ErrorRule() if settings.errors else None,
        grants=(Grant(zone.origin, tuple(map(ip_network, settings.transfer_to))),) if settings.transfer_to else (),
    )


def _before(settings: DnsSettings, zone: Zone, machine: MachineFiles) -> list[Plugin]:
    """What is asked before the cluster is."""
    cache = settings.cache
    policy = CachePolicy(**{**msgspec.to_builtins(cache), "denial_capacity": cache.capacity})
    plugins: list[Plugin] = [Cache(EVERYWHERE, policy)]
    if settings.autopath:
        plugins.append(Autopath((zone,), _node_search(settings.node_search, machine)))
    if settings.hosts:
        entries = [(ip_address(text).packed, to_name(name)) for name, found in settings.hosts.items() for text in found]
        plugins.append(hosts_of(entries, EVERYWHERE, settings.ttl, EVERYWHERE))
    return plugins


def zone_of(settings: DnsSettings, forwards: bool) -> Zone:
    """The zones of the cluster."""
    outside = settings.outside or (Outside.FORWARD if forwards else Outside.REFUSE)
    if outside is Outside.FORWARD and not forwards:
        raise ValueError("outside: forward needs upstream servers under 'forward'")
    return Zone(
        origin=to_name(settings.zone),
        ttl=settings.ttl,
        reverse=tuple(map(to_name, settings.reverse)),
        pods=settings.pods,
        outside=outside,
        namespaces=None if settings.namespaces is None else frozenset(settings.namespaces),
        endpoint_pod_names=settings.endpoint_pod_names,
        ignore_empty=settings.ignore_empty,
        zonal=settings.zonal,
        clusterset=None if settings.multicluster is None else to_name(settings.multicluster),
        denial_ttl=settings.denial_ttl,
    )


def _forwards(settings: DnsSettings, machine: MachineFiles) -> list[Forward]:
    """The routes, those of longer zones first."""
    routes = sorted(settings.forward.items(), key=lambda route: len(to_name(route[0])), reverse=True)
    return [Forward((to_name(zone),), _upstream(targets, settings, machine)) for zone, targets in routes]


def _upstream(targets: list[str], settings: DnsSettings, machine: MachineFiles) -> Upstream:
    servers = tuple(server for target in targets for server in servers_of(target, machine.read))
    if not servers:
        raise ValueError(f"no upstream server in {', '.join(targets)}")
    return Upstream(
        servers,
        ServerPolicy.ROUND_ROBIN,
        concurrent=settings.concurrent,
        force_tcp=settings.force_tcp,
        finds_loops=True,
    )


def _node_search(domains: list[str], machine: MachineFiles) -> tuple[Name, ...]:
    """Search domains; those of a resolv.conf in place of its path."""
    found: list[str] = []
    for domain in domains:
        if domain.startswith("/"):
            lines = (line.split() for line in machine.read(domain, None).splitlines())
            found += [word for words in lines if words[:1] == ["search"] for word in words[1:]]
        else:
            found.append(domain)
    return tuple(map(to_name, found))


def _pages(port: int | None) -> tuple[HttpPage, ...]:
    return () if port is None else (HttpPage("", port),)
