"""Services of other clusters of a cluster set, as the Multi-Cluster Services API imports them (KEP-1645).

A ServiceImport is read as the Service that it stands for, and an EndpointSlice of another cluster as a slice of that
Service, so everything about Services holds for imported ones, in a separate zone. The only difference is that an
endpoint is named below its cluster.

Refuses: slices that do not say which Service and which cluster they are of.
"""

import msgspec

from fairlead.model.objects import (
    CLUSTER_IP_NONE,
    SERVICE_NAME_LABEL,
    EndpointSlice,
    KubeObject,
    Service,
    ServicePort,
    ServiceSpec,
    Slim,
)

IMPORTED_NAME_LABEL = "multicluster.kubernetes.io/service-name"
SOURCE_CLUSTER_LABEL = "multicluster.kubernetes.io/source-cluster"


class ServiceImportSpec(Slim, frozen=True):
    """The specification of an import; ``type`` is ClusterSetIP or Headless."""

    type: str = "ClusterSetIP"
    ips: tuple[str, ...] | None = None
    ports: tuple[ServicePort, ...] | None = None


class ServiceImport(KubeObject, frozen=True):
    """A Service that other clusters export: multicluster.x-k8s.io/v1alpha1."""

    spec: ServiceImportSpec = ServiceImportSpec()


def service_of(imported: ServiceImport) -> Service:
    """The Service that an import stands for."""
    headless = imported.spec.type == "Headless"
    ips = (CLUSTER_IP_NONE,) if headless else imported.spec.ips or ()
    spec = ServiceSpec(cluster_ip=next(iter(ips), ""), cluster_ips=ips, ports=imported.spec.ports or ())
    return Service(imported.metadata, spec)


def slice_of(slice_: EndpointSlice) -> EndpointSlice | None:
    """The slice as one of the Service that it is imported for; None when it does not say which."""
    name, cluster = slice_.labels.get(IMPORTED_NAME_LABEL), slice_.labels.get(SOURCE_CLUSTER_LABEL)
    if not name or not cluster:
        return None
    labels = {SERVICE_NAME_LABEL: name, SOURCE_CLUSTER_LABEL: cluster.lower()}
    return msgspec.structs.replace(slice_, metadata=msgspec.structs.replace(slice_.metadata, labels=labels))
