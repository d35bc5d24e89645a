"""Objects of a lab: how they are applied, read, deleted and awaited."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import msgspec

from fairlead.app.lab.processes.bootstrap import ServedResources, UnknownKind, apply
from fairlead.app.lab.processes.readiness import KINDS, WantedWorkload, until_ready
from fairlead.drivers.kube.client import EVENTS, NAMESPACES, PODS, KubeClient, KubeError, ResourcePath
from fairlead.drivers.kube.manifests import read_manifests, read_text
from fairlead.lab.errors import LabError, NotReady
from fairlead.model.document import Doc
from fairlead.model.names import ObjectKey

Docs = list[Doc]

# Text with several lines or braces is a manifest, other text a file; mappings are documents; the rest, such as objects
# of client libraries, says by ``to_dict`` what it is.
Applicable = str | PathLike[str] | Mapping[str, Any] | Iterable[Any] | object


def documents(what: Applicable) -> Iterator[Doc]:
    """The documents in text, files, folders or objects.

    Raises:
        ManifestError: a file or text cannot be read. LabError: the type cannot be applied.
    """
    match what:
        case str() if "\n" in what or what.lstrip().startswith("{"):
            yield from (document for _, document in read_text("the text", what))
        case str() | PathLike():
            yield from (document for _, document in read_manifests(str(Path(what))))
        case Mapping():
            yield dict(what)
        case _ if hasattr(what, "to_dict"):
            yield _camel(what)
        case Iterable():
            for each in what:
                yield from documents(each)
        case _:
            raise LabError(f"{type(what).__name__} cannot be applied: give text, a file, or an object")


def _camel(model: Any) -> Doc:
    """An object of a client library; those of ``kubernetes`` have a table of their fields' names."""
    names = getattr(model, "attribute_map", None)
    if names is None:
        return dict(model.to_dict())
    found = {names[field]: _plain(getattr(model, field)) for field in names}
    return {name: value for name, value in found.items() if value is not None}


def _plain(value: Any) -> Any:
    if hasattr(value, "attribute_map"):
        return _camel(value)
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    return value


async def apply_all(client: KubeClient, resources: ServedResources, wanted: Sequence[Doc], namespace: str) -> list[Doc]:
    """Apply documents in order; namespaced objects without a namespace go into this one.

    Raises:
        LabError: one was refused; its kind and name are in the message.
    """
    applied = []
    for document in wanted:
        try:
            applied.append(await apply(client, resources, await _placed(resources, document, namespace)))
        except (KubeError, UnknownKind) as error:
            raise LabError(f"{_title(document)}: {error}") from error
    return applied


async def delete_all(client: KubeClient, resources: ServedResources, wanted: Sequence[Doc], namespace: str) -> None:
    """Delete the objects that documents name; it is no error if one does not exist."""
    for document in wanted:
        resource = await resources.of(document)
        metadata = (await _placed(resources, document, namespace))["metadata"]
        path = resource.path(metadata.get("namespace", "") if resource.namespaced else "", metadata["name"])
        try:
            await client.delete(path)
        except KubeError as error:
            if error.code != 404:
                raise LabError(f"{_title(document)}: {error}") from error


async def _placed(resources: ServedResources, document: Doc, namespace: str) -> Doc:
    metadata = document.get("metadata") or {}
    if "namespace" in metadata or not (await resources.of(document)).namespaced:
        return document
    return {**document, "metadata": {**metadata, "namespace": namespace}}


def _title(document: Doc) -> str:
    metadata = document.get("metadata") or {}
    return f"{document.get('kind', '?')}/{metadata.get('name') or metadata.get('generateName', '?')}"


async def get(client: KubeClient, resource: ResourcePath, namespace: str, name: str) -> Doc:
    """One object; raises LabError with the server's message when it cannot be read."""
    try:
        body = await client.get(resource.path(namespace if resource.namespaced else "", name))
    except KubeError as error:
        raise LabError(str(error)) from error
    return msgspec.json.decode(body, type=dict[str, Any])


async def items(client: KubeClient, resource: ResourcePath, namespace: str, labels: str = "") -> list[Doc]:
    """The objects of a collection that a label selector matches."""
    query = {"labelSelector": labels} if labels else None
    try:
        body = await client.get(resource.path(namespace if resource.namespaced else ""), query)
    except KubeError as error:
        raise LabError(str(error)) from error
    found: list[Doc] = msgspec.json.decode(body)["items"] or []
    return found


async def events(client: KubeClient, namespace: str) -> list[Doc]:
    """The Events of a namespace, the oldest first."""
    found = await items(client, EVENTS, namespace)
    return sorted(found, key=lambda event: str(event.get("lastTimestamp") or event.get("eventTime") or ""))


async def log(client: KubeClient, pod: ObjectKey, query: Mapping[str, str]) -> str:
    """The log of a container."""
    try:
        body = await client.get(PODS.path(pod.namespace, pod.name, "log"), query)
    except KubeError as error:
        raise LabError(str(error)) from error
    return body.decode(errors="replace")


async def workloads(client: KubeClient, namespace: str) -> list[WantedWorkload]:
    """The objects of a namespace that can be awaited, except Pods that a controller owns."""
    found = []
    for kind, (resource, _) in KINDS.items():
        for document in await items(client, resource, namespace):
            metadata = document["metadata"]
            if kind != "Pod" or not any(owner.get("controller") for owner in metadata.get("ownerReferences") or ()):
                found.append(WantedWorkload(kind, ObjectKey(namespace, metadata["name"])))
    return found


async def wait_for(client: KubeClient, wanted: Sequence[WantedWorkload], seconds: float) -> None:
    """Return when all of these objects run.

    Raises:
        NotReady: they do not run within the timeout.
    """
    awaited: list[str] = []

    def report(lines: list[str], states: list[str]) -> None:
        awaited[:] = [*lines, *states]

    try:
        async with asyncio.timeout(seconds):
            await until_ready(client, wanted, report)
    except TimeoutError:
        raise NotReady(f"not ready after {seconds:.0f} s", awaited) from None


async def wait_until(
    client: KubeClient, resource: ResourcePath, key: ObjectKey, holds: Callable[[Doc], bool], seconds: float
) -> None:
    """Return when an object meets a condition.

    Raises:
        NotReady: it does not within the timeout.
    """
    query = {"fieldSelector": f"metadata.name={key.name}"}
    try:
        async with asyncio.timeout(seconds):
            async for event in client.watch(resource.path(key.namespace), query):
                if holds(msgspec.json.decode(event.object)):
                    return
    except TimeoutError:
        pass
    raise NotReady(f"{resource.plural}/{key.name} has not reached the expected state after {seconds:.0f} s")


def says_ready(document: Doc) -> bool:
    """Whether the status of a Pod or Node is ready."""
    conditions = (document.get("status") or {}).get("conditions") or ()
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


async def make_namespace(client: KubeClient, prefix: str) -> str:
    """A new namespace whose name has this prefix."""
    document = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"generateName": prefix}}
    return str((await client.create(NAMESPACES.path(), document))["metadata"]["name"])
