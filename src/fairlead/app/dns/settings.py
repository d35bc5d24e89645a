"""Settings of the DNS server: a YAML file of our own, or the Corefile that kubeadm writes; both become ``DnsOptions``.

An unknown setting, plugin or option is an error that names it, never silently ignored: a name server that quietly does
less than its file says is worse than one that does not start.
"""

from collections.abc import Callable
from dataclasses import replace
from ipaddress import ip_address, ip_network
from itertools import chain
from pathlib import Path

import msgspec
from immutables import Map

from fairlead.app.dns.corefile_settings import settings_of
from fairlead.app.dns.options import DnsOptions, Source
from fairlead.app.dns.reload import Unusable, version_of
from fairlead.app.dns.settings_file import Settings
from fairlead.clusterdns.corefile import CorefileError, parse_corefile
from fairlead.clusterdns.names import Name, to_name
from fairlead.clusterdns.query import UDP_MIN
from fairlead.clusterdns.upstream_cache import CachePolicy
from fairlead.clusterdns.upstreams import Route, Server
from fairlead.clusterdns.zone import Outside, Zone
from fairlead.drivers.dns.datagram_batch import SLOT
from fairlead.drivers.dns.forwarder import ForwardOptions
from fairlead.model.addresses import IPNetwork
from fairlead.model.socket_address import parse_socket_address


class SettingsError(Unusable):
    """A file that cannot be used; the message names the file and the place."""


def options_from(path: Path | None, override: Callable[[Settings], None]) -> DnsOptions:
    """The options that a file stands for, or the defaults, after ``override`` has put in what the command line says.

    Raises:
        SettingsError: the file cannot be read or used, or a value makes no sense.
    """

    def load(text: str) -> DnsOptions:
        settings = Settings() if path is None else parse_settings(path, text)
        override(settings)
        try:
            return options_of(settings)
        except ValueError as error:
            raise SettingsError(f"{path}: {error}" if path else str(error)) from error

    if path is None:
        return load("")
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: {error}") from error
    options, every = load(text), parse_settings(path, text).reload
    return options if every is None else replace(options, source=Source(path, load, options, version_of(text), every))


def parse_settings(path: Path, text: str) -> Settings:
    """The settings in the text of a file: YAML by its ending ``.yaml`` or ``.yml``, else a Corefile.

    Raises:
        SettingsError: it cannot be used.
    """
    try:
        if path.suffix in (".yaml", ".yml"):
            return msgspec.yaml.decode(text, type=Settings)
        return settings_of(parse_corefile(text))
    except (msgspec.DecodeError, CorefileError, ValueError) as error:
        raise SettingsError(f"{path}: {error}") from error


def options_of(settings: Settings) -> DnsOptions:
    """The options that settings stand for; names of files in ``forward`` are read as resolv.conf.

    Raises:
        ValueError: a value makes no sense.
    """
    routes = tuple(Route(to_name(zone), _servers(targets)) for zone, targets in settings.forward.items())
    outside = settings.outside or (Outside.FORWARD if routes else Outside.REFUSE)
    if outside is Outside.FORWARD and not routes:
        raise SettingsError("outside: forward needs upstream servers under 'forward'")
    if not UDP_MIN <= settings.udp_size <= SLOT:
        raise SettingsError(f"udp_size must be in range [{UDP_MIN}, {SLOT}]: {settings.udp_size}")
    cache = CachePolicy(**msgspec.to_builtins(settings.cache))
    forward = ForwardOptions(routes, cache, concurrent=settings.concurrent, force_tcp=settings.force_tcp)
    return DnsOptions(
        zone=_zone(settings, outside),
        forward=forward,
        addresses=tuple(settings.addresses),
        port=settings.port,
        udp_cap=settings.udp_size,
        health_port=settings.health_port,
        ready_port=settings.ready_port,
        metrics_port=settings.metrics_port,
        unready_after=settings.unready_after,
        lameduck=settings.lameduck,
        log=settings.log,
        transfer_to=_networks(settings.transfer_to),
    )


def _zone(settings: Settings, outside: Outside) -> Zone:
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
        autopath=_node_search(settings.node_search) if settings.autopath else None,
        hosts=Map({to_name(name): _packed(addresses) for name, addresses in settings.hosts.items()}),
    )


def _node_search(domains: list[str]) -> tuple[Name, ...]:
    """Search domains; those of a resolv.conf in place of its path."""
    found = (_resolv_conf_words(Path(d), "search") if d.startswith("/") else [d] for d in domains)
    return tuple(map(to_name, chain.from_iterable(found)))


def _packed(addresses: list[str]) -> tuple[bytes, ...]:
    return tuple(ip_address(address).packed for address in addresses)


def _networks(texts: list[str]) -> tuple[IPNetwork, ...]:
    try:
        return tuple(ip_network(text) for text in texts)
    except ValueError as error:
        raise SettingsError(f"transfer_to: {error}") from error


def _servers(targets: list[str]) -> tuple[Server, ...]:
    found: list[Server] = []
    for target in targets:
        found += _resolv_conf(Path(target)) if target.startswith("/") else [_server(target)]
    if not found:
        raise SettingsError(f"no upstream server in {', '.join(targets)}")
    return tuple(found)


def _server(target: str) -> Server:
    """``ADDRESS``, ``ADDRESS:PORT``, ``[ADDRESS]:PORT`` or with ``dns://`` in front."""
    text = target.removeprefix("dns://")
    if "://" in text:
        raise SettingsError(f"upstream {target}: only plain DNS is supported")
    try:
        return Server(*parse_socket_address(text, 53))
    except ValueError as error:
        raise SettingsError(f"upstream {target}: {error}") from error


def _resolv_conf(path: Path) -> list[Server]:
    return [_server(address.partition("%")[0]) for address in _resolv_conf_words(path, "nameserver")]


def _resolv_conf_words(path: Path, keyword: str) -> list[str]:
    """What follows a keyword in a resolv.conf, on all its lines."""
    try:
        lines = [line.split() for line in path.read_text().splitlines()]
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}") from error
    return [word for words in lines if words[:1] == [keyword] for word in words[1:]]
