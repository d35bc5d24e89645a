"""The DNS server's counters for Prometheus: CoreDNS's names, so that its dashboards work, and some of our own.

The hot path counts one integer per prepared reply and one duration per batch; everything here is summed when scraped.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from itertools import accumulate
from typing import NamedTuple

import dns.rdatatype
from prometheus_client import CollectorRegistry, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from fairlead import __version__
from fairlead.clusterdns.authority import Authority
from fairlead.clusterdns.reply_cache import SIZES, ReplyKind
from fairlead.clusterdns.responder import DROPPED_ZONE, FORWARDED_ZONE
from fairlead.drivers.dns.server import DnsServer
from fairlead.model.addresses import IPFamily, family_of
from fairlead.model.objects import TRIGGER_TIME_ANNOTATION, EndpointSlice, Service

# Upstream counts these types by name and all others together.
_COUNTED_TYPES = frozenset((1, 2, 5, 6, 12, 15, 16, 28, 33, 43, 46, 47, 48, 50, 64, 65, 251, 252, 255))
# Who replied, where it was not the cluster's records: upstream's plugin names, by zone label.
_PLUGINS = {FORWARDED_ZONE: "forward", DROPPED_ZONE: ""}
_FAMILIES = {IPFamily.IPV4: "1", IPFamily.IPV6: "2"}  # upstream's numbers


class WatchedCollection(NamedTuple):
    """One watched collection: how many objects it has, and seconds since its watch was last heard."""

    objects: int
    age: float


Watched = Mapping[str, Callable[[], WatchedCollection]]


class DnsCollector(Collector):
    """Reads the server's counters at each scrape; ``watched`` tells of each collection by its name."""

    def __init__(self, server: DnsServer, authority: Authority, watched: Watched) -> None:
        self._server, self._authority, self._watched = server, authority, watched

    def collect(self) -> Iterable[Metric]:
        build = GaugeMetricFamily(
            "coredns_build_info", "The version that runs.", labels=("version", "revision", "goversion")
        )
        build.add_metric((__version__, "fairlead", ""), 1)
        yield build
        yield from self._replies()
        yield from self._sockets()
        yield GaugeMetricFamily("fairlead_dns_zone_serial", "Serial of the zone.", value=self._authority.zone.serial)
        objects = GaugeMetricFamily("fairlead_dns_objects", "Objects in the copy of the API.", labels=("kind",))
        age = GaugeMetricFamily("fairlead_dns_watch_age_seconds", "Time since a watch was heard.", labels=("kind",))
        for name, collection in self._watched.items():
            now = collection()
            objects.add_metric((name,), now.objects)
            age.add_metric((name,), now.age)
        yield from (objects, age)

    def _tallies(self) -> Iterator[tuple[str, str, str, Counter[ReplyKind]]]:
        """Server, protocol, family and counts of each socket."""
        for place, sockets in self._server.places():
            family = _FAMILIES[family_of(place.address)]
            if sockets.udp is not None:
                yield str(place), "udp", family, sockets.udp.responder.tally()
            yield str(place), "tcp", family, sockets.tcp.responder.tally()

    def _replies(self) -> Iterator[Metric]:
        requests: Counter[tuple[str, ...]] = Counter()
        rcodes: Counter[tuple[str, ...]] = Counter()
        truncated: Counter[tuple[str, ...]] = Counter()
        records: Counter[tuple[str, ...]] = Counter()
        dnssec: Counter[tuple[str, ...]] = Counter()
        asked: dict[tuple[str, ...], Counter[int]] = {}
        sent: dict[tuple[str, ...], Counter[int]] = {}
        for where, proto, family, tally in self._tallies():
            for kind, number in tally.items():
                requests[where, kind.zone, "", proto, family, _type_label(kind.qtype)] += number
                rcodes[where, kind.zone, "", kind.rcode.name, _PLUGINS.get(kind.zone, "kubernetes")] += number
                truncated[(proto,)] += number * kind.truncated
                records[(kind.zone,)] += number * kind.records
                dnssec[where, kind.zone, ""] += number * kind.dnssec_ok
                asked.setdefault((where, kind.zone, "", proto), Counter())[kind.asked] += number
                sent.setdefault((where, kind.zone, "", proto), Counter())[kind.sent] += number
        base = ("server", "zone", "view")
        yield _counter("coredns_dns_requests", "Queries received.", (*base, "proto", "family", "type"), requests)
        yield _counter("coredns_dns_responses", "Replies by response code.", (*base, "rcode", "plugin"), rcodes)
        yield _counter("coredns_dns_do_requests", "Queries with DO set.", base, dnssec)
        yield _sizes("coredns_dns_request_size_bytes", "Size of queries.", (*base, "proto"), asked)
        yield _sizes("coredns_dns_response_size_bytes", "Size of replies.", (*base, "proto"), sent)
        yield _counter("fairlead_dns_truncated_replies", "Replies with TC set.", ("proto",), truncated)
        yield _counter("fairlead_dns_records_served", "Records in answer sections.", ("zone",), records)

    def _sockets(self) -> Iterator[Metric]:
        udp = self._server.udp
        durations = HistogramMetricFamily(
            "coredns_dns_request_duration_seconds",
            "Time to make a reply, the mean of its batch.",
            labels=("server", "zone", "view", "type"),
        )
        for place, sockets in self._server.places():
            if sockets.udp is not None:
                spent = sockets.udp.durations
                durations.add_metric((str(place), "", "", ""), spent.buckets(), spent.seconds)
        yield durations
        responders = list(self._server.responders)
        ignored = sum(responder.ignored for responder in responders)
        prepared = sum(len(responder.prepared) for responder in responders)
        faults = sum(responder.faults for responder in responders)
        yield CounterMetricFamily(
            "coredns_panics", "Queries answered SERVFAIL because of a fault of the server.", value=faults
        )
        yield CounterMetricFamily("fairlead_dns_ignored_packets", "Packets that got no reply.", value=ignored)
        yield CounterMetricFamily(
            "fairlead_dns_lost_replies",
            "Replies that the kernel did not take.",
            value=sum(u.lost + u.batch.lost for u in udp),
        )
        tcp = self._server.tcp
        yield GaugeMetricFamily("fairlead_dns_tcp_connections", "Connections open.", value=sum(map(len, tcp)))
        closed: Counter[tuple[str, ...]] = Counter({(reason,): 0 for reason in ("idle", "room", "unread")})
        for listener in tcp:
            closed.update({(reason,): number for reason, number in listener.closed.items()})
        yield _counter("fairlead_dns_tcp_closed", "Connections that the server closed.", ("reason",), closed)
        yield GaugeMetricFamily("fairlead_dns_prepared_replies", "Replies kept ready.", value=prepared)


class ProgrammingDelay:
    """How long a change of endpoints took to reach DNS: since the annotation that the slice controller put on it."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._histogram = Histogram(
            "coredns_kubernetes_dns_programming_duration_seconds",
            "Time from a change of a Pod or Service to its DNS records.",
            ("service_kind",),
            buckets=[0.001 * 2**n for n in range(20)],
            registry=registry,
        )

    def observe(self, slice_: EndpointSlice, service: Service | None, now: float) -> None:
        """Count a slice that was published at ``now``, Unix time in seconds."""
        trigger = slice_.annotations.get(TRIGGER_TIME_ANNOTATION)
        if trigger is None or service is None:
            return
        try:
            since = datetime.fromisoformat(trigger).timestamp()
        except ValueError:
            return  # not written by the slice controller
        self._histogram.labels(_service_kind(service)).observe(max(0.0, now - since))


def server_label(server: DnsServer) -> str:
    """Upstream's name for the first server, where there may be several."""
    return next((str(place) for place, _ in server.places()), "")


def new_registry() -> CollectorRegistry:
    """A registry that already has the metrics of this process."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    return registry


def render(registry: CollectorRegistry) -> str:
    """All metrics in the Prometheus text format."""
    return generate_latest(registry).decode()


def _service_kind(service: Service) -> str:
    if not service.is_headless:
        return "cluster_ip"
    return "headless_with_selector" if service.spec.selector else "headless_without_selector"


def _type_label(qtype: int) -> str:
    return dns.rdatatype.to_text(dns.rdatatype.RdataType.make(qtype)) if qtype in _COUNTED_TYPES else "other"


def _counter(
    name: str, text: str, labels: tuple[str, ...], counts: Mapping[tuple[str, ...], int]
) -> CounterMetricFamily:
    family = CounterMetricFamily(name, text, labels=labels)
    for values, count in counts.items():
        family.add_metric(values, count)
    return family


def _sizes(
    name: str, text: str, labels: tuple[str, ...], counts: Mapping[tuple[str, ...], Counter[int]]
) -> HistogramMetricFamily:
    """A histogram of sizes; replies are known by bucket, so their sum is the sum of upper bounds."""
    family = HistogramMetricFamily(name, text, labels=labels)
    for values, by_size in counts.items():
        cumulated = accumulate(by_size[bound] for bound in SIZES)
        buckets = [(str(float(bound)), float(count)) for bound, count in zip(SIZES, cumulated, strict=True)]
        total = sum(bound * count for bound, count in by_size.items())
        family.add_metric(values, [*buckets, ("+Inf", float(by_size.total()))], total)
    return family
