"""What is put into a fresh cluster: the DNS of kube-system, then the user's manifests, in order.

Documents are merged into what is there already, or created, so that starting the same lab again changes nothing. Ends
when everything is ready, with a report of that, or with a report of every document that was refused.
"""

import asyncio
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from fairlead.app.lab_plan import Manifest
from fairlead.drivers.informer import Informer
from fairlead.drivers.kube_client import APPLY_PATCH, PODS, KubeClient, KubeError, Resource
from fairlead.model.names import ObjectKey
from fairlead.model.objects import Pod

Doc = dict[str, Any]

DNS_SERVICE_IP = "10.96.0.10"
_DNS_LABELS = {"k8s-app": "kube-dns"}

SYSTEM_MANIFESTS = (
    Manifest(
        "system manifest",
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {
                "name": "kube-dns",
                "namespace": "kube-system",
                "labels": {**_DNS_LABELS, "kubernetes.io/cluster-service": "true", "kubernetes.io/name": "CoreDNS"},
            },
            "spec": {
                "clusterIP": DNS_SERVICE_IP,
                "selector": _DNS_LABELS,
                "ports": [
                    {"name": "dns", "port": 53, "protocol": "UDP", "targetPort": 53},
                    {"name": "dns-tcp", "port": 53, "protocol": "TCP", "targetPort": 53},
                    {"name": "metrics", "port": 9153, "protocol": "TCP", "targetPort": 9153},
                ],
            },
        },
    ),
    Manifest(
        "system manifest",
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "fairlead-dns", "namespace": "kube-system", "labels": _DNS_LABELS},
            "spec": {
                "dnsPolicy": "Default",
                "tolerations": [{"operator": "Exists"}],
                "terminationGracePeriodSeconds": 1,
                "containers": [
                    {
                        "name": "dns",
                        "image": "fairlead/dns",
                        "ports": [
                            {"name": "dns", "containerPort": 53, "protocol": "UDP"},
                            {"name": "dns-tcp", "containerPort": 53, "protocol": "TCP"},
                            {"name": "metrics", "containerPort": 9153, "protocol": "TCP"},
                        ],
                        "readinessProbe": {"httpGet": {"path": "/ready", "port": 8181}, "periodSeconds": 2},
                    }
                ],
            },
        },
    ),
)


@dataclass(frozen=True)
class BootstrapOptions:
    """The work of one bootstrap.

    Attributes:
        gate: reading end of a pipe that is closed when every node agent is ready; until then the status of Pods may be
            what the lab's last life left behind.
        report: told ``{"refused": [messages]}``, ``{"awaiting": [Pods]}`` and, last, ``{"settled": number of Pods}``.
    """

    kubeconfig: Path
    manifests: tuple[Manifest, ...]
    gate: int
    report: Callable[[Doc], None]


async def run(options: BootstrapOptions, ready: Callable[[], None]) -> None:
    """Apply everything, wait until the Pods among it are ready, and return."""
    async with KubeClient.from_kubeconfig(options.kubeconfig) as client:
        pods = await _apply_all(client, (*SYSTEM_MANIFESTS, *options.manifests), options.report)
        if pods is None:
            return
        ready()
        os.read(options.gate, 1)  # end of file; nothing else is to be done meanwhile
        await _until_ready(client, pods, options.report)
    options.report({"settled": len(pods)})


async def _apply_all(
    client: KubeClient, manifests: Iterable[Manifest], report: Callable[[Doc], None]
) -> list[ObjectKey] | None:
    """Keys of the Pods among the manifests; None when something was refused."""
    resources = Resources(client)
    pods, refused = [], []
    for source, document in manifests:
        kind, name = document.get("kind", "?"), document.get("metadata", {}).get("name", "?")
        try:
            applied = await apply(client, resources, document)
        except (KubeError, UnknownKind) as error:
            refused.append(f"{source}: {kind}/{name}: {error}")
            continue
        if applied["kind"] == "Pod":
            pods.append(ObjectKey(applied["metadata"]["namespace"], applied["metadata"]["name"]))
    if refused:
        report({"refused": refused})
        return None
    return pods


class UnknownKind(Exception):
    """The server does not serve objects of this kind."""


class Resources:
    """Which resource holds the objects of a kind, as the server's discovery says."""

    def __init__(self, client: KubeClient) -> None:
        self._client = client
        self._known: dict[str, dict[str, Resource]] = {}

    async def of(self, document: Doc) -> Resource:
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

    async def _discover(self, group_version: str) -> dict[str, Resource]:
        prefix = "/apis/" if "/" in group_version else "/api/"
        try:
            found = msgspec.json.decode(await self._client.get(prefix + group_version))
        except KubeError as error:
            if error.code == 404:
                return {}
            raise
        return {
            entry["kind"]: Resource(group_version, entry["name"], entry["namespaced"])
            for entry in found["resources"]
            if "/" not in entry["name"]
        }


async def apply(client: KubeClient, resources: Resources, document: Doc) -> Doc:
    """Merge the document into the object that is there, or create it.

    In this order, because a Service that asks for a virtual IP of its own collides with itself before the server sees
    that it is there already.

    Raises:
        UnknownKind, KubeError: the server will not have it.
    """
    resource = await resources.of(document)
    metadata = document.get("metadata", {})
    namespace = metadata.get("namespace", "default") if resource.namespaced else ""
    if "name" in metadata:
        try:
            return await _merge(client, resource.path(namespace, metadata["name"]), document)
        except KubeError as error:
            if error.reason != "NotFound":
                raise
    return await client.create(resource.path(namespace), document)


async def _merge(client: KubeClient, path: str, document: Doc) -> Doc:
    """A Pod's containers are given a token when it is made, which only server-side apply leaves to them: a merge patch
    drops it, and a strategic one mixes up the TCP and the UDP port of one number."""
    if document.get("kind") == "Pod":
        return await client.patch(path, document, APPLY_PATCH, {"fieldManager": "fairlead-up", "force": "true"})
    return await client.patch(path, document)


async def _until_ready(client: KubeClient, pods: list[ObjectKey], report: Callable[[Doc], None]) -> None:
    """Return when every one of the Pods is ready, or has done its work."""
    changed = asyncio.Event()
    informer = Informer(client, PODS, Pod, lambda old, new: changed.set())
    watching = asyncio.create_task(informer.run())
    awaited = set(pods)
    try:
        while awaited:
            await changed.wait()
            changed.clear()
            left = {key for key in awaited if not _is_ready(informer.objects.get(key))}
            if left and left != awaited:
                report({"awaiting": sorted(map(str, left))})
            awaited = left
    finally:
        watching.cancel()


def _is_ready(pod: Pod | None) -> bool:
    return pod is not None and not pod.is_terminating and (pod.is_ready or pod.status.phase == "Succeeded")
