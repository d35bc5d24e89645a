"""Counts the Services of which clients are turned away on this node because a policy Local finds no endpoint here."""

from collections.abc import Iterable

from fairlead.dataplane.forwarding import NodeView, policies_without_endpoints
from fairlead.drivers.proxy.metrics import POLICIES, ProxyMetrics
from fairlead.model.names import ObjectKey
from fairlead.model.snapshot import ClusterSnapshot


class LocalGaps:
    """The count of one IP family, kept in step with what changes."""

    def __init__(self, metrics: ProxyMetrics, family: str) -> None:
        self._gauges = {policy: metrics.without_local.labels(family, policy) for policy in POLICIES}
        self._services: dict[str, set[ObjectKey]] = {policy: set() for policy in POLICIES}

    def follow(self, snapshot: ClusterSnapshot, changed: Iterable[ObjectKey], view: NodeView) -> None:
        """Look at the Services that have changed again."""
        for key in changed:
            missing = policies_without_endpoints(snapshot, key, view)
            for policy, services in self._services.items():
                (services.add if policy in missing else services.discard)(key)
        for policy, services in self._services.items():
            self._gauges[policy].set(len(services))
