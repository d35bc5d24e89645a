"""The node proxy's figures for Prometheus, under kube-proxy's names, so that its dashboards work."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

SYNC_BUCKETS = tuple(0.001 * 2**power for power in range(15))  # 1 ms to 16 s, as upstream's
# Upstream's: quarters of a second to 1 s, seconds to 60 s, five seconds to 2 min, half minutes to 5 min.
PROGRAMMING_BUCKETS = (
    0.25, 0.5, 0.75, 1, *range(2, 60), *range(60, 120, 5), *range(120, 301, 30),
)  # fmt: skip


class ProxyMetrics:
    """What is counted; each proxy has its own, so that several can live in one process."""

    def __init__(self) -> None:
        registry = self._registry = CollectorRegistry()
        ProcessCollector(registry=registry)

        def histogram(name: str, text: str, buckets: tuple[float, ...]) -> Histogram:
            return Histogram(f"kubeproxy_{name}", text, ["ip_family"], registry=registry, buckets=buckets)

        def gauge(name: str, text: str, *labels: str) -> Gauge:
            return Gauge(f"kubeproxy_{name}", text, labels, registry=registry)

        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"kubeproxy_{name}", text, labels, registry=registry)

        self.sync = histogram("sync_proxy_rules_duration_seconds", "Time to bring rules up to date.", SYNC_BUCKETS)
        self.full = histogram("sync_full_proxy_rules_duration_seconds", "The same, whole tables.", SYNC_BUCKETS)
        self.partial = histogram("sync_partial_proxy_rules_duration_seconds", "The same, changes.", SYNC_BUCKETS)
        self.programming = Histogram(
            "kubeproxy_network_programming_duration_seconds",
            "From a change of endpoints to its rules.",
            registry=registry,
            buckets=PROGRAMMING_BUCKETS,
        )
        self.last_sync = gauge("sync_proxy_rules_last_timestamp_seconds", "When rules were last changed.", "ip_family")
        self.last_queued = gauge("sync_proxy_rules_last_queued_timestamp_seconds", "When a change last came.")
        self.service_changes = counter("sync_proxy_rules_service_changes_total", "Changes of Services.")
        self.endpoint_changes = counter("sync_proxy_rules_endpoint_changes_total", "Changes of EndpointSlices.")
        self.failures = counter("sync_proxy_rules_nftables_sync_failures_total", "Failed transactions.", "ip_family")
        self.foreign = counter("sync_proxy_rules_foreign_changes_total", "Rules changed by others.", "ip_family")
        self.healthz = counter("proxy_healthz_total", "Answers on /healthz.", "code")
        self.livez = counter("proxy_livez_total", "Answers on /livez.", "code")
        self.forgotten = counter("conntrack_reconciler_deleted_entries_total", "Stale flows forgotten.", "ip_family")

    @contextmanager
    def step(self, family: str) -> Iterator[Callable[[bool, int], None]]:
        """Time one family's step; what is yielded is told, at its end, if it was a full one and what it forgot."""
        start = time.perf_counter()

        def report(is_full: bool, forgotten: int) -> None:
            seconds = time.perf_counter() - start
            for timer in (self.sync, self.full if is_full else self.partial):
                timer.labels(family).observe(seconds)
            self.forgotten.labels(family).inc(forgotten)
            self.last_sync.labels(family).set(time.time())

        try:
            yield report
        except Exception:
            self.failures.labels(family).inc()
            raise

    def text(self) -> str:
        """All of them in the exposition format."""
        return generate_latest(self._registry).decode()


class Programming:
    """The time from a change of a Pod or Service, which its EndpointSlice tells, to the rules: sig-scalability's SLI.

    Changes from before this process do not count: it was not there to follow them.
    """

    def __init__(self, metrics: ProxyMetrics) -> None:
        self._metrics = metrics
        self._started = time.time()
        self._pending: set[float] = set()

    def triggered(self, text: str) -> None:
        """A change came whose cause has this RFC 3339 time; what is no time is passed over."""
        with suppress(ValueError):
            moment = datetime.fromisoformat(text).timestamp()
            if moment >= self._started:
                self._pending.add(moment)

    def done(self) -> None:
        """The rules have what came so far."""
        now = time.time()
        for moment in self._pending:
            self._metrics.programming.observe(now - moment)
        self._pending.clear()
