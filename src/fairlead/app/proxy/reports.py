"""The reports of a node proxy: metrics, health, Events, and health checks of load balancers."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from fairlead.app.proxy.events import ProxyEvents
from fairlead.app.proxy.health import HealthPages
from fairlead.app.proxy.local_gaps import LocalGaps
from fairlead.app.proxy.options import MODES, ProxyOptions
from fairlead.app.proxy.spreading import POLICIES, SERVICES, Spreading
from fairlead.dataplane.forwarding import NodeView
from fairlead.dataplane.health import local_health
from fairlead.dataplane.host_firewall import DroppingChain
from fairlead.dataplane.node_view import listening_addresses
from fairlead.dataplane.ownership import usurpers
from fairlead.drivers.kube.client import KubeClient
from fairlead.drivers.proxy.healthcheck_server import HealthCheckServers
from fairlead.drivers.proxy.metrics import Programming, ProxyMetrics
from fairlead.drivers.tiny_http import Page, Pages
from fairlead.model.names import ObjectKey
from fairlead.model.network_policies import NetworkPolicy
from fairlead.model.objects import Node, Service
from fairlead.model.snapshot import ClusterSnapshot


class Reports:
    """All of them, for one node."""

    def __init__(self, options: ProxyOptions, client: KubeClient, families: Sequence[str]) -> None:
        self._options = options
        self._snapshot = ClusterSnapshot()
        self._in_the_way: frozenset[DroppingChain] = frozenset()
        self.metrics = ProxyMetrics(families, options.backend)
        self.programming = Programming(self.metrics)
        self.spreading = Spreading(options.marks, options.node_name)
        self.health = HealthPages(families, self._node, self.metrics)
        self.events = ProxyEvents(client, options.node_name, can_hash=options.backend == "nft")
        self.health_checks = HealthCheckServers(self.health.is_healthy, self._health_check_failed)
        self._gaps = {family: LocalGaps(self.metrics, family) for family in families}

    def metric_pages(self) -> Pages:
        """The metric and health pages, on kube-proxy's paths."""
        return {
            "/metrics": lambda: Page(self.metrics.text()),
            "/proxyMode": lambda: Page(MODES[self._options.backend]),
        }

    def service_changed(self, snapshot: ClusterSnapshot, old: Service | None, new: Service | None) -> None:
        self._snapshot = snapshot
        self.events.service_changed(old, new)
        for loser, usurpation in usurpers(snapshot, old, new):
            self.events.address_not_served(loser, usurpation)

    def refused(self, key: ObjectKey, reason: str) -> None:
        """The rules of a Service are not what they should be."""
        if service := self._snapshot.services.get(key):
            self.events.rules_refused(service, reason)

    def policy_refused(self, policy: NetworkPolicy, reason: str) -> None:
        """The kernel does not take what a policy lets through."""
        self.events.policy_refused(policy, reason)

    def policy_not_understood(self, policy: NetworkPolicy, faults: Sequence[str]) -> None:
        """Parts of a policy let nothing through, for they make no sense."""
        self.events.policy_not_understood(policy, faults)

    def policies_done(self, family: str, isolated: int, in_force: int, faulty: int) -> None:
        """The kernel has the policies of one family."""
        self.metrics.policies.show(family, isolated, in_force, faulty)

    def policy_came(self, policy: NetworkPolicy) -> None:
        """The API has another version of a policy."""
        self.spreading.heard(policy)

    def policies_step_done(self) -> None:
        """The kernel has the policies of all families."""
        self.spreading.done(POLICIES)

    def host_firewall(self, chains: Collection[DroppingChain]) -> None:
        """Which chains of this host drop what is translated; each is told of when it is new."""
        for chain in chains:
            if chain not in self._in_the_way:
                self.events.dropped_by_host(self._node(), chain)
        self._in_the_way = frozenset(chains)
        for family in self._gaps:
            count = sum(family in chain.ip_families for chain in chains)
            self.metrics.dropping_chains.labels(family).set(count)

    def family_done(
        self,
        family: str,
        snapshot: ClusterSnapshot,
        looked_at: Collection[ObjectKey],
        held: Mapping[ObjectKey, str],
        view: NodeView,
    ) -> None:
        """The kernel has the rules of one family."""
        self._gaps[family].follow(snapshot, (key for key in looked_at if key not in held), view)
        self.metrics.refused.labels(family).set(len(held))
        self.health.updated(family)

    def step_begins(self, snapshot: ClusterSnapshot) -> None:
        self._snapshot = snapshot
        for kind in (self.metrics.services, self.metrics.endpoints):
            kind.taken()

    async def step_done(self, changed: Collection[ObjectKey], views: Iterable[NodeView]) -> None:
        """The kernel has the rules of all families."""
        self.programming.done()
        self.spreading.done(SERVICES)
        for kind in (self.metrics.services, self.metrics.endpoints):
            kind.done()
        checks = {key: local_health(self._snapshot, key, self._options.node_name) for key in changed}
        await self.health_checks.follow(checks, [host for view in views for host in listening_addresses(view)])

    def _node(self) -> Node | None:
        return self._snapshot.nodes.get(self._options.node_name)

    def _health_check_failed(self, key: ObjectKey, port: int, error: OSError) -> None:
        if service := self._snapshot.services.get(key):
            self.events.health_check_failed(service, port, error)
