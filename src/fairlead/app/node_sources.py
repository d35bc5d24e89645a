"""Tells the Pods of a node when a ConfigMap or Secret that their volumes show has changed.

One watch for each of both kinds, over all namespaces, and only once some Pod of the node shows one: a lab's nodes trust
each other, so that they need not ask for each object by itself as upstream's kubelet does.
"""

import asyncio
from collections.abc import Callable

from fairlead.drivers.informer import Informer
from fairlead.drivers.kube_client import KubeClient, Resource
from fairlead.model.objects import KubeObject
from fairlead.nodeagent.manifest import RunPod
from fairlead.nodeagent.sources import CONFIG_MAP, SECRET, Reference, volume_references

RESOURCES = {CONFIG_MAP: Resource("v1", "configmaps"), SECRET: Resource("v1", "secrets")}
# In the volume of every Pod's token; the certificates that a lab is checked by stay the same for as long as it runs.
_CONSTANT = Reference(CONFIG_MAP, "kube-root-ca.crt")

Listener = Callable[[str, Reference], None]


class SourceWatches:
    """The watches of one node.

    Args:
        group: runs them.
        changed: told the namespace and the reference of what has changed, referred to or not.
    """

    def __init__(self, client: KubeClient, group: asyncio.TaskGroup, changed: Listener) -> None:
        self._client, self._group, self._changed = client, group, changed
        self._followed: set[str] = set()

    def follow(self, pod: RunPod) -> None:
        """Follow the kinds of what the Pod's volumes show from now on."""
        for kind in {reference.kind for reference in volume_references(pod) - {_CONSTANT}} - self._followed:
            self._followed.add(kind)
            self._group.create_task(Informer(self._client, RESOURCES[kind], KubeObject, self._listener(kind)).run())

    def _listener(self, kind: str) -> Callable[[KubeObject | None, KubeObject | None], None]:
        def heard(old: KubeObject | None, new: KubeObject | None) -> None:
            if found := new or old:
                self._changed(found.namespace, Reference(kind, found.name))

        return heard
