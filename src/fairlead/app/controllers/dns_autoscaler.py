"""Gives the DNS server as many replicas as the cluster's Nodes and cores ask for.

By a ConfigMap whose key ``linear`` is that of cluster-proportional-autoscaler; while there is none, nothing is done.
How many it is: ``fairlead.workloads.proportional``.
"""

import logging
from collections.abc import Mapping

import msgspec

from fairlead.app.controllers.context import ControllerContext
from fairlead.drivers.kube.client import CONFIG_MAPS, DEPLOYMENTS, NODES, KubeError
from fairlead.drivers.kube.work_queue import WorkQueue
from fairlead.model.names import ObjectKey
from fairlead.model.objects import KubeObject, Node
from fairlead.model.quantities import quantity
from fairlead.workloads.proportional import Linear, wanted_replicas

LOOK_AGAIN = 60.0  # seconds; replicas are not watched, and others can change them

log = logging.getLogger(__name__)


class Parameters(KubeObject, frozen=True):
    """The ConfigMap."""

    data: Mapping[str, str] | None = None


class DnsAutoscaler:
    """The one key is that of the Deployment."""

    name = "dns-autoscaler"
    workers = 1

    def __init__(self, context: ControllerContext) -> None:
        self.queue: WorkQueue[ObjectKey] = WorkQueue(context.clock)
        self._client = context.client
        self._deployment = context.settings.dns_deployment
        self._config = ObjectKey(self._deployment.namespace, f"{self._deployment.name}-autoscaler")
        resource = CONFIG_MAPS.within(self._config.namespace)
        of_config = {"fieldSelector": f"metadata.name={self._config.name}"}
        self._parameters = context.watches.of(resource, Parameters, query=of_config)
        self._nodes = context.watches.of(NODES, Node)
        self.needs = (self._parameters, self._nodes)
        self._parameters.listen(lambda old, new: self.queue.add(self._deployment))
        self._nodes.listen(self._node_changed)

    def _node_changed(self, old: Node | None, new: Node | None) -> None:
        if (_size(old), _takes_pods(old)) != (_size(new), _takes_pods(new)):
            self.queue.add(self._deployment)

    async def reconcile(self, key: ObjectKey) -> None:
        """Scale the Deployment where it has another number of replicas."""
        linear = self._linear()
        if linear is None:
            return
        nodes = self._nodes.objects.values()
        counted = [node for node in nodes if linear.include_unschedulable_nodes or _takes_pods(node)]
        wanted = wanted_replicas(linear, len(counted), sum(_size(node) for node in counted))
        path = DEPLOYMENTS.path(key.namespace, key.name, "scale")
        try:
            scale = msgspec.json.decode(await self._client.get(path))
            if scale.get("spec", {}).get("replicas", 0) != wanted:
                await self._client.patch(path, {"spec": {"replicas": wanted}})
        except KubeError as error:
            if error.code != 404:  # there is no such Deployment yet
                raise
        self.queue.add_later(key, LOOK_AGAIN)

    def _linear(self) -> Linear | None:
        parameters = self._parameters.objects.get(self._config)
        text = (parameters.data or {}).get("linear") if parameters else None
        if text is None:
            return None
        try:
            return msgspec.json.decode(text, type=Linear)
        except msgspec.DecodeError as error:
            log.warning("ConfigMap %s: linear: %s", self._config, error)
            return None


def _size(node: Node | None) -> float:
    """The cores of a Node; -1 where there is no Node."""
    if node is None:
        return -1.0
    return float(quantity((node.status.allocatable or {}).get("cpu", "0")) or 0)


def _takes_pods(node: Node | None) -> bool:
    return node is not None and not node.spec.unschedulable
