"""Slices that say what a user's own Endpoints say, so that consumers need to read slices only.

Endpoints are mirrored when they are the user's: their Service exists and has no selector, and nothing on them says
otherwise. A mirrored endpoint knows whether it is ready, and nothing of serving or terminating.
Upstream: ``pkg/controller/endpointslicemirroring`` (reconciler.go, utils.go).
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from fairlead.endpointslice.membership import SliceMember
from fairlead.endpointslice.slice_set import SlicePlan, SliceSet, join_plans, plan_slices
from fairlead.model.addresses import IPFamily, family_of
from fairlead.model.endpoints import SKIP_MIRROR_LABEL, EndpointAddress, Endpoints, EndpointSubset
from fairlead.model.objects import (
    MANAGED_BY_LABEL,
    SERVICE_NAME_LABEL,
    TRIGGER_TIME_ANNOTATION,
    Endpoint,
    EndpointConditions,
    EndpointSlice,
    OwnerReference,
    Service,
)

CONTROLLER = "endpointslicemirroring-controller.k8s.io"
LEADER_ANNOTATION = "control-plane.alpha.kubernetes.io/leader"
MAX_ADDRESSES = 1000  # of one subset
_NOT_COPIED = frozenset({"kubectl.kubernetes.io/last-applied-configuration", TRIGGER_TIME_ANNOTATION})


def is_mirrored(endpoints: Endpoints | None, service: Service | None) -> bool:
    """Whether slices are to be made from these Endpoints of this Service."""
    if endpoints is None or service is None or service.spec.selector or endpoints.is_terminating:
        return False
    return endpoints.labels.get(SKIP_MIRROR_LABEL) != "true" and LEADER_ANNOTATION not in endpoints.annotations


def plan_mirror(
    endpoints: Endpoints | None,
    service: Service | None,
    existing: Iterable[EndpointSlice],
    *,
    is_first_look: bool = False,
) -> SlicePlan:
    """The writes that bring the mirror slices in step.

    Args:
        existing: all slices that are labelled for the Service.
        is_first_look: whether these Endpoints are seen for the first time since the start; see ``SliceSet.is_joined``.
    """
    mine = [s for s in existing if s.labels.get(MANAGED_BY_LABEL) == CONTROLLER and not s.is_terminating]
    if endpoints is None or not is_mirrored(endpoints, service):
        return SlicePlan(deletes=tuple(mine))
    members = tuple(_members(endpoints))
    plans = []
    for family in IPFamily:
        found = [member for member in members if family_of(member.endpoint.addresses[0]) is family]
        slice_set = replace(_slice_set(endpoints, family), is_joined=is_first_look)
        plans.append(plan_slices(slice_set, found, [s for s in mine if s.address_type == family]))
    return join_plans(plans)


def left_out(endpoints: Endpoints) -> int:
    """How many addresses are too many to be mirrored."""
    return sum(max(0, len(tuple(_addresses(subset))) - MAX_ADDRESSES) for subset in endpoints.subsets or ())


def _slice_set(endpoints: Endpoints, family: IPFamily) -> SliceSet:
    owner = OwnerReference(
        api_version="v1",
        kind="Endpoints",
        name=endpoints.name,
        uid=endpoints.metadata.uid,
        controller=True,
        block_owner_deletion=True,
    )
    return SliceSet(
        endpoints.namespace,
        family,
        owner,
        labels={**endpoints.labels, SERVICE_NAME_LABEL: endpoints.name, MANAGED_BY_LABEL: CONTROLLER},
        annotations={key: value for key, value in endpoints.annotations.items() if key not in _NOT_COPIED},
        keep_one=False,
        limit=MAX_ADDRESSES,
    )


def _members(endpoints: Endpoints) -> Iterator[SliceMember]:
    for subset in endpoints.subsets or ():
        for ready, address in tuple(_addresses(subset))[:MAX_ADDRESSES]:
            yield SliceMember(subset.ports or (), _endpoint(address, ready))


def _addresses(subset: EndpointSubset) -> Iterator[tuple[bool, EndpointAddress]]:
    yield from ((True, address) for address in subset.addresses or ())
    yield from ((False, address) for address in subset.not_ready_addresses or ())


def _endpoint(address: EndpointAddress, ready: bool) -> Endpoint:
    return Endpoint(
        addresses=(address.ip,),
        conditions=EndpointConditions(ready=ready),
        hostname=address.hostname,
        target_ref=address.target_ref,
        node_name=address.node_name,
    )
