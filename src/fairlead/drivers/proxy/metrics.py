"""The node proxy's figures for Prometheus, under kube-proxy's names, so that its dashboards work.

Names and labels: upstream's ``pkg/proxy/metrics``. Left out is what has no meaning here: the counters of nfacct, and
the failures of nftables clean-ups, which are part of the transactions themselves.
"""

import time
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

SYNC_BUCKETS = tuple(0.001 * 2**power for power in range(15))  # 1 ms to 16 s, as upstream's
# Upstream's: quarters of a second to 1 s, seconds to 60 s, five seconds to 2 min, half minutes to 5 min.
PROGRAMMING_BUCKETS = (
    0.25, 0.5, 0.75, 1, *range(2, 60), *range(60, 120, 5), *range(120, 301, 30),
)  # fmt: skip
POLICIES = ("internal", "external")  # values of the label traffic_policy


class ProxyMetrics:
    """The metrics of one proxy. Each proxy has its own, so that one process can run several.

    Args:
        families: the values of the label ip_family. backend: nft or iptables.
    """

    def __init__(self, families: Sequence[str], backend: str) -> None:
        self._families = families
        registry = self._registry = CollectorRegistry()
        ProcessCollector(registry=registry)

        def histogram(name: str, text: str, buckets: tuple[float, ...]) -> Histogram:
            return Histogram(f"kubeproxy_{name}", text, ["ip_family"], registry=registry, buckets=buckets)

        def gauge(name: str, text: str, *labels: str) -> Gauge:
            return Gauge(f"kubeproxy_{name}", text, ("ip_family", *labels), registry=registry)

        def counter(name: str, text: str) -> Counter:
            return Counter(f"kubeproxy_{name}", text, ["ip_family"], registry=registry)

        def by_code(name: str, text: str) -> Counter:
            return Counter(f"kubeproxy_{name}", text, ["code"], registry=registry)

        sync = "sync_proxy_rules"
        self.sync = histogram(f"{sync}_duration_seconds", "Time to bring rules up to date.", SYNC_BUCKETS)
        self.full = histogram(
            "sync_full_proxy_rules_duration_seconds", "Time to write whole tables of rules.", SYNC_BUCKETS
        )
        self.partial = histogram(
            "sync_partial_proxy_rules_duration_seconds", "Time to write changes of rules.", SYNC_BUCKETS
        )
        self.programming = histogram(
            "network_programming_duration_seconds", "From a change of endpoints to its rules.", PROGRAMMING_BUCKETS
        )
        self.last_sync = gauge(f"{sync}_last_timestamp_seconds", "Unix time of the last change of rules.")
        self.last_queued = gauge(f"{sync}_last_queued_timestamp_seconds", "Unix time at which the last change arrived.")
        self.services = ChangeCounters(
            counter(f"{sync}_service_changes_total", "Changes of Services."),
            gauge(f"{sync}_service_changes_pending", "Services whose changes are not in the kernel yet."),
            families,
        )
        self.endpoints = ChangeCounters(
            counter(f"{sync}_endpoint_changes_total", "Changes of EndpointSlices."),
            gauge(f"{sync}_endpoint_changes_pending", "Services whose endpoints' changes are not in the kernel yet."),
            families,
        )
        self.without_local = gauge(
            f"{sync}_no_local_endpoints_total",
            "Services with policy Local and no endpoint on this node.",
            "traffic_policy",
        )
        self.refused = gauge(
            f"{sync}_refused_services", "Services whose rules could not be changed, and stay as they were."
        )
        self.policies = PolicyGauges(registry)
        self.dropping_chains = gauge(
            "host_firewall_dropping_chains", "Chains of other programs that drop translated packets."
        )
        self.foreign = counter(f"{sync}_foreign_changes_total", "Changes of rules by others that were put right.")
        self.healthz = by_code("proxy_healthz_total", "Answers on /healthz.")
        self.livez = by_code("proxy_livez_total", "Answers on /livez.")
        self.forgotten = counter("conntrack_reconciler_deleted_entries_total", "Stale flows that were deleted.")
        self.forgetting = histogram(
            "conntrack_reconciler_sync_duration_seconds", "Time to find and delete stale flows.", SYNC_BUCKETS
        )
        if backend == "nft":
            failures = counter(f"{sync}_nftables_sync_failures_total", "Failed transactions.")
            self._failures = {True: failures, False: failures}
        else:
            self._failures = {
                True: counter(f"{sync}_iptables_restore_failures_total", "Failed transactions, whole tables."),
                False: counter(f"{sync}_iptables_partial_restore_failures_total", "Failed transactions, changes."),
            }
            self.rules = gauge(f"{sync}_iptables_total", "Rules of ours.", "table")
            self.rules_sent = gauge(f"{sync}_iptables_last", "Rules sent by the last change.", "table")

    @contextmanager
    def step(self, family: str, *, is_full: bool) -> Iterator[Callable[[int, float], None]]:
        """Time one family's step; what is yielded is told at its end how many flows it forgot, and in how long."""
        start = time.perf_counter()

        def report(forgotten: int, seconds_to_forget: float) -> None:
            seconds = time.perf_counter() - start
            for timer in (self.sync, self.full if is_full else self.partial):
                timer.labels(family).observe(seconds)
            self.forgotten.labels(family).inc(forgotten)
            self.forgetting.labels(family).observe(seconds_to_forget)
            self.last_sync.labels(family).set(time.time())

        try:
            yield report
        except Exception:
            self._failures[is_full].labels(family).inc()
            raise

    def queued(self, now: float) -> None:
        """A change has come, at this time."""
        for family in self._families:
            self.last_queued.labels(family).set(now)

    def iptables_rules(self, family: str, total: Mapping[str, int], sent: Mapping[str, int]) -> None:
        """How many rules of ours each table has now, and how many of them were sent."""
        for table in total:
            self.rules.labels(family, table).set(total[table])
            self.rules_sent.labels(family, table).set(sent.get(table, 0))

    def text(self) -> str:
        """All of them in the exposition format."""
        return generate_latest(self._registry).decode()


class PolicyGauges:
    """Metrics of NetworkPolicies; kube-proxy has none."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def gauge(name: str, text: str) -> Gauge:
            return Gauge(name, text, ["ip_family"], registry=registry)

        self._isolated = gauge(
            "fairlead_network_policies_isolated_addresses", "Addresses of Pods on this node that policies isolate."
        )
        self._in_force = gauge("fairlead_network_policies", "Policies that isolate a Pod on this node.")
        self._faulty = gauge(
            "fairlead_network_policies_faulty",
            "Policies with rules that make no sense or were refused, and let nothing through.",
        )

    def show(self, family: str, isolated: int, in_force: int, faulty: int) -> None:
        for gauge, count in ((self._isolated, isolated), (self._in_force, in_force), (self._faulty, faulty)):
            gauge.labels(family).set(count)


class ChangeCounters:
    """Changes of one kind: all that came, and of how many Services they are not in the kernel yet."""

    def __init__(self, total: Counter, pending: Gauge, families: Sequence[str]) -> None:
        self._total, self._pending, self._families = total, pending, families
        self._waiting: set[Hashable] = set()
        self._under_way: set[Hashable] = set()
        self._count = 0  # of Services in either: counting them again for each change would cost their number squared
        self._show()

    def came(self, service: Hashable) -> None:
        self._count += service not in self._waiting and service not in self._under_way
        self._waiting.add(service)
        for family in self._families:
            self._total.labels(family).inc()
        self._show()

    def taken(self) -> None:
        """A step begins with all that have come."""
        self._under_way, self._waiting = self._under_way | self._waiting, set()

    def done(self) -> None:
        """The step has succeeded. After a failure the next takes its changes, too."""
        self._under_way, self._count = set(), len(self._waiting)
        self._show()

    def _show(self) -> None:
        for family in self._families:
            self._pending.labels(family).set(self._count)


class Programming:
    """The time from a change of a Pod or Service, which its EndpointSlice tells, to the rules: sig-scalability's SLI.

    Changes from before this process do not count: it was not there to follow them.
    """

    def __init__(self, metrics: ProxyMetrics) -> None:
        self._metrics = metrics
        self._started = time.time()
        self._pending: set[tuple[str, float]] = set()

    def triggered(self, family: str, text: str) -> None:
        """A change came whose cause has this RFC 3339 time; what is no time is passed over."""
        with suppress(ValueError):
            moment = datetime.fromisoformat(text).timestamp()
            if moment >= self._started:
                self._pending.add((family, moment))

    def done(self) -> None:
        """The rules have what came so far."""
        now = time.time()
        for family, moment in self._pending:
            self._metrics.programming.labels(family).observe(now - moment)
        self._pending.clear()
