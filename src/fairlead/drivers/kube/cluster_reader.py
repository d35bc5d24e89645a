"""One look at a cluster's Services, EndpointSlices and Nodes: from a live API, or from manifest files."""

from collections.abc import Iterable

import msgspec

from fairlead.drivers.kube.client import (
    ENDPOINT_SLICES,
    NODES,
    SERVICE_CIDRS,
    SERVICES,
    KubeClient,
    KubeError,
    Resource,
    Unreachable,
)
from fairlead.drivers.kube.manifests import ManifestError, read_manifests
from fairlead.model.decode import DecodeError, decode
from fairlead.model.networking import ServiceCIDR
from fairlead.model.objects import EndpointSlice, Node, Object, Service
from fairlead.model.snapshot import ClusterSnapshot

_LIVE: tuple[tuple[Resource, type[Object]], ...] = (
    (NODES, Node),
    (SERVICES, Service),
    (ENDPOINT_SLICES, EndpointSlice),
)
_KINDS: dict[str, type[Object]] = {"Node": Node, "Service": Service, "EndpointSlice": EndpointSlice}


class _List(msgspec.Struct):
    items: list[msgspec.Raw] | None = None


async def read_live(kubeconfig: str | None, context: str | None) -> ClusterSnapshot:
    """What the API server has now.

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


def read_files(paths: Iterable[str]) -> ClusterSnapshot:
    """What the manifests say; kinds that forwarding does not depend on are passed over.

    Raises:
        ManifestError: a file cannot be read, or an object in it; the message says which.
    """
    snapshot = ClusterSnapshot()
    for path in paths:
        for source, document in read_manifests(path):
            type_ = _KINDS.get(str(document.get("kind")))
            if type_ is not None:
                snapshot = snapshot.with_object(_decode(type_, source, document))
    return snapshot


def _decode(type_: type[Object], source: str, document: dict[str, object]) -> Object:
    metadata = document.get("metadata")
    if isinstance(metadata, dict) and type_ is not Node:
        document = {**document, "metadata": {"namespace": "default", **metadata}}
    try:
        return decode(type_, document)
    except DecodeError as error:
        raise ManifestError(f"{source}: {error}") from error
