"""The pages of a process that watches, for probes and scrapers: ``/healthz``, ``/readyz`` and ``/metrics``."""

from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from fairlead.drivers.kube.informer import Informer
from fairlead.drivers.tiny_http import AccessToPages, Page, Pages, serve_pages

UNREADY_AFTER = 300.0  # seconds of a dead watch; an API server that is restarted must not make every part unready
METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Address = tuple[str, int]
Informers = Callable[[], Iterable[Informer[Any]]]


class WatchCollector(Collector):
    """The watches of a part as metrics."""

    def __init__(self, informers: Informers) -> None:
        self._informers = informers

    def collect(self) -> Iterator[GaugeMetricFamily]:
        objects = GaugeMetricFamily("fairlead_watch_objects", "Objects in the copy of the API.", labels=("resource",))
        age = GaugeMetricFamily("fairlead_watch_age_seconds", "Time since a watch was heard.", labels=("resource",))
        dead = GaugeMetricFamily(
            "fairlead_watch_dead_seconds", "Time since a watch died, 0 while it lives.", labels=("resource",)
        )
        for informer in self._informers():
            label = (informer.resource.qualified,)
            objects.add_metric(label, len(informer.objects))
            age.add_metric(label, informer.age)
            dead.add_metric(label, informer.dead_for)
        yield from (objects, age, dead)


@asynccontextmanager
async def watch_pages(
    address: Address | None,
    informers: Informers,
    is_ready: Callable[[], bool],
    others: Iterable[Collector] = (),
    access: AccessToPages | None = None,
) -> AsyncIterator[None]:
    """Serve the pages in this context; nothing without an address.

    Args:
        is_ready: whether everything has been read once.
        others: what else the metrics show.
        access: which clients see the metrics; all clients if it is None.

    Raises:
        OSError: the address cannot be listened at.
    """
    server = await serve_pages(*address, pages_of(informers, is_ready, others), access) if address else None
    try:
        yield
    finally:
        if server:
            server.close()


def pages_of(informers: Informers, is_ready: Callable[[], bool], others: Iterable[Collector] = ()) -> Pages:
    """The pages by path."""
    registry = CollectorRegistry(auto_describe=False)
    for collector in (WatchCollector(informers), *others):
        registry.register(collector)
    return {
        "/healthz": lambda: Page("ok"),
        "/readyz": lambda: _readiness(informers(), is_ready()),
        "/metrics": lambda: Page(generate_latest(registry).decode(), content_type=METRICS_TYPE),
    }


def _readiness(informers: Iterable[Informer[Any]], is_ready: bool) -> Page:
    watches = [informer for informer in informers if informer.is_needed]
    unread = [each.resource.qualified for each in watches if not each.synced.is_set()]
    if not is_ready or unread:
        return Page("not yet read: " + (", ".join(unread) or "anything"), HTTPStatus.SERVICE_UNAVAILABLE)
    dead = {each.resource.qualified: each.dead_for for each in watches if each.dead_for > 0}
    text = "".join(f"\nwatch of {name} dead for {seconds:.0f} s" for name, seconds in dead.items())
    if any(seconds >= UNREADY_AFTER for seconds in dead.values()):
        return Page("what is known may be old:" + text, HTTPStatus.SERVICE_UNAVAILABLE)
    return Page("ok" + text)
