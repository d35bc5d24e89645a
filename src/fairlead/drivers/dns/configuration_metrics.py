"""Metrics of the configuration and its reloads, under CoreDNS's names."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector


class ConfigurationFigures(NamedTuple):
    """The configuration as it is now.

    Attributes:
        server: the server label, such as ``dns://:53``.
        zone: the cluster domain as text.
        plugins: upstream's names for what is in force.
        version: of the file in force; None when there is none.
        failed: files that were refused.
        searches: searches that the server walked to their end.
        hosts: names that the configuration fixes.
    """

    server: str
    zone: str
    plugins: frozenset[str]
    version: str | None
    failed: int
    searches: int
    hosts: int = 0


class ConfigurationCollector(Collector):
    """Asks for the configuration at each scrape."""

    def __init__(self, now: Callable[[], ConfigurationFigures]) -> None:
        self._now = now

    def collect(self) -> Iterable[Metric]:
        now = self._now()
        labels = ("server", "zone", "view", "name")
        enabled = GaugeMetricFamily("coredns_plugin_enabled", "Plugins in force, by upstream's names.", labels=labels)
        for name in sorted(now.plugins):
            enabled.add_metric((now.server, now.zone, "", name), 1)
        yield enabled
        searches = CounterMetricFamily(
            "coredns_autopath_success", "Searches of Pods that were answered at the first step.", labels=("server",)
        )
        searches.add_metric((now.server,), now.searches)
        yield searches
        yield GaugeMetricFamily("coredns_hosts_entries", "Names with fixed addresses.", value=now.hosts)
        if now.version is not None:
            version = GaugeMetricFamily(
                "coredns_reload_version_info", "Digest of the configuration in force.", labels=("hash", "value")
            )
            version.add_metric(("sha512", now.version), 1)
            yield version
            yield CounterMetricFamily("coredns_reload_failed", "Configurations that were refused.", value=now.failed)
