"""Events and log messages of a node proxy about Services."""

import logging
from collections.abc import Sequence

from fairlead.dataplane.balancing import complaints
from fairlead.dataplane.host_firewall import DroppingChain
from fairlead.dataplane.ownership import Usurpation
from fairlead.drivers.kube.client import KubeClient
from fairlead.drivers.kube.event_recorder import EventWriter
from fairlead.model.events import EventText
from fairlead.model.network_policies import NetworkPolicy
from fairlead.model.objects import Node, Service

LONGEST_MESSAGE = 1024  # characters, as the API server allows in an Event

log = logging.getLogger(__name__)


class ProxyEvents:
    """The Events of one node's proxy."""

    def __init__(self, client: KubeClient, node: str, *, can_hash: bool) -> None:
        self._writer = EventWriter(client)
        self._recorder = self._writer.recorder("fairlead-proxy")
        self._node, self._can_hash = node, can_hash

    async def run(self) -> None:
        """Write them until cancelled."""
        await self._writer.run()

    def service_changed(self, old: Service | None, new: Service | None) -> None:
        """Say which annotations are ignored, once each time that they change."""
        if new is not None and (old is None or old.annotations != new.annotations):
            for complaint in complaints(new.annotations, can_hash=self._can_hash):
                self._warn(new, *complaint)

    def address_not_served(self, loser: Service, usurpation: Usurpation) -> None:
        """Say that an address belongs to another Service."""
        address, owner = usurpation
        message = f"{address} is the cluster IP of {owner}: node {self._node} does not forward it for this Service"
        self._warn(loser, "ExternalIPNotServed", message)

    def rules_refused(self, service: Service, reason: str) -> None:
        """Say that a Service's rules stay as they were."""
        message = f"node {self._node} could not change the rules of this Service, they stay as they were: {reason}"
        self._warn(service, "FailedToUpdateRules", message[:LONGEST_MESSAGE])

    def policy_refused(self, policy: NetworkPolicy, reason: str) -> None:
        """Say that a policy lets nothing through, for want of its rules."""
        message = f"node {self._node} could not take the rules of this policy, its Pods are isolated: {reason}"
        self._warn_of_policy(policy, "FailedToUpdateRules", message)

    def policy_not_understood(self, policy: NetworkPolicy, faults: Sequence[str]) -> None:
        """Say which parts of a policy let nothing through."""
        self._warn_of_policy(policy, "InvalidRule", f"lets nothing through there: {'; '.join(faults)}")

    def _warn_of_policy(self, policy: NetworkPolicy, reason: str, message: str) -> None:
        log.warning("network policy %s: %s", policy.key, message)
        event = EventText(reason, message[:LONGEST_MESSAGE], "Warning")
        self._recorder.record(policy, "networking.k8s.io/v1", "NetworkPolicy", event)

    def dropped_by_host(self, node: Node | None, chain: DroppingChain) -> None:
        """Say that this host's own firewall is in the way."""
        log.warning("%s", chain.warning())
        if node is not None:
            event = EventText("HostFirewallDropsServices", chain.warning(), "Warning")
            self._recorder.record(node, "v1", "Node", event)

    def health_check_failed(self, service: Service, port: int, error: OSError) -> None:
        """Say that a health check cannot listen, in upstream's words."""
        message = f'node {self._node} failed to start healthcheck "{service.key}" on port {port}: {error}'
        self._warn(service, "FailedToStartServiceHealthcheck", message)

    def _warn(self, service: Service, reason: str, message: str) -> None:
        log.warning("service %s: %s", service.key, message)
        self._recorder.record(service, "v1", "Service", EventText(reason, message, "Warning"))
