"""The Pods of each Node, kept up to date from the watch on Pods."""

from fairlead.app.controllers.watches import ControllerWatches
from fairlead.drivers.kube.client import PODS
from fairlead.model.names import ObjectKey
from fairlead.model.objects import Pod


class NodePods:
    """Pods by the Node that they are bound to, whether or not it exists.

    Attributes:
        watched: the collection of all Pods.
    """

    def __init__(self, watches: ControllerWatches) -> None:
        self.watched = watches.of(PODS, Pod)
        self._pods: dict[str, dict[ObjectKey, Pod]] = {}
        self.watched.listen(self._changed)

    def on(self, node: str) -> list[Pod]:
        """The Pods that are bound to the Node."""
        return list(self._pods.get(node, {}).values())

    def _changed(self, old: Pod | None, new: Pod | None) -> None:
        if old:
            self._leave(old)
        if new:
            self._pods.setdefault(new.spec.node_name, {})[new.key] = new

    def _leave(self, pod: Pod) -> None:
        neighbours = self._pods[pod.spec.node_name]
        del neighbours[pod.key]
        if not neighbours:
            del self._pods[pod.spec.node_name]
