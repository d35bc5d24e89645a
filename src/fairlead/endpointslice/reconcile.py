"""Plans the writes that make a Service's EndpointSlices match its Pods.

Pure and level-triggered: the plan follows from what is there, never from what happened, and planning again after the
plan was carried out gives nothing. Slices of other authors are not looked at, whatever they contain; nor is a Service
that has no selector or is an ExternalName.
Upstream: ``staging/src/k8s.io/endpointslice/reconciler.go``, ``trafficdist/trafficdist.go``.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import NamedTuple

from msgspec import structs

from fairlead.endpointslice.membership import SliceMember, families_of, find_members, selects_pods
from fairlead.endpointslice.packing import MAX_ENDPOINTS
from fairlead.endpointslice.slice_set import SlicePlan, SliceSet, join_plans, plan_slices
from fairlead.endpointslice.topology import Hinted, Shares, hint_zones, is_automatic, zones_now
from fairlead.model.objects import (
    HEADLESS_LABEL,
    MANAGED_BY_LABEL,
    SERVICE_NAME_LABEL,
    Endpoint,
    EndpointHints,
    EndpointSlice,
    Node,
    OwnerReference,
    Pod,
    Service,
    TopologyHint,
)

CONTROLLER = "endpointslice-controller.k8s.io"
SAME_NODE = "PreferSameNode"
SAME_ZONE = frozenset({"PreferClose", "PreferSameZone"})
RESERVED_LABELS = frozenset({SERVICE_NAME_LABEL, MANAGED_BY_LABEL, HEADLESS_LABEL})


class Circumstances(NamedTuple):
    """The other inputs of the slices.

    Attributes:
        trigger_time: RFC 3339; when the oldest change happened that this plan answers, noted on every written slice.
        shares: what part of the cluster's CPUs each zone has, for Services in topology mode Auto.
        limit: endpoints per slice.
        is_first_look: whether this Service is seen for the first time since the start; see ``SliceSet.is_joined``.
    """

    trigger_time: str | None = None
    shares: Shares = MappingProxyType({})
    limit: int = MAX_ENDPOINTS
    is_first_look: bool = False


NOTHING_SPECIAL = Circumstances()


def reconcile_slices(
    service: Service,
    pods: Iterable[Pod],
    nodes: Mapping[str, Node],
    existing: Iterable[EndpointSlice],
    around: Circumstances = NOTHING_SPECIAL,
) -> SlicePlan:
    """The writes that bring the slices of ``service`` in step with its Pods.

    Args:
        pods: any that may be behind the Service; those that are not are ignored.
        nodes: all Nodes by name.
        existing: the slices labelled for the Service, of any author.
    """
    if not selects_pods(service):
        return SlicePlan()
    pods = tuple(pods)
    families = families_of(service)
    mine = [s for s in existing if is_managed(s, service) and not s.is_terminating]
    plans = [SlicePlan(deletes=tuple(s for s in mine if s.address_type not in families))]
    labels, owner = slice_labels(service), _owner(service)
    for family in families:
        found = find_members(service, pods, nodes, family)
        present = [s for s in mine if s.address_type == family]
        hinted = _hinted(service, found.members, present, around.shares)
        slice_set = SliceSet(
            service.namespace,
            family,
            owner,
            labels,
            trigger_time=around.trigger_time,
            limit=around.limit,
            is_joined=around.is_first_look,
        )
        plan = plan_slices(slice_set, hinted.members, present)
        plans.append(replace(plan, missing_nodes=found.missing_nodes, hinting={family: hinted.message}))
    plan = join_plans(plans)
    return replace(plan, creates=()) if service.is_terminating else plan


def _hinted(
    service: Service, members: tuple[SliceMember, ...], present: Iterable[EndpointSlice], shares: Shares
) -> Hinted:
    if is_automatic(service):
        return hint_zones(members, zones_now(present), shares)
    return Hinted(tuple(m._replace(endpoint=_with_hints(service, m.endpoint)) for m in members), "")


def _with_hints(service: Service, endpoint: Endpoint) -> Endpoint:
    """The endpoint with the hints that ``spec.trafficDistribution`` gives it (KEP-4444, KEP-3015).

    Every ready endpoint is hinted to its own zone, with PreferSameNode to its own node too; there are no thresholds,
    since the proxy falls back by itself when no hint names its zone. One ready endpoint without a zone leaves a gap
    that makes proxies ignore all hints, which is what upstream does as well.
    """
    wish = service.spec.traffic_distribution
    if not endpoint.is_ready or (wish != SAME_NODE and wish not in SAME_ZONE):
        return endpoint
    zones = _hint(endpoint.zone)
    nodes = _hint(endpoint.node_name) if wish == SAME_NODE else None
    hints = EndpointHints(for_zones=zones, for_nodes=nodes)
    return structs.replace(endpoint, hints=hints) if zones or nodes else endpoint


def _hint(name: str | None) -> tuple[TopologyHint, ...] | None:
    return (TopologyHint(name),) if name else None


def is_managed(slice_: EndpointSlice, service: Service) -> bool:
    """Whether this controller made the slice, for a Service of this name."""
    return slice_.labels.get(MANAGED_BY_LABEL) == CONTROLLER and slice_.service_key == service.key


def slice_labels(service: Service) -> dict[str, str]:
    """The Service's labels, and those that say whose slice it is; ``headless`` where there is no virtual IP."""
    labels = {key: value for key, value in service.labels.items() if key not in RESERVED_LABELS}
    if not service.cluster_ips:
        labels[HEADLESS_LABEL] = ""
    return labels | {SERVICE_NAME_LABEL: service.name, MANAGED_BY_LABEL: CONTROLLER}


def _owner(service: Service) -> OwnerReference:
    return OwnerReference(
        api_version="v1",
        kind="Service",
        name=service.name,
        uid=service.metadata.uid,
        controller=True,
        block_owner_deletion=True,
    )
