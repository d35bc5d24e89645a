"""``fairlead dns query``: what a name answers, from manifests or a live API, without a server.

Manifests are taken as they stand: nothing allocates a virtual IP or derives EndpointSlices, so what they lack does not
answer. A dump of a cluster (``kubectl get ns,svc,endpointslices,pods -A -o yaml``) answers as the cluster did.
"""

import asyncio
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import yaml

from fairlead.clusterdns.changes import Watched, addresses
from fairlead.clusterdns.reverse import NodeCounts, all_nodes
from fairlead.drivers.kube.client import ENDPOINT_SLICES, NAMESPACES, PODS, SERVICES, KubeClient, Resource
from fairlead.model.decode import DecodeError, decode
from fairlead.model.objects import EndpointSlice, Namespace, Pod, Service
from fairlead.model.snapshot import ClusterSnapshot

_KINDS: dict[str, type[Watched]] = {
    "Namespace": Namespace,
    "Service": Service,
    "EndpointSlice": EndpointSlice,
    "Pod": Pod,
}
_COLLECTIONS: dict[Resource, type[Watched]] = {
    NAMESPACES: Namespace,
    SERVICES: Service,
    ENDPOINT_SLICES: EndpointSlice,
    PODS: Pod,
}


class UnusableManifest(ValueError):
    """A file that is not YAML, or an object in it that cannot be read; the message names the file."""


def read_manifests(paths: Iterable[Path]) -> list[Watched]:
    """The objects in manifest files that DNS reads; a Namespace that is only mentioned is there too."""
    found: dict[Any, Watched] = {}
    for path in paths:
        try:
            for document in _documents(yaml.safe_load_all(path.read_text())):
                object_ = decode(_KINDS[document["kind"]], document)
                found[type(object_), object_.key] = object_
        except (OSError, yaml.YAMLError, DecodeError) as error:
            raise UnusableManifest(f"{path}: {error}") from error
    mentioned = {object_.namespace for object_ in found.values()} - {""}
    namespaces = [decode(Namespace, {"metadata": {"name": name}}) for name in sorted(mentioned)]
    return [*namespaces, *found.values()]


def read_cluster(kubeconfig: Path | None, context: str | None) -> list[Watched]:
    """The objects of a live cluster that DNS reads.

    Raises:
        KubeError: the API server refused. Unreachable: it did not answer.
    """
    return asyncio.run(_read_cluster(kubeconfig, context))


def snapshot_of(objects: Collection[Watched]) -> tuple[ClusterSnapshot, NodeCounts]:
    """The snapshot of these objects, and the inner nodes of its reverse trees."""
    return ClusterSnapshot.of(objects), all_nodes(map(addresses, objects))


def _documents(documents: Iterable[Any]) -> Iterator[dict[str, Any]]:
    for document in documents:
        if not isinstance(document, dict):
            continue
        if document.get("kind") == "List":
            yield from _documents(document.get("items") or ())
        elif document.get("kind") in _KINDS:
            yield _with_namespace(document)


def _with_namespace(document: dict[str, Any]) -> dict[str, Any]:
    metadata = document.get("metadata")
    if document["kind"] == "Namespace" or not isinstance(metadata, dict):
        return document
    return {**document, "metadata": {"namespace": "default", **metadata}}


async def _read_cluster(kubeconfig: Path | None, context: str | None) -> list[Watched]:
    async with KubeClient.from_kubeconfig(kubeconfig, context) as client:
        found: list[Watched] = []
        for resource, type_ in _COLLECTIONS.items():
            page = msgspec.json.decode(await client.get(resource.path()))
            found += [decode(type_, item) for item in page.get("items") or ()]
        return found
