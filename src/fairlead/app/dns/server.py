"""The DNS process: watches the cluster, publishes each change, answers over UDP and TCP, reports on itself.

Until Namespaces, Services and EndpointSlices (and Pods, when an answer depends on them) have been read once, every name
below the apex gets SERVFAIL and ``/ready`` says 503. When a watch dies later, the last known answers go on being
served, for they serve a cluster better than none; ``/ready`` tells of it at once, and says 503 when it lasts. A
configuration without a cluster needs no API, and is ready at once.
"""

import asyncio
import gc
import time
from collections.abc import Callable
from dataclasses import replace
from http import HTTPStatus

from fairlead.app.dns.api_access import api_client
from fairlead.app.dns.config_map import ConfigMapFollower
from fairlead.app.dns.options import LIVE, DnsOptions
from fairlead.app.dns.read_ahead import ReadAhead
from fairlead.app.dns.reload import Reloading
from fairlead.app.dns.settings import ConfigurationSource, SettingsError
from fairlead.app.dns.watches import ZoneWatches
from fairlead.clusterdns.authority import Authority
from fairlead.clusterdns.names import to_text
from fairlead.clusterdns.plugins.hosts import Hosts
from fairlead.clusterdns.plugins.scope import HttpPage as PageAddress
from fairlead.clusterdns.zone import Zone
from fairlead.drivers.dns.configuration_metrics import ConfigurationCollector, ConfigurationFigures
from fairlead.drivers.dns.faulty_answers import FaultyServices
from fairlead.drivers.dns.forward_metrics import ForwardCollector
from fairlead.drivers.dns.listener import Services
from fairlead.drivers.dns.metrics import DnsCollector, ProgrammingDelay, new_registry, render, server_label
from fairlead.drivers.dns.outside import OutsideForwarders
from fairlead.drivers.dns.query_log import QueryLog
from fairlead.drivers.dns.server import DnsServer, layout_of, own_addresses
from fairlead.drivers.kube.page_access import PageAccess
from fairlead.drivers.kube.progress import reached
from fairlead.drivers.steering.faults import SteeredFaults, Steering
from fairlead.drivers.steering.part_socket import steered
from fairlead.drivers.tiny_http import Page, Pages, serve_pages
from fairlead.model.names import ObjectKey

__all__ = ["DnsOptions", "ForwardingLoop", "run"]


READING = 10.0  # seconds that a new configuration waits for what it needs to know of the cluster


async def run(
    options: DnsOptions,
    ready: Callable[[], None],
    source: ConfigurationSource | None = None,
    config_map: ObjectKey | None = None,
    steering: Steering | None = None,
    known: ReadAhead | None = None,
) -> None:
    """Serve until cancelled; ``ready`` is called once the whole cluster has been read.

    Args:
        source: where the options come from, when changes of it are to be taken in.
        config_map: the ConfigMap that has a Corefile, which goes before the options.
        steering: how tests steer it, in a lab.
        known: what was read of the cluster before this process was forked.

    Raises:
        OSError: an address cannot be bound. ForwardingLoop: an upstream server sends our own queries back to us.
    """
    process = _Process(options, source, config_map, known)
    if steering:
        process.inject_faults(steering.faults)
    try:
        await process.listen()
        watching = asyncio.ensure_future(process.serve(ready))
        async with steered(steering, process.reached):
            await _until_told_to_stop(watching, process)
    finally:
        process.close()


async def _until_told_to_stop(watching: asyncio.Future[None], process: "_Process") -> None:
    """Wait for the watches, which end only in failure; when cancelled, let them go on for the lame-duck time."""
    try:
        await asyncio.shield(watching)
    except asyncio.CancelledError:
        process.leaving = True
        await asyncio.sleep(process.options.lameduck)
        raise
    finally:
        watching.cancel()
        await asyncio.wait([watching])


class ForwardingLoop(Exception):
    """An upstream server asks us."""


class _Process:
    """The parts, wired."""

    def __init__(
        self,
        options: DnsOptions,
        source: ConfigurationSource | None,
        config_map: ObjectKey | None,
        known: ReadAhead | None,
    ) -> None:
        self.leaving = False
        self.options = options
        self._known = known
        self._authority = known.authority if known else Authority(published_zone(options))
        self._outside = OutsideForwarders(options.blocks)
        self._services = Services(self._outside, QueryLog())
        self._server = DnsServer(self._authority, self._services, options.udp_cap, options.tcp)
        self._reloading = Reloading(source, self._reconfigure) if source else None
        self._config_map = config_map
        self._follower: ConfigMapFollower | None = None
        self._registry = new_registry()
        self._delay = ProgrammingDelay(self._registry)
        self._watches: ZoneWatches | None = None
        self._pages: list[asyncio.Server] = []
        self._access = PageAccess() if options.authorize_metrics else None

    def inject_faults(self, faults: SteeredFaults) -> None:
        """Answer as faults have it, while there are any; to be called before ``listen``."""
        services = FaultyServices.around(self._services, faults)
        self._services = services
        self._server = DnsServer(self._authority, services, self.options.udp_cap, self.options.tcp)
        faults.listen(lambda: services.begin(self._server.responders))

    async def listen(self) -> None:
        """Answer from now on, if only with SERVFAIL."""
        await self._server.listen(layout_of(self.options.blocks, self.options.addresses), self.options.shared)
        self._outside.start()
        pages: list[tuple[tuple[PageAddress, ...], Pages]] = [
            (self.options.health, {"/health": lambda: Page("OK")}),
            (self.options.ready, {"/ready": self._ready_page}),
            (self.options.metrics, {"/metrics": self._metrics_page, "/changes": self._changes_page}),
        ]
        for places, served in pages:
            for address, port in places:
                for host in (address,) if address else self.options.http_addresses:
                    self._pages.append(await serve_pages(host, port, served, self._access))

    async def serve(self, ready: Callable[[], None]) -> None:
        """Follow the cluster, if there is one, and the configuration, until cancelled."""
        reloading = [self._reloading.run()] if self._reloading else []
        watching = self._watch(ready) if self.options.needs.cluster else self._without_cluster(ready)
        await asyncio.gather(self._watch_for_loop(), watching, *reloading)

    async def _watch(self, ready: Callable[[], None]) -> None:
        async with api_client(self.options) as client:
            if self._access:
                self._access.ask_with(client)
            self._watches = ZoneWatches(client, self._authority, self._delay, self.options.needs)
            if self._known:
                self._watches.resume(self._known.copies)
            self._register_metrics(self._watches)
            works = [self._watches.run(), self._finish_sync(self._watches, ready)]
            if self._config_map is not None:
                self._follower = ConfigMapFollower(client, self._config_map, self.options, self._reconfigure)
                works.append(self._follower.run())
            await asyncio.gather(*works)

    async def _without_cluster(self, ready: Callable[[], None]) -> None:
        self._register_metrics(None)
        self._authority.finish_sync(int(time.time()))
        ready()

    async def _finish_sync(self, watches: ZoneWatches, ready: Callable[[], None]) -> None:
        await watches.read_all()
        if not self._authority.synced:
            self._authority.finish_sync(int(time.time()))
        gc.collect()
        gc.freeze()  # what was read stays; there is no use in looking at it again and again
        ready()

    async def _watch_for_loop(self) -> None:
        await self._outside.looped.wait()
        raise ForwardingLoop("an upstream server sends queries back to this one; see its resolv.conf")

    async def reached(self, version: int) -> int:
        """Wait until names answer by a version of the API's objects; the version that they answer by."""
        return await reached(
            version,
            lambda: self._watches.informers.values() if self._watches else (),
            lambda: self._authority.synced,
        )

    def close(self) -> None:
        self._outside.close()
        self._server.close()
        for page in self._pages:
            page.close()

    async def _reconfigure(self, wanted: DnsOptions) -> None:
        """Serve by other options from the next packet on, from the same watches, at other sockets where they differ."""
        was, is_ = self.options.fixed(), wanted.fixed()
        changed = [name for name in was if was[name] != is_[name]]
        if changed:
            raise SettingsError(f"needs a restart: {', '.join(changed)}")
        await self._read_more(wanted)
        layout = layout_of(wanted.blocks, wanted.addresses)
        try:
            await self._server.relayout(layout, self._services, wanted.udp_cap, self.options.shared)
        except OSError as error:
            raise SettingsError(str(error)) from error
        self.options = replace(self.options, **{name: getattr(wanted, name) for name in LIVE})
        self._authority.reconfigure(published_zone(wanted), int(time.time()))
        self._outside.reconfigure(wanted.blocks)

    async def _read_more(self, wanted: DnsOptions) -> None:
        """Read what of the cluster the wanted options need beside what is known."""
        if wanted.needs.cluster and self._watches is None:
            raise SettingsError("needs a restart: kubernetes, for nothing of a cluster is watched")
        if wanted.needs.pods and self._watches is not None:
            try:
                async with asyncio.timeout(READING):
                    await self._watches.follow_pods()
            except TimeoutError as error:
                raise SettingsError("the Pods of the cluster cannot be read, which pods verified needs") from error

    def _register_metrics(self, watches: ZoneWatches | None) -> None:
        observed = watches.observed if watches else {}
        self._registry.register(DnsCollector(self._server, self._authority, observed))
        self._registry.register(ForwardCollector(lambda: server_label(self._server), self._outside))
        self._registry.register(ConfigurationCollector(self._configuration))

    def _configuration(self) -> ConfigurationFigures:
        plugins = (plugin for block in self.options.blocks for plugin in block.plugins)
        return ConfigurationFigures(
            server_label(self._server),
            to_text(self._authority.zone.origin),
            self.options.plugins(),
            self.options.version,
            sum(one.failed for one in (self._reloading, self._follower) if one),
            sum(responder.searches for responder in self._server.responders),
            sum(len(plugin.names) for plugin in plugins if isinstance(plugin, Hosts)),
        )

    def _ready_page(self) -> Page:
        if self.leaving:
            return Page("shutting down", HTTPStatus.SERVICE_UNAVAILABLE)
        if not self._authority.synced:
            waiting = self._watches.unread if self._watches else ["anything"]
            return Page("not yet read: " + ", ".join(waiting), HTTPStatus.SERVICE_UNAVAILABLE)
        return _watches_page(self._watches.dead if self._watches else {}, self.options.unready_after)

    def _changes_page(self) -> Page:
        return Page(self._watches.marks.text() if self._watches else "[]", content_type="application/json")

    def _metrics_page(self) -> Page:
        return Page(render(self._registry), content_type="text/plain; version=0.0.4; charset=utf-8")


def _watches_page(dead: dict[str, float], unready_after: float | None) -> Page:
    """Readiness, by the seconds that each dead watch has been dead."""
    text = "".join(f"\nwatch of {name} dead for {seconds:.0f} s" for name, seconds in dead.items())
    if unready_after is not None and any(seconds >= unready_after for seconds in dead.values()):
        return Page("answers may be old:" + text, HTTPStatus.SERVICE_UNAVAILABLE)
    return Page("OK" + text)


def published_zone(options: DnsOptions) -> Zone:
    """The first zone, which the state of the cluster is published with, as this machine serves it."""
    named = tuple(address for block in options.blocks for address in block.addresses or options.addresses)
    zone = options.zones[0] if options.zones else Zone()
    return replace(zone, own_addresses=own_addresses(named), serial=int(time.time()))
