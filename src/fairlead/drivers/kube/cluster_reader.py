"""One look at a cluster's Services, EndpointSlices and Nodes: from a live API, or from manifest files."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import msgspec

from fairlead.drivers.kube.client import (
    CONFIG_MAPS,
    ENDPOINT_SLICES,
    NODES,
    SERVICE_CIDRS,
    SERVICES,
    KubeClient,
    KubeError,
    ResourcePath,
    Unreachable,
)
from fairlead.drivers.kube.manifests import ManifestError, read_manifests
from fairlead.model.decode import DecodeError, decode
from fairlead.model.networking import ServiceCIDR
from fairlead.model.objects import EndpointSlice, Node, Object, Service
from fairlead.model.snapshot import ClusterSnapshot

_LIVE: tuple[tuple[ResourcePath, type[Object]], ...] = (
    (NODES, Node),
    (SERVICES, Service),
    (ENDPOINT_SLICES, EndpointSlice),
)
_KINDS: dict[str, type[Object]] = {"Node": Node, "Service": Service, "EndpointSlice": EndpointSlice}


class _ConfigMap(msgspec.Struct):
    data: dict[str, str] | None = None


class _List(msgspec.Struct):
    items: list[msgspec.Raw] | None = None


async def read_live(kubeconfig: str | None, context: str | None) -> ClusterSnapshot:
    """Read the current objects from the API server.

    Raises:
        KubeError, Unreachable: it refused, or did not answer. DecodeError: it sent what cannot be read.
    """
    read: list[Object] = []
    async with KubeClient.from_kubeconfig(kubeconfig, context) as client:
        for resource, type_ in _LIVE:
            found = msgspec.json.decode(await client.get(resource.path()), type=_List)
            read += [decode(type_, bytes(raw)) for raw in found.items or ()]
    return ClusterSnapshot.of(read)


async def read_service_cidrs(kubeconfig: str | None, context: str | None) -> tuple[str, ...]:
    """Where virtual IPs come from, as the ServiceCIDR objects say; nothing where the API does not show them."""
    async with KubeClient.from_kubeconfig(kubeconfig, context) as client:
        try:
            found = msgspec.json.decode(await client.get(SERVICE_CIDRS.path()), type=_List)
        except (KubeError, Unreachable):
            return ()
    return tuple(cidr for raw in found.items or () for cidr in decode(ServiceCIDR, bytes(raw)).spec.cidrs)


class Manifests(NamedTuple):
    """The objects of manifest files that forwarding depends on, and the number of objects of each other kind."""

    snapshot: ClusterSnapshot
    others: Mapping[str, int]


def read_files(paths: Iterable[str]) -> Manifests:
    """Read objects from manifests.

    Raises:
        ManifestError: a file cannot be read, or an object in it; the message says which.
    """
    snapshot = ClusterSnapshot()
    others: Counter[str] = Counter()
    for path in paths:
        for source, document in read_manifests(path):
            kind = str(document.get("kind"))
            type_ = _KINDS.get(kind)
            if type_ is None:
                others[kind] += 1
            else:
                snapshot = snapshot.with_object(_decode(type_, source, document))
    return Manifests(snapshot, others)


def _decode(type_: type[Object], source: str, document: dict[str, object]) -> Object:
    document = _without_nulls(document)
    metadata = document.get("metadata")
    if isinstance(metadata, dict) and type_ is not Node:
        document = {**document, "metadata": {"namespace": "default", **metadata}}
    try:
        return decode(type_, document)
    except DecodeError as error:
        raise ManifestError(f"{source}: {error}") from error


def _without_nulls(value: Any) -> Any:
    """The document without null fields, which the API server treats as missing."""
    if isinstance(value, dict):
        return {key: _without_nulls(field) for key, field in value.items() if field is not None}
    return [_without_nulls(item) for item in value] if isinstance(value, list) else value


async def read_proxy_config(kubeconfig: str | None, context: str | None, node: str) -> str:
    """The configuration of the cluster's node proxies, where it is kept as kubeadm keeps kube-proxy's; "" for none.

    A key ``NODE.conf`` says what is different on that node.
    """
    async with KubeClient.from_kubeconfig(kubeconfig, context) as client:
        try:
            found = msgspec.json.decode(
                await client.get(CONFIG_MAPS.path("kube-system", "kube-proxy")), type=_ConfigMap
            )
        except (KubeError, Unreachable, msgspec.DecodeError):
            return ""
    data = found.data or {}
    return data.get(f"{node}.conf") or data.get("config.conf", "")
