"""The DNS process: watches the cluster, publishes each change, answers over UDP and TCP, reports on itself.

Until Namespaces, Services and EndpointSlices (and Pods, when Pod names are verified) have been read once, every name
below the apex gets SERVFAIL and ``/ready`` says 503.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from pathlib import Path
from typing import Any

from fairlead.clusterdns.authority import Authority
from fairlead.clusterdns.changes import Watched
from fairlead.clusterdns.records import Rcode
from fairlead.clusterdns.responder import DROPPED_ZONE, Elsewhere, Responder
from fairlead.clusterdns.wire import UDP_CAP, encode_error
from fairlead.clusterdns.zone import PodsMode, Zone
from fairlead.drivers.dns_server import DnsServer, own_addresses
from fairlead.drivers.informer import Informer
from fairlead.drivers.kube_client import ENDPOINT_SLICES, NAMESPACES, PODS, SERVICES, KubeClient
from fairlead.drivers.tiny_http import Page, Pages, serve_pages
from fairlead.model.objects import SERVICE_NAME_LABEL, EndpointSlice, Namespace, Pod, Service

Informers = dict[str, Informer[Any]]  # by the collection's name


@dataclass(frozen=True)
class DnsOptions:
    """How to run the server.

    Attributes:
        kubeconfig: None looks where kubectl looks.
        addresses: where DNS is served, over UDP and TCP; with a wildcard, replies leave from the route's address.
        http_address: where the health, readiness and metrics ports are served; a port of None leaves one out.
        udp_cap: the largest reply over UDP, in octets.
    """

    kubeconfig: Path | None = None
    context: str | None = None
    addresses: tuple[str, ...] = ("0.0.0.0",)  # noqa: S104 - a name server is there to be reached
    port: int = 53
    zone: Zone = field(default_factory=Zone)
    udp_cap: int = UDP_CAP
    http_address: str = "0.0.0.0"  # noqa: S104
    health_port: int | None = 8080
    ready_port: int | None = 8181
    metrics_port: int | None = 9153


async def run(options: DnsOptions, ready: Callable[[], None]) -> None:
    """Serve until cancelled; ``ready`` is called once the whole cluster has been read.

    Raises:
        OSError: an address cannot be bound.
    """
    zone = replace(options.zone, own_addresses=own_addresses(options.addresses), serial=int(time.time()))
    authority = Authority(zone)
    server = DnsServer(authority, _nobody_to_ask, options.udp_cap)
    pages: list[asyncio.Server] = []
    try:
        await server.listen(options.addresses, options.port)
        async with KubeClient.from_kubeconfig(options.kubeconfig, options.context) as client:
            informers = _informers(client, authority)
            pages += await _serve_pages(options, authority, informers)
            async with asyncio.TaskGroup() as tasks:
                for informer in informers.values():
                    tasks.create_task(informer.run())
                tasks.create_task(_finish_sync(authority, informers, ready))
    finally:
        server.close()
        for page in pages:
            page.close()


def _informers(client: KubeClient, authority: Authority) -> Informers:
    def publish(old: Watched | None, new: Watched | None) -> None:
        authority.change(old, new, int(time.time()))

    informers: Informers = {
        "namespaces": Informer(client, NAMESPACES, Namespace, publish),
        "services": Informer(client, SERVICES, Service, publish),
        "endpointslices": Informer(
            client, ENDPOINT_SLICES, EndpointSlice, publish, {"labelSelector": SERVICE_NAME_LABEL}
        ),
    }
    if authority.zone.pods is PodsMode.VERIFIED:
        informers["pods"] = Informer(client, PODS, Pod, publish)
    return informers


async def _finish_sync(authority: Authority, informers: Informers, ready: Callable[[], None]) -> None:
    for informer in informers.values():
        await informer.synced.wait()
    authority.synced = True
    ready()


async def _serve_pages(options: DnsOptions, authority: Authority, informers: Informers) -> list[asyncio.Server]:
    def ready_page() -> Page:
        if authority.synced:
            return Page("OK")
        waiting = [name for name, informer in informers.items() if not informer.synced.is_set()]
        return Page("kubernetes: " + ", ".join(waiting), HTTPStatus.SERVICE_UNAVAILABLE)

    pages: list[tuple[int | None, Pages]] = [
        (options.health_port, {"/health": lambda: Page("OK")}),
        (options.ready_port, {"/ready": ready_page}),
    ]
    return [await serve_pages(options.http_address, port, table) for port, table in pages if port is not None]


async def _nobody_to_ask(elsewhere: Elsewhere, responder: Responder) -> bytes:
    reply = encode_error(elsewhere.query, Rcode.SERVFAIL, elsewhere.limits)
    responder.count(elsewhere.query, Rcode.SERVFAIL, DROPPED_ZONE, reply)
    return reply
