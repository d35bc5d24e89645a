"""An API server in a few lines, with the rules that controllers depend on: versions, conflicts, watches, deletion.

It takes the place of ``KubeClient``. Watches can be held back, requests can be made to fail or to do their work and
then lose the answer, and every write is counted.
"""

import asyncio
import copy
import itertools
from collections import Counter

import msgspec

from fairlead.drivers.kube.client import KubeError, Unreachable, WatchEvent
from fairlead.drivers.kube.troubles import Troubles

KINDS = {
    "certificatesigningrequests": "CertificateSigningRequest",
    "namespaces": "Namespace",
    "controllerrevisions": "ControllerRevision",
    "configmaps": "ConfigMap",
    "cronjobs": "CronJob",
    "daemonsets": "DaemonSet",
    "deployments": "Deployment",
    "jobs": "Job",
    "leases": "Lease",
    "nodes": "Node",
    "persistentvolumeclaims": "PersistentVolumeClaim",
    "persistentvolumes": "PersistentVolume",
    "storageclasses": "StorageClass",
    "pods": "Pod",
    "serviceaccounts": "ServiceAccount",
    "services": "Service",
    "endpoints": "Endpoints",
    "events": "Event",
    "endpointslices": "EndpointSlice",
    "statefulsets": "StatefulSet",
    "serviceimports": "ServiceImport",
    "ipaddresses": "IPAddress",
    "servicecidrs": "ServiceCIDR",
}


def not_found():
    return KubeError(404, "NotFound", "not found")


def conflict():
    return KubeError(409, "Conflict", "the object has been modified; please apply your changes to the latest version")


VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]


def resource_list(*plurals, cluster_wide=()):
    names = [(plural, plural not in cluster_wide) for plural in plurals]
    return {"resources": [{"name": n, "namespaced": ns, "kind": KINDS[n], "verbs": VERBS} for n, ns in names]}


DISCOVERY = {
    "/apis": {"groups": [{"preferredVersion": {"groupVersion": "discovery.k8s.io/v1"}}]},
    "/api/v1": resource_list("namespaces", "nodes", "pods", "services", cluster_wide=("namespaces", "nodes")),
    "/apis/discovery.k8s.io/v1": resource_list("endpointslices"),
}


class FakeApi:
    cluster_ca = "-----BEGIN CERTIFICATE-----"
    troubles = Troubles("https://fake", "a test")

    def __init__(self):
        self.version = 0
        self.objects = {}  # (collection, namespace, name) -> document
        self.log = []  # (version, collection, event type, document)
        self.writes = Counter()  # (verb, collection)
        self.list_requests = 0
        self.lost_answers = 0  # so many writes take effect but their answer is lost
        self.held = set()  # plurals whose watches lag behind
        self.news = asyncio.Condition()
        self.names = (f"{i:05}" for i in itertools.count())

    # What tests do and see.

    async def put(self, object_or_document, plural):
        """Create or replace, as a user would."""
        document = msgspec.to_builtins(object_or_document)
        document.setdefault("kind", KINDS[plural])
        collection = f"/{plural}"
        key = (collection, document["metadata"].get("namespace", ""), document["metadata"]["name"])
        await self._store(key, document, "MODIFIED" if key in self.objects else "ADDED")

    async def release(self, plural):
        """Let the watches of a collection catch up."""
        self.held.discard(plural)
        async with self.news:
            self.news.notify_all()

    async def remove(self, plural, name, namespace="default"):
        await self._drop((f"/{plural}", namespace, name))

    def all(self, plural):
        return [copy.deepcopy(d) for (c, _, _), d in sorted(self.objects.items()) if c == f"/{plural}"]

    # What a KubeClient does.

    async def get(self, path, query=None):
        if path in DISCOVERY:
            return msgspec.json.encode(DISCOVERY[path])
        collection, namespace, name, _ = self._parse(path)
        if name:
            return msgspec.json.encode(self._find((collection, namespace, name)))
        self.list_requests += 1
        items = [d for (c, n, _), d in self.objects.items() if c == collection and namespace in ("", n)]
        return msgspec.json.encode({"metadata": {"resourceVersion": str(self.version)}, "items": items})

    async def create(self, path, document, query=None):
        collection, namespace, name, subresource = self._parse(path)
        self.writes["create", subresource or collection[1:]] += 1
        await asyncio.sleep(0)
        if subresource == "binding":
            return await self._bind((collection, namespace, name), document)
        document = copy.deepcopy(document)
        metadata = document["metadata"]
        metadata["namespace"] = namespace
        if "name" not in metadata:
            metadata["name"] = metadata["generateName"] + next(self.names)
        key = (collection, namespace, metadata["name"])
        if key in self.objects:
            raise KubeError(409, "AlreadyExists", "already exists")
        metadata["uid"] = f"uid-{metadata['name']}"
        return await self._answer(await self._store(key, document, "ADDED"))

    async def replace(self, path, document, query=None):
        collection, namespace, name, subresource = self._parse(path)
        self.writes["replace", subresource or collection[1:]] += 1
        await asyncio.sleep(0)
        key = (collection, namespace, name)
        if document["metadata"].get("resourceVersion") != self._find(key)["metadata"]["resourceVersion"]:
            raise conflict()
        return await self._answer(await self._store(key, copy.deepcopy(document), "MODIFIED"))

    async def patch(self, path, patch, content_type="", query=None):
        collection, namespace, name, subresource = self._parse(path)
        self.writes["patch", subresource or collection[1:]] += 1
        await asyncio.sleep(0)
        key = (collection, namespace, name)
        return await self._answer(await self._store(key, merged(self._find(key), patch), "MODIFIED"))

    async def delete(self, path, options=None):
        collection, namespace, name, _ = self._parse(path)
        self.writes["delete", collection[1:]] += 1
        await asyncio.sleep(0)
        if not name:
            for key in [key for key in self.objects if key[:2] == (collection, namespace)]:
                await self._drop(key)
            return await self._answer({"kind": "Status", "status": "Success"})
        key = (collection, namespace, name)
        found = self._find(key)
        if found["metadata"].get("finalizers"):
            found["metadata"].setdefault("deletionTimestamp", "2026-01-01T00:00:00Z")
            return await self._answer(await self._store(key, found, "MODIFIED"))
        return await self._answer(await self._drop(key))

    async def watch(self, path, query, opened=lambda: None):
        opened()
        collection = self._parse(path)[0]
        seen = int(query["resourceVersion"])
        while True:
            for version, _, type_, document in self._fresh(collection, seen):
                seen = version
                yield WatchEvent(type_, msgspec.Raw(msgspec.json.encode(document)))
            await self._news_of(collection, seen)

    async def _news_of(self, collection, seen):
        async with self.news:
            await self.news.wait_for(lambda: self._fresh(collection, seen))

    def _fresh(self, collection, seen):
        if collection[1:] in self.held:
            return []
        return [entry for entry in self.log if entry[0] > seen and entry[1] == collection]

    # How it works.

    def _parse(self, path):
        parts = path.split("/")[3:] if path.startswith("/api/") else path.split("/")[4:]
        namespace = ""
        if parts[0] == "namespaces" and len(parts) > 2 and parts[2] not in ("status", "finalize"):
            namespace, parts = parts[1], parts[2:]
        plural, name, subresource = [*parts, "", "", ""][:3]
        return f"/{plural}", namespace, name, subresource

    def _find(self, key):
        if key not in self.objects:
            raise not_found()
        return copy.deepcopy(self.objects[key])

    async def _store(self, key, document, type_):
        self.version += 1
        document["metadata"]["resourceVersion"] = str(self.version)
        self.objects[key] = document
        return await self._note(key, type_, document)

    async def _drop(self, key):
        document = self._find(key)
        del self.objects[key]
        self.version += 1
        document["metadata"]["resourceVersion"] = str(self.version)
        return await self._note(key, "DELETED", document)

    async def _note(self, key, type_, document):
        document = copy.deepcopy(document)
        self.log.append((self.version, key[0], type_, document))
        async with self.news:
            self.news.notify_all()
        return document

    async def _answer(self, document):
        if self.lost_answers:
            self.lost_answers -= 1
            raise Unreachable("the answer was lost")
        return copy.deepcopy(document)

    async def _bind(self, key, binding):
        pod = self._find(key)
        if pod["spec"].get("nodeName"):
            raise conflict()
        pod["spec"]["nodeName"] = binding["target"]["name"]
        await self._store(key, pod, "MODIFIED")
        return await self._answer({"kind": "Status", "status": "Success"})


def merged(document, patch):
    """A JSON merge patch, except that conditions are merged by their type."""
    if not isinstance(patch, dict):
        return patch
    result = dict(document or {})
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        elif key == "conditions":
            others = [c for c in result.get(key) or [] if c["type"] not in {new["type"] for new in value}]
            result[key] = [*others, *value]
        else:
            result[key] = merged(result.get(key), value)
    return result
