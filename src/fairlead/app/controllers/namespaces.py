"""Empties namespaces that are being deleted, and gives live ones what every Pod expects to find there.

The server keeps a deleted namespace until its ``spec.finalizers`` are empty; this controller deletes what is in it,
looks again whenever something in it went, and then takes its finalizer off.
Upstream: ``pkg/controller/namespace/deletion/namespaced_resources_deleter.go``, ``pkg/controller/serviceaccount``,
``pkg/controller/certificates/rootcacertpublisher``.
"""

from collections.abc import Mapping

import msgspec

from fairlead.app.controllers.context import ControllerContext
from fairlead.app.controllers.watches import Watched
from fairlead.drivers.clock_text import now_text
from fairlead.drivers.kube.client import NAMESPACES, SERVICE_ACCOUNTS, STRATEGIC_MERGE_PATCH, KubeError, ResourcePath
from fairlead.drivers.kube.discovery import Discovered
from fairlead.drivers.kube.troubles import error_text
from fairlead.drivers.kube.work_queue import WorkQueue
from fairlead.model.document import Doc
from fairlead.model.names import ObjectKey
from fairlead.model.objects import KubeObject, Namespace, Slim

FINALIZER = "kubernetes"
LOOK_AGAIN = 5.0  # seconds; a safety net only, since every deletion in the namespace leads to another look
CONFIG_MAPS = ResourcePath("v1", "configmaps")
ROOT_CA = "kube-root-ca.crt"


class NamespaceContentDeleter:
    """Deletes the objects of a terminating namespace. Keys: Namespaces."""

    name = "namespace-controller"
    workers = 2

    def __init__(self, context: ControllerContext) -> None:
        self.queue: WorkQueue[ObjectKey] = WorkQueue(context.clock)
        self._client = context.client
        self._namespaces = context.watches.of(NAMESPACES, Namespace)
        self.needs = (self._namespaces,)
        self._explained: dict[ObjectKey, list[Doc]] = {}
        self._namespaces.listen(self._namespace_changed)
        self._kinds, self._custom = context.kinds, context.custom_kinds
        self._kinds.listen(self._follow)
        self._custom.listen(self._follow)

    def _follow(self, collection: Discovered, watched: Watched[KubeObject]) -> None:
        if collection.resource.namespaced:
            watched.listen(self._content_changed)

    def _namespace_changed(self, old: Namespace | None, new: Namespace | None) -> None:
        if new and new.is_terminating:
            self.queue.add(new.key)
        elif old and new is None:
            self._explained.pop(old.key, None)

    def _content_changed(self, old: KubeObject | None, new: KubeObject | None) -> None:
        if old and new is None:
            key = ObjectKey("", old.namespace)
            self._namespace_changed(None, self._namespaces.objects.get(key))

    async def reconcile(self, key: ObjectKey) -> None:
        """Ask for everything to be deleted; when nothing is left and nothing is unknown, let the namespace go."""
        namespace = self._namespaces.objects.get(key)
        if namespace is None or not namespace.is_terminating:
            return
        await self._kinds.discovered()
        collections = [c for c in (*self._kinds.collections, *self._custom.collections) if c.resource.namespaced]
        faults: dict[str, str] = {}
        left = [collection for collection in collections if await self._empty(collection, key.name, faults)]
        if left or faults or self._kinds.faults:
            await self._explain(key, faults)
            self.queue.add_later(key, LOOK_AGAIN)
        else:
            await self._finalize(key)

    async def _empty(self, collection: Discovered, namespace: str, faults: dict[str, str]) -> bool:
        """Ask for all objects of a kind to be deleted; whether there were any. One kind's failure stops no other."""
        path = collection.resource.path(namespace)
        try:
            listed = msgspec.json.decode(await self._client.get(path, {"limit": "1"}))
            if not listed.get("items"):
                return False
            options = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background"}
            await self._client.delete(path, options)
        except KubeError as error:
            faults[collection.resource.qualified] = error_text(error)
        return True

    async def _explain(self, key: ObjectKey, faults: dict[str, str]) -> None:
        """Say on the namespace what keeps it, where that is more than its content being on the way out."""
        told = [
            _condition("NamespaceDeletionDiscoveryFailure", "DiscoveryFailed", _UNDISCOVERED, self._kinds.faults),
            _condition("NamespaceDeletionContentFailure", "ContentDeletionFailed", _UNDELETED, faults),
        ]
        conditions = [condition for condition in told if condition]
        if not conditions or self._explained.get(key) == conditions:
            return
        self._explained[key] = conditions
        dated = [{**condition, "lastTransitionTime": now_text()} for condition in conditions]
        try:
            path = NAMESPACES.path(name=key.name, subresource="status")
            await self._client.patch(path, {"status": {"conditions": dated}}, STRATEGIC_MERGE_PATCH)
        except KubeError as error:
            if error.code != 404:  # gone already
                raise

    async def _finalize(self, key: ObjectKey) -> None:
        try:
            document: Doc = msgspec.json.decode(await self._client.get(NAMESPACES.path(name=key.name)))
            kept = [name for name in document["spec"].get("finalizers") or () if name != FINALIZER]
            document["spec"]["finalizers"] = kept
            await self._client.replace(NAMESPACES.path(name=key.name, subresource="finalize"), document)
        except KubeError as error:
            if error.code != 404:  # gone already
                raise


_UNDISCOVERED = "Discovery failed for some groups, {} failing: {}"
_UNDELETED = "Failed to delete all resource types, {} remaining: {}"


def _condition(type_: str, reason: str, text: str, faults: Mapping[str, str]) -> Doc | None:
    if not faults:
        return None
    listed = ", ".join(f"{name}: {fault}" for name, fault in sorted(faults.items()))
    return {"type": type_, "status": "True", "reason": reason, "message": text.format(len(faults), listed)}


class CertificateData(Slim, frozen=True):
    """The one key that matters."""

    ca: str = msgspec.field(default="", name="ca.crt")


class CertificateMap(KubeObject, frozen=True):
    """A ConfigMap, of whose data only the certificate is kept."""

    data: CertificateData | None = None

    @property
    def certificate(self) -> str:
        return self.data.ca if self.data else ""


class NamespaceInitializer:
    """Puts the ServiceAccount ``default`` and the cluster's CA certificate into every namespace. Keys: Namespaces."""

    name = "namespace-defaults-controller"
    workers = 1

    def __init__(self, context: ControllerContext) -> None:
        self.queue: WorkQueue[ObjectKey] = WorkQueue(context.clock)
        self._client = context.client
        self._ca = context.client.cluster_ca
        self._namespaces = context.watches.of(NAMESPACES, Namespace)
        self._accounts = context.watches.of(SERVICE_ACCOUNTS, KubeObject)
        self._maps = context.watches.of(CONFIG_MAPS, CertificateMap)
        self.needs = (self._namespaces, self._accounts, self._maps)
        self._namespaces.listen(self._namespace_changed)
        self._accounts.listen(self._content_changed)
        self._maps.listen(self._map_changed)

    def _namespace_changed(self, old: Namespace | None, new: Namespace | None) -> None:
        if new and old is None:
            self.queue.add(new.key)

    def _content_changed(self, old: KubeObject | None, new: KubeObject | None) -> None:
        if old and new is None:
            self.queue.add(ObjectKey("", old.namespace))

    def _map_changed(self, old: CertificateMap | None, new: CertificateMap | None) -> None:
        self._content_changed(old, new)
        if new and new.name == ROOT_CA and new.certificate != self._ca:
            self.queue.add(ObjectKey("", new.namespace))

    async def reconcile(self, key: ObjectKey) -> None:
        """Create what is missing, and put the certificate right."""
        namespace = self._namespaces.objects.get(key)
        if namespace is None or namespace.is_terminating:
            return
        if ObjectKey(key.name, "default") not in self._accounts.objects:
            await self._create(SERVICE_ACCOUNTS, key.name, {"kind": "ServiceAccount", "metadata": {"name": "default"}})
        if self._ca:
            await self._publish(key.name, self._maps.objects.get(ObjectKey(key.name, ROOT_CA)))

    async def _publish(self, namespace: str, there: CertificateMap | None) -> None:
        data = {"ca.crt": self._ca}
        if there is None:
            await self._create(
                CONFIG_MAPS, namespace, {"kind": "ConfigMap", "metadata": {"name": ROOT_CA}, "data": data}
            )
        elif there.certificate != self._ca:
            try:
                self._maps.learn(await self._client.patch(CONFIG_MAPS.path(namespace, ROOT_CA), {"data": data}))
            except KubeError as error:
                if error.code != 404:  # deleted since; the watch reports it
                    raise

    async def _create(self, resource: ResourcePath, namespace: str, document: Doc) -> None:
        try:
            await self._client.create(resource.path(namespace), {"apiVersion": resource.group_version, **document})
        except KubeError as error:
            if error.reason != "AlreadyExists" and error.code != 404:  # or the namespace has been deleted since
                raise
