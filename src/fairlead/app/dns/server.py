"""The DNS process: watches the cluster, publishes each change, answers over UDP and TCP, reports on itself.

Until Namespaces, Services and EndpointSlices (and Pods, when Pod names are verified) have been read once, every name
below the apex gets SERVFAIL and ``/ready`` says 503. When a watch dies later, the last known answers go on being
served, for they serve a cluster better than none; ``/ready`` tells of it at once, and says 503 when it lasts.
"""

import asyncio
import gc
import time
from collections.abc import Callable
from dataclasses import replace
from http import HTTPStatus

from fairlead.app.dns.options import LIVE, DnsOptions, Source
from fairlead.app.dns.reload import Reloading, Unusable
from fairlead.app.dns.watches import Watches
from fairlead.clusterdns.authority import Authority
from fairlead.clusterdns.names import to_text
from fairlead.clusterdns.zone import Zone
from fairlead.drivers.dns.autopath import Autopath
from fairlead.drivers.dns.configuration_metrics import Configuration, ConfigurationCollector
from fairlead.drivers.dns.forward_metrics import ForwardCollector
from fairlead.drivers.dns.forwarder import Forwarder
from fairlead.drivers.dns.listener import Services
from fairlead.drivers.dns.metrics import DnsCollector, ProgrammingDelay, new_registry, render, server_label
from fairlead.drivers.dns.query_log import print_reply
from fairlead.drivers.dns.server import DnsServer, own_addresses
from fairlead.drivers.kube.client import KubeClient
from fairlead.drivers.tiny_http import Page, Pages, serve_pages

__all__ = ["DnsOptions", "ForwardingLoop", "run"]


async def run(options: DnsOptions, ready: Callable[[], None]) -> None:
    """Serve until cancelled; ``ready`` is called once the whole cluster has been read.

    Raises:
        OSError: an address cannot be bound. ForwardingLoop: an upstream server sends our own queries back to us.
    """
    zone = replace(options.zone, own_addresses=own_addresses(options.addresses), serial=int(time.time()))
    process = _Process(options, zone)
    try:
        await process.listen()
        async with KubeClient.from_kubeconfig(options.kubeconfig, options.context) as client:
            watching = asyncio.ensure_future(process.watch(client, ready))
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

    def __init__(self, options: DnsOptions, zone: Zone) -> None:
        self.leaving = False
        self.options = options
        self._authority = Authority(zone)
        self._forwarder = Forwarder(options.forward)
        self._looped = self._forwarder.looped
        self._autopath = Autopath(self._authority, self._forwarder)
        self._server = DnsServer(self._authority, self._services(), options.udp_cap)
        self._reloading = self._reloading_of(options.source)
        self._registry = new_registry()
        self._delay = ProgrammingDelay(self._registry)
        self._watches: Watches | None = None
        self._pages: list[asyncio.Server] = []

    async def listen(self) -> None:
        """Answer from now on, if only with SERVFAIL."""
        await self._server.listen(self.options.addresses, self.options.port, self.options.shared)
        self._forwarder.start()
        ports: list[tuple[int | None, Pages]] = [
            (self.options.health_port, {"/health": lambda: Page("OK")}),
            (self.options.ready_port, {"/ready": self._ready_page}),
            (self.options.metrics_port, {"/metrics": self._metrics_page}),
        ]
        for port, pages in ports:
            if port is not None:
                for address in self.options.http_addresses:
                    self._pages.append(await serve_pages(address, port, pages))

    async def watch(self, client: KubeClient, ready: Callable[[], None]) -> None:
        """Follow the cluster, and the configuration file, until cancelled."""
        self._watches = Watches(client, self._authority, self._delay)
        self._register_metrics(self._watches)
        reloading = [self._reloading.run()] if self._reloading else []
        await asyncio.gather(
            self._watches.run(), self._finish_sync(self._watches, ready), self._watch_for_loop(), *reloading
        )

    async def _finish_sync(self, watches: Watches, ready: Callable[[], None]) -> None:
        await watches.read_all()
        self._authority.finish_sync(int(time.time()))
        gc.collect()
        gc.freeze()  # what was read stays; there is no use in looking at it again and again
        ready()

    async def _watch_for_loop(self) -> None:
        await self._looped.wait()
        raise ForwardingLoop("an upstream server sends queries back to this one; see its resolv.conf")

    def close(self) -> None:
        self._forwarder.close()
        self._server.close()
        for page in self._pages:
            page.close()

    def _services(self) -> Services:
        log = print_reply if self.options.log else None
        return Services(self._forwarder, log, self.options.transfer_to, self._autopath)

    def _reloading_of(self, source: Source | None) -> Reloading | None:
        if source is None:
            return None

        def apply(text: str) -> None:
            wanted = source.load(text)
            was, is_ = source.first.fixed(), wanted.fixed()
            changed = [name for name in was if was[name] != is_[name]]
            if changed:
                raise Unusable(f"{source.path}: needs a restart: {', '.join(changed)}")
            self._reconfigure(wanted)

        return Reloading(source.path, apply, source.every, source.version)

    def _reconfigure(self, wanted: DnsOptions) -> None:
        """Serve by other options from the next packet on, at the same sockets and from the same watches."""
        if wanted.forward != self.options.forward:
            old = self._forwarder
            self._forwarder = self._autopath.forwarder = Forwarder(wanted.forward, self._looped)
            self._forwarder.start()
            # Clients still wait for what the old one has asked.
            asyncio.get_running_loop().call_later(old.options.deadline, old.close)
        self.options = replace(self.options, **{name: getattr(wanted, name) for name in LIVE})
        self._authority.reconfigure(wanted.zone, int(time.time()))
        self._server.reconfigure(self._services(), wanted.udp_cap)

    def _register_metrics(self, watches: Watches) -> None:
        self._registry.register(DnsCollector(self._server, self._authority, watches.observed))
        self._registry.register(ForwardCollector(lambda: server_label(self._server), lambda: self._forwarder))
        self._registry.register(ConfigurationCollector(self._configuration))

    def _configuration(self) -> Configuration:
        reloading = self._reloading
        return Configuration(
            server_label(self._server),
            to_text(self._authority.zone.origin),
            self.options.plugins(),
            reloading.version if reloading else None,
            reloading.failed if reloading else 0,
            self._autopath.successes,
        )

    def _ready_page(self) -> Page:
        if self.leaving:
            return Page("shutting down", HTTPStatus.SERVICE_UNAVAILABLE)
        if self._watches is None or not self._authority.synced:
            waiting = self._watches.unread if self._watches else ["anything"]
            return Page("not yet read: " + ", ".join(waiting), HTTPStatus.SERVICE_UNAVAILABLE)
        return _watches_page(self._watches.dead, self.options.unready_after)

    def _metrics_page(self) -> Page:
        return Page(render(self._registry), content_type="text/plain; version=0.0.4; charset=utf-8")


def _watches_page(dead: dict[str, float], unready_after: float | None) -> Page:
    """Readiness, by the seconds that each dead watch has been dead."""
    text = "".join(f"\nwatch of {name} dead for {seconds:.0f} s" for name, seconds in dead.items())
    if unready_after is not None and any(seconds >= unready_after for seconds in dead.values()):
        return Page("answers may be old:" + text, HTTPStatus.SERVICE_UNAVAILABLE)
    return Page("OK" + text)
