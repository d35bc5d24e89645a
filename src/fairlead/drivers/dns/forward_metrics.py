"""The counters of names outside: CoreDNS's names for its cache, forward and proxy, and a few of our own."""

from collections.abc import Callable, Iterable, Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from fairlead.drivers.dns.forwarder import Forwarder

_WHERE = ("server", "zones", "view")
_UPSTREAM = ("proxy_name", "to")


class ForwardCollector(Collector):
    """Reads the forwarder's counters at each scrape; it is another one after the configuration was reloaded.

    Args:
        server: the server label, such as ``dns://:53``.
    """

    def __init__(self, server: Callable[[], str], forwarder: Callable[[], Forwarder]) -> None:
        self._server, self._forwarder = server, forwarder

    def collect(self) -> Iterable[Metric]:
        forwarder = self._forwarder()
        yield from _cache(forwarder, (self._server(), ".", ""))
        yield from _proxies(forwarder)
        yield from _totals(forwarder)


def _cache(forwarder: Forwarder, where: tuple[str, str, str]) -> Iterator[Metric]:
    cache = forwarder.cache
    entries = GaugeMetricFamily("coredns_cache_entries", "Replies cached.", labels=("server", "type", *_WHERE[1:]))
    hits = CounterMetricFamily("coredns_cache_hits", "Found.", labels=("server", "type", *_WHERE[1:]))
    evictions = CounterMetricFamily("coredns_cache_evictions", "Dropped.", labels=("server", "type", *_WHERE[1:]))
    sizes = cache.sizes()
    for type_ in ("success", "denial"):
        labels = (where[0], type_, *where[1:])
        entries.add_metric(labels, sizes[type_])
        hits.add_metric(labels, cache.hits[type_])
        evictions.add_metric(labels, cache.evictions[type_])
    yield from (entries, hits, evictions)
    for name, text, value in (
        ("requests", "Questions that the cache was asked.", cache.hits.total() + cache.misses),
        ("misses", "Not found.", cache.misses),
        ("prefetch", "Refreshed before their end.", forwarder.prefetches),
        ("served_stale", "Served after their end.", forwarder.stale_answers),
    ):
        family = CounterMetricFamily(f"coredns_cache_{name}", text, labels=_WHERE)
        family.add_metric(where, value)
        yield family


def _proxies(forwarder: Forwarder) -> Iterator[Metric]:
    durations = HistogramMetricFamily(
        "coredns_proxy_request_duration_seconds", "Time per exchange.", labels=(*_UPSTREAM, "rcode")
    )
    for (server, rcode), spent in forwarder.spent.items():
        durations.add_metric(("forward", str(server), rcode), spent.buckets(), spent.seconds)
    yield durations
    failures = CounterMetricFamily("coredns_proxy_healthcheck_failures", "Probes without reply.", labels=_UPSTREAM)
    for server, number in forwarder.probe_failures.items():
        failures.add_metric(("forward", str(server)), number)
    yield failures


def _totals(forwarder: Forwarder) -> Iterator[Metric]:
    for name, text, value in (
        ("coredns_forward_healthcheck_broken", "Questions asked when all servers were down.", forwarder.all_down),
        ("coredns_forward_max_concurrent_rejects", "Questions refused, too many under way.", forwarder.rejected),
        ("fairlead_dns_upstream_exchanges", "Questions asked of upstream servers.", forwarder.exchanges),
    ):
        yield CounterMetricFamily(name, text, value=value)
