"""Slim Endpoints, the predecessor of EndpointSlices that old clients still read and users still write.

Field meanings: Kubernetes API reference, core/v1.
"""

from fairlead.model.objects import EndpointPort, KubeObject, ObjectReference, Slim

SKIP_MIRROR_LABEL = "endpointslice.kubernetes.io/skip-mirror"


class EndpointAddress(Slim, frozen=True):
    """One address of a subset."""

    ip: str
    hostname: str | None = None
    node_name: str | None = None
    target_ref: ObjectReference | None = None


class EndpointSubset(Slim, frozen=True):
    """Addresses that share ports; every address answers on every port."""

    addresses: tuple[EndpointAddress, ...] | None = None
    not_ready_addresses: tuple[EndpointAddress, ...] | None = None
    ports: tuple[EndpointPort, ...] | None = None


class Endpoints(KubeObject, frozen=True):
    """All endpoints of the Service of the same name."""

    subsets: tuple[EndpointSubset, ...] | None = None
