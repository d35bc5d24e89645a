"""The API server's counters for Prometheus, under upstream's names where upstream has them.

Requests are counted by verb, resource and code as ``apiserver_request_total`` does; the store's figures are read when
they are asked for.
"""

from collections import Counter
from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from fairlead.drivers.apiserver.store.durable_state import DurableState
from fairlead.registry.resources import BY_PATH

CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"

# The path's part that names the resource: /api/v1/[namespaces/x/]<plural> and /apis/<g>/<v>/[namespaces/x/]<plural>.
_PREFIX = {"api": 2, "apis": 3}
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class ApiMetrics(Collector):
    """Metrics of one server: its answers and its open requests."""

    def __init__(self, state: DurableState, watches: Callable[[], int]) -> None:
        self._state, self._watches = state, watches
        self._requests: Counter[tuple[str, str, int]] = Counter()
        self._registry = CollectorRegistry()
        self._registry.register(self)
        ProcessCollector(registry=self._registry)

    def count(self, method: str, path: str, code: int) -> None:
        """Count an answer. Methods and resources that clients invent are counted together."""
        self._requests[method if method in _METHODS else "other", _resource(path), code] += 1

    def text(self) -> bytes:
        """All figures in Prometheus' text format."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        requests = CounterMetricFamily("apiserver_request", "Requests answered.", labels=["verb", "resource", "code"])
        for (verb, resource, code), number in self._requests.items():
            requests.add_metric([verb, resource, str(code)], number)
        yield requests
        yield GaugeMetricFamily("apiserver_longrunning_requests", "Open watches.", value=self._watches())
        objects = GaugeMetricFamily("apiserver_storage_objects", "Objects stored.", labels=["resource"])
        state = self._state.latest
        for resource, found in state.objects.items():
            objects.add_metric([resource], len(found))
        yield objects
        yield GaugeMetricFamily("fairlead_store_version", "The latest resourceVersion.", value=state.version)
        yield GaugeMetricFamily("fairlead_cluster_ips", "Virtual IPs in use.", value=len(state.ips))
        yield GaugeMetricFamily("fairlead_node_ports", "Node ports in use.", value=len(state.ports))


def _resource(path: str) -> str:
    """The plural of the resource that a path is about; empty when it is about none that is served."""
    parts = path.strip("/").split("/")
    length = _PREFIX.get(parts[0], 0)
    group_version = ("", *parts[1:2]) if length == 2 else tuple(parts[1:3])
    rest = parts[length:] if length else []
    if rest[:1] == ["namespaces"] and len(rest) > 2:
        rest = rest[2:]
    return rest[0] if rest and (*group_version, rest[0]) in BY_PATH else ""
