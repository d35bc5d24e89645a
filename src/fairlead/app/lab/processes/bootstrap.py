"""The first objects of a cluster: those of every lab (``system_manifests``), then the user's manifests, in order.

Documents are merged into existing objects, or created, so that a second start of the same lab changes nothing. The
process ends with a report: everything is ready, or a list of all refused documents.
"""

import asyncio
import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from fairlead.app.lab.plan import LabManifest
from fairlead.app.lab.processes.readiness import KINDS, WantedWorkload, until_ready
from fairlead.app.lab.processes.system_manifests import DNS_LABELS, DNS_NAME, NAMESPACE, RETIRED
from fairlead.drivers.kube.client import APPLY_PATCH, KubeClient, KubeError, ResourcePath, Unreachable
from fairlead.drivers.kube.manifests import name_of
from fairlead.drivers.kube.retry import until_answered
from fairlead.model.document import Doc
from fairlead.model.names import ObjectKey
from fairlead.model.objects import Pod

DNS = WantedWorkload("Deployment", ObjectKey(NAMESPACE, DNS_NAME))
HTTP_FAULT = 500  # from which code on it is the server that failed
LOOKS, LOOK_EVERY = 120, 0.25  # seconds
# What a control plane makes for itself after its first answer: Namespaces and the range of virtual IPs in the API
# server, ServiceAccounts in kube-controller-manager.
_NOT_YET = re.compile(r'(serviceaccount|namespaces) ".*" not found|ServiceCIDR|failed to allocate')


@dataclass(frozen=True)
class BootstrapOptions:
    """The work of one bootstrap.

    Attributes:
        gate: read end of a pipe that is closed when every node agent is ready; until then, the status of Pods can be
            from the lab's last run.
        report: called with ``{"refused": [messages]}``, ``{"awaiting": [what, and why], "containers": [what they do]}``
            and finally ``{"settled": number of Pods, "name_servers": [names of Pods]}``.
        is_ours: the API server is Fairlead's, and complete from its first answer on; for another one, the bootstrap
            waits for it, and for the objects that a control plane creates itself.
    """

    kubeconfig: Path
    manifests: tuple[LabManifest, ...]
    gate: int
    report: Callable[[Doc], None]
    is_ours: bool = True
    awaits_dns: bool = True


async def run(options: BootstrapOptions, ready: Callable[[], None]) -> None:
    """Apply everything, wait until what is to run among it does, and return."""
    async with KubeClient.from_kubeconfig(options.kubeconfig, part="bootstrap") as client:
        patience = 0
        if not options.is_ours:
            await until_answered(lambda: client.get("/readyz"), "reach the API server", client.troubles)
            patience = LOOKS
        await _remove_retired(client)
        wanted = await _apply_all(client, options.manifests, options.report, patience)
        if wanted is None:
            return
        if not options.awaits_dns:
            wanted.discard(DNS)
        ready()
        os.read(options.gate, 1)  # end of file; nothing else is to be done meanwhile
        ready_pods = await until_ready(
            client, wanted, lambda lines, states: options.report({"awaiting": lines, "containers": states})
        )
    options.report({"settled": len(ready_pods), "name_servers": [pod.name for pod in ready_pods if _serves_dns(pod)]})


def _serves_dns(pod: Pod) -> bool:
    return pod.namespace == NAMESPACE and DNS_LABELS.items() <= pod.labels.items()


async def _remove_retired(client: KubeClient) -> None:
    for path in RETIRED:
        try:
            await client.delete(path)
        except KubeError as error:
            if error.code != 404:
                raise


async def _apply_all(
    client: KubeClient, manifests: Iterable[LabManifest], report: Callable[[Doc], None], patience: int = 0
) -> set[WantedWorkload] | None:
    """What is to be waited for; None when something was refused.

    Args:
        patience: how often a document is tried again that lacks what a control plane makes for itself.
        awaits_dns: the cluster's DNS is waited for. Where a node has no proxy of the lab's, it cannot reach the API
            server until the user has brought one.
    """
    resources = ServedResources(client)
    wanted, refused = set(), []
    for source, document in manifests:
        try:
            applied = await _apply_patiently(client, resources, document, patience)
        except Unreachable:
            raise  # it is no document's fault; the next process begins again
        except Exception as error:  # any invalid document must be reported and must not end all processes
            refused.append(f"{source}: {name_of(document)}: {error}")
            continue
        if applied["kind"] in KINDS:
            key = ObjectKey(applied["metadata"]["namespace"], applied["metadata"]["name"])
            wanted.add(WantedWorkload(applied["kind"], key))
    if refused:
        report({"refused": refused})
        return None
    return wanted


async def _apply_patiently(client: KubeClient, resources: "ServedResources", document: Doc, patience: int) -> Doc:
    for _ in range(patience):
        try:
            return await apply(client, resources, document)
        except KubeError as error:
            if error.code < HTTP_FAULT and not _NOT_YET.search(str(error)):
                raise
        await asyncio.sleep(LOOK_EVERY)
    return await apply(client, resources, document)


class UnknownKind(Exception):
    """The server does not serve objects of this kind."""


class ServedResources:
    """Which resource holds the objects of a kind, as the server's discovery says."""

    def __init__(self, client: KubeClient) -> None:
        self._client = client
        self._known: dict[str, dict[str, ResourcePath]] = {}

    async def of(self, document: Doc) -> ResourcePath:
        """The resource that a document belongs to.

        Raises:
            UnknownKind: it names no kind that is served.
        """
        group_version, kind = str(document.get("apiVersion", "")), str(document.get("kind", ""))
        if group_version not in self._known:
            self._known[group_version] = await self._discover(group_version)
        if kind not in self._known[group_version]:
            raise UnknownKind(f'no matches for kind "{kind}" in version "{group_version}"')
        return self._known[group_version][kind]

    async def _discover(self, group_version: str) -> dict[str, ResourcePath]:
        prefix = "/apis/" if "/" in group_version else "/api/"
        try:
            found = msgspec.json.decode(await self._client.get(prefix + group_version))
        except KubeError as error:
            if error.code == 404:
                return {}
            raise
        return {
            entry["kind"]: ResourcePath(group_version, entry["name"], entry["namespaced"])
            for entry in found["resources"]
            if "/" not in entry["name"]
        }


async def apply(client: KubeClient, resources: ServedResources, document: Doc) -> Doc:
    """Merge the document into the object that is there, or create it.

    In this order, because a Service that asks for a virtual IP of its own collides with itself before the server sees
    that it is there already.

    Raises:
        UnknownKind, KubeError: the server will not have it. TypeError: it is no object of any kind.
    """
    resource, metadata = await resources.of(document), _metadata(document)
    namespace = metadata.get("namespace", "default") if resource.namespaced else ""
    if "name" in metadata:
        try:
            return await _merge(client, resource.path(namespace, metadata["name"]), document)
        except KubeError as error:
            if error.reason != "NotFound":
                raise
    return await client.create(resource.path(namespace), document)


def _metadata(document: Doc) -> Doc:
    metadata = document.get("metadata") or {}
    if not isinstance(metadata, dict):
        raise TypeError("metadata is not an object")
    for field in ("name", "namespace"):
        if not isinstance(metadata.get(field, ""), str):
            raise TypeError(f"metadata.{field} is not a string")
    return metadata


async def _merge(client: KubeClient, path: str, document: Doc) -> Doc:
    """A Pod's containers are given a token when it is made, which only server-side apply leaves to them: a merge patch
    drops it, and a strategic one mixes up the TCP and the UDP port of one number."""
    if document.get("kind") == "Pod":
        return await client.patch(path, document, APPLY_PATCH, {"fieldManager": "fairlead-up", "force": "true"})
    return await client.patch(path, document)
