"""Notifies the Pods of a node when a ConfigMap or Secret in their volumes changes.

There is one watch for each such object while a Pod of the node uses it: the node may not read others.
Upstream: ``pkg/kubelet/util/manager/watch_based_manager.go``.
"""

import asyncio
from collections.abc import Callable

from fairlead.drivers.kube.client import KubeClient, ResourcePath
from fairlead.drivers.kube.informer import Informer
from fairlead.model.objects import KubeObject
from fairlead.nodeagent.manifest import RunPod
from fairlead.nodeagent.sources import CONFIG_MAP, SECRET, PodReference, volume_references

RESOURCES = {CONFIG_MAP: ResourcePath("v1", "configmaps"), SECRET: ResourcePath("v1", "secrets")}
# In the volume of every Pod's token; the certificates that a lab is checked by stay the same for as long as it runs.
_CONSTANT = PodReference(CONFIG_MAP, "kube-root-ca.crt")

Listener = Callable[[str, PodReference], None]
_Place = tuple[str, PodReference]  # namespace, and what is there


class SourceWatches:
    """The watches of one node.

    Args:
        group: runs them.
        changed: called with the namespace and the reference of a changed object.
    """

    def __init__(self, client: KubeClient, group: asyncio.TaskGroup, changed: Listener) -> None:
        self._client, self._group, self._changed = client, group, changed
        self._shown: dict[str, set[_Place]] = {}  # by Pod UID
        self._watches: dict[_Place, asyncio.Task[None]] = {}

    def follow(self, pod: RunPod) -> None:
        """Follow what the Pod's volumes show from now on."""
        shown = {(pod.namespace, reference) for reference in volume_references(pod) - {_CONSTANT}}
        self._shown[pod.metadata.uid] = shown
        for place in shown - self._watches.keys():
            self._watches[place] = self._group.create_task(self._informer(*place).run())

    def leave(self, pod: RunPod) -> None:
        """The Pod has ended; what no other one shows is followed no longer."""
        left = self._shown.pop(pod.metadata.uid, set())
        for place in left.difference(*self._shown.values()):
            self._watches.pop(place).cancel()

    def _informer(self, namespace: str, reference: PodReference) -> Informer[KubeObject]:
        resource = RESOURCES[reference.kind].within(namespace)
        query = {"fieldSelector": f"metadata.name={reference.name}"}
        return Informer(self._client, resource, KubeObject, lambda old, new: self._changed(namespace, reference), query)
