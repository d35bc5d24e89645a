"""The counters of names outside: CoreDNS's names for its cache, forward and proxy, and a few of our own."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from fairlead.drivers.dns.durations import Durations
from fairlead.drivers.dns.forwarder import Forwarder
from fairlead.drivers.dns.outside import OutsideForwarders

_WHERE = ("server", "zones", "view")
_UPSTREAM = ("proxy_name", "to")


class ForwardCollector(Collector):
    """Reads the forwarders' counters at each scrape; there are others after the configuration was reloaded.

    Args:
        server: gives the server label, such as ``dns://:53``.
    """

    def __init__(self, server: Callable[[], str], outside: OutsideForwarders) -> None:
        self._server, self._outside = server, outside

    def collect(self) -> Iterable[Metric]:
        forwarders = list(self._outside.forwarders.values())
        yield from _cache(forwarders, (self._server(), ".", ""))
        yield from _proxies(forwarders)
        yield from _totals(forwarders)


def _cache(forwarders: list[Forwarder], where: tuple[str, str, str]) -> Iterator[Metric]:
    caches = [cache for forwarder in forwarders for cache in forwarder.caches.values()]
    entries = GaugeMetricFamily(
        "coredns_cache_entries", "Replies in the cache.", labels=("server", "type", *_WHERE[1:])
    )
    hits = CounterMetricFamily(
        "coredns_cache_hits", "Look-ups that found a reply.", labels=("server", "type", *_WHERE[1:])
    )
    evictions = CounterMetricFamily(
        "coredns_cache_evictions", "Replies dropped for lack of room.", labels=("server", "type", *_WHERE[1:])
    )
    for type_ in ("success", "denial"):
        labels = (where[0], type_, *where[1:])
        entries.add_metric(labels, sum(cache.sizes()[type_] for cache in caches))
        hits.add_metric(labels, sum(cache.hits[type_] for cache in caches))
        evictions.add_metric(labels, sum(cache.evictions[type_] for cache in caches))
    yield from (entries, hits, evictions)
    misses = sum(cache.misses for cache in caches)
    for name, text, value in (
        ("coredns_cache_requests", "Look-ups in the cache.", sum(cache.hits.total() for cache in caches) + misses),
        ("coredns_cache_misses", "Look-ups that found nothing.", misses),
        ("coredns_cache_prefetch", "Replies refreshed before they expired.", sum(f.prefetches for f in forwarders)),
        ("coredns_cache_served_stale", "Replies served after they expired.", sum(f.stale_answers for f in forwarders)),
    ):
        family = CounterMetricFamily(name, text, labels=_WHERE)
        family.add_metric(where, value)
        yield family


def _proxies(forwarders: list[Forwarder]) -> Iterator[Metric]:
    durations = HistogramMetricFamily(
        "coredns_proxy_request_duration_seconds",
        "Time of an exchange with an upstream server.",
        labels=(*_UPSTREAM, "rcode"),
    )
    spent: dict[tuple[str, str], Durations] = {}
    failed: Counter[str] = Counter()
    for forwarder in forwarders:
        for (server, rcode), one in forwarder.spent.items():
            spent.setdefault((str(server), rcode), Durations()).merge(one)
        failed.update({str(server): number for server, number in forwarder.probe_failures.items()})
    for (to, rcode), total in spent.items():
        durations.add_metric(("forward", to, rcode), total.buckets(), total.seconds)
    yield durations
    failures = CounterMetricFamily(
        "coredns_proxy_healthcheck_failures", "Probes of upstream servers without a reply.", labels=_UPSTREAM
    )
    for to, number in failed.items():
        failures.add_metric(("forward", to), number)
    yield failures


def _totals(forwarders: list[Forwarder]) -> Iterator[Metric]:
    for name, text, value in (
        (
            "coredns_forward_healthcheck_broken",
            "Queries sent although every upstream server was down.",
            sum(f.all_down for f in forwarders),
        ),
        (
            "coredns_forward_max_concurrent_rejects",
            "Queries refused because too many were waiting.",
            sum(f.rejected for f in forwarders),
        ),
        ("fairlead_dns_upstream_exchanges", "Queries sent to upstream servers.", sum(f.exchanges for f in forwarders)),
    ):
        yield CounterMetricFamily(name, text, value=value)
