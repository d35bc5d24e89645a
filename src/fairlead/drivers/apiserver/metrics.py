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

CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"

# The path's part that names the resource: /api/v1/[namespaces/x/]<plural> and /apis/<g>/<v>/[namespaces/x/]<plural>.
_PREFIX = {"api": 2, "apis": 3}
_MAX_SERIES = 2000


class ApiMetrics(Collector):
    """What one server has answered, and what it holds."""

    def __init__(self, state: DurableState, watches: Callable[[], int]) -> None:
        self._state, self._watches = state, watches
        self._requests: Counter[tuple[str, str, int]] = Counter()
        self._registry = CollectorRegistry()
        self._registry.register(self)
        ProcessCollector(registry=self._registry)

    def count(self, method: str, path: str, code: int) -> None:
        """Count an answer. Paths that clients invent are counted together once there are too many."""
        key = (method, _resource(path) if code != 404 else "", code)
        if key not in self._requests and len(self._requests) >= _MAX_SERIES:
            key = (method, "", code)
        self._requests[key] += 1

    def text(self) -> bytes:
        """All figures in Prometheus' text format."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        requests = CounterMetricFamily("apiserver_request", "Requests answered.", labels=["verb", "resource", "code"])
        for (verb, resource, code), number in self._requests.items():
            requests.add_metric([verb, resource, str(code)], number)
        yield requests
        yield GaugeMetricFamily("apiserver_longrunning_requests", "Watches that are open.", value=self._watches())
        objects = GaugeMetricFamily("apiserver_storage_objects", "Objects stored.", labels=["resource"])
        state = self._state.latest
        for resource, found in state.objects.items():
            objects.add_metric([resource], len(found))
        yield objects
        yield GaugeMetricFamily("fairlead_store_version", "The latest resourceVersion.", value=state.version)
        yield GaugeMetricFamily("fairlead_cluster_ips", "Virtual IPs that are taken.", value=len(state.ips))
        yield GaugeMetricFamily("fairlead_node_ports", "Node ports that are taken.", value=len(state.ports))


def _resource(path: str) -> str:
    parts = path.strip("/").split("/")
    rest = parts[_PREFIX.get(parts[0], len(parts)) :]
    if rest[:1] == ["namespaces"] and len(rest) > 2:
        rest = rest[2:]
    return rest[0] if rest else ""
