"""What must be written so that a Service's EndpointSlices say what its Pods are.

Pure and level-triggered: the plan follows from what is there, never from what happened, and planning again after the
plan was carried out gives nothing. Slices of other authors are not looked at, whatever they contain; nor is a Service
that has no selector or is an ExternalName. A doomed slice is rewritten rather than deleted where another would have to
be made, so that watchers see one event.
Upstream: ``staging/src/k8s.io/endpointslice/reconciler.go``; see ``packing`` for which endpoint goes where.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeVar

from msgspec import structs

from fairlead.endpointslice.hints import with_hints
from fairlead.endpointslice.membership import Member, Ports, families_of, find_members, selects_pods
from fairlead.endpointslice.packing import MAX_ENDPOINTS, pack
from fairlead.model.addresses import IPFamily
from fairlead.model.objects import (
    HEADLESS_LABEL,
    MANAGED_BY_LABEL,
    SERVICE_NAME_LABEL,
    TRIGGER_TIME_ANNOTATION,
    Endpoint,
    EndpointPort,
    EndpointSlice,
    Metadata,
    Node,
    OwnerReference,
    Pod,
    Service,
)

CONTROLLER = "endpointslice-controller.k8s.io"
RESERVED_LABELS = frozenset({SERVICE_NAME_LABEL, MANAGED_BY_LABEL, HEADLESS_LABEL})

T = TypeVar("T")
PortsKey = tuple[tuple[str, str, int, str], ...]


@dataclass(frozen=True)
class SlicePlan:
    """Writes to make, in this order, so that no endpoint is missing meanwhile (readers bear duplicates).

    Attributes:
        creates: slices without a name; the server makes one from the Service's name.
        updates: with the resource version they were planned from.
        missing_nodes: Nodes that some Pods name but that do not exist; plan again when they do.
    """

    creates: tuple[EndpointSlice, ...] = ()
    updates: tuple[EndpointSlice, ...] = ()
    deletes: tuple[EndpointSlice, ...] = ()
    missing_nodes: frozenset[str] = frozenset()

    @property
    def is_empty(self) -> bool:
        return not (self.creates or self.updates or self.deletes)


@dataclass(frozen=True)
class _Target:
    """What is the same for all slices of one Service and family."""

    service: Service
    family: IPFamily
    labels: Mapping[str, str]
    trigger_time: str | None
    limit: int


class _Draft(NamedTuple):
    """A slice as it ought to be, and the one that becomes it; ``origin`` None means that it must be made."""

    ports: Ports
    endpoints: tuple[Endpoint, ...]
    origin: EndpointSlice | None


def reconcile_slices(
    service: Service,
    pods: Iterable[Pod],
    nodes: Mapping[str, Node],
    existing: Iterable[EndpointSlice],
    trigger_time: str | None = None,
    *,
    limit: int = MAX_ENDPOINTS,
) -> SlicePlan:
    """The writes that bring the slices of ``service`` in step with its Pods.

    Args:
        pods: any that may be behind the Service; those that are not are ignored.
        nodes: all Nodes by name.
        existing: the slices labelled for the Service, of any author.
        trigger_time: RFC 3339; when the oldest change happened that this plan answers, noted on every written slice.
        limit: endpoints per slice.
    """
    if not selects_pods(service):
        return SlicePlan()
    pods = tuple(pods)
    families = families_of(service)
    mine = [s for s in existing if is_managed(s, service) and not s.is_terminating]
    plans = [SlicePlan(deletes=tuple(s for s in mine if s.address_type not in families))]
    for family in families:
        target = _Target(service, family, slice_labels(service), trigger_time, limit)
        found = find_members(service, pods, nodes, family)
        plan = _plan_family(target, found.members, [s for s in mine if s.address_type == family])
        plans.append(replace(plan, missing_nodes=found.missing_nodes))
    return _join(plans, may_create=not service.is_terminating)


def is_managed(slice_: EndpointSlice, service: Service) -> bool:
    """Whether this controller made the slice, for a Service of this name."""
    return slice_.labels.get(MANAGED_BY_LABEL) == CONTROLLER and slice_.service_key == service.key


def slice_labels(service: Service) -> dict[str, str]:
    """The Service's labels, and those that say whose slice it is; ``headless`` where there is no virtual IP."""
    labels = {key: value for key, value in service.labels.items() if key not in RESERVED_LABELS}
    if not service.cluster_ips:
        labels[HEADLESS_LABEL] = ""
    return labels | {SERVICE_NAME_LABEL: service.name, MANAGED_BY_LABEL: CONTROLLER}


def _plan_family(target: _Target, members: Sequence[Member], mine: Sequence[EndpointSlice]) -> SlicePlan:
    owned = [s for s in mine if _is_owned(s, target.service)]
    drafts, spare = _draft_slices(target, members, owned)
    creates, updates = [], []
    for draft in drafts:
        if draft.origin is None:
            creates.append(_make(target, draft))
        elif _differs(draft, draft.origin, target):
            updates.append(_rewrite(target, draft, draft.origin))
    strangers = [s for s in mine if s not in owned]
    return SlicePlan(tuple(creates), tuple(updates), (*spare, *strangers))


def _draft_slices(
    target: _Target, members: Sequence[Member], owned: Sequence[EndpointSlice]
) -> tuple[list[_Draft], list[EndpointSlice]]:
    """The slices to be, never none, and the existing ones that none of them needs."""
    drafts: list[_Draft] = []
    spare: list[EndpointSlice] = []
    wanted = _group((ports_key(m.ports), m) for m in members)
    existing = _group((ports_key(s.ports or ()), s) for s in owned)
    for key in dict.fromkeys((*wanted, *existing)):
        group = wanted.get(key, [])
        endpoints = [with_hints(target.service, member.endpoint) for member in group]
        for bin_ in pack(endpoints, existing.get(key, []), target.labels, target.limit):
            if bin_.endpoints:
                drafts.append(_Draft(group[0].ports, tuple(bin_.endpoints), bin_.origin))
            elif bin_.origin:
                spare.append(bin_.origin)
    return _reuse(drafts or [_Draft((), (), None)], spare), spare


def _reuse(drafts: list[_Draft], spare: list[EndpointSlice]) -> list[_Draft]:
    """Let spare slices become those that would have to be made; used ones leave ``spare``."""
    spare.sort(key=lambda s: -len(s.endpoints or ()))  # from the back: one that is empty already may need no write
    return [draft._replace(origin=spare.pop()) if draft.origin is None and spare else draft for draft in drafts]


def _differs(draft: _Draft, origin: EndpointSlice, target: _Target) -> bool:
    return (
        draft.endpoints != (origin.endpoints or ())
        or ports_key(draft.ports) != ports_key(origin.ports or ())
        or target.labels != origin.labels
    )


def _make(target: _Target, draft: _Draft) -> EndpointSlice:
    service = target.service
    metadata = Metadata(
        name="",
        namespace=service.namespace,
        labels=target.labels,
        annotations=_note_trigger({}, target),
        owner_references=(_owner(service),),
    )
    return EndpointSlice(metadata, target.family, draft.endpoints, draft.ports)


def _rewrite(target: _Target, draft: _Draft, origin: EndpointSlice) -> EndpointSlice:
    annotations = _note_trigger(origin.annotations, target)
    metadata = structs.replace(origin.metadata, labels=target.labels, annotations=annotations)
    return structs.replace(origin, metadata=metadata, endpoints=draft.endpoints, ports=draft.ports)


def _note_trigger(annotations: Mapping[str, str], target: _Target) -> dict[str, str] | None:
    kept = {key: value for key, value in annotations.items() if key != TRIGGER_TIME_ANNOTATION}
    if target.trigger_time:
        kept[TRIGGER_TIME_ANNOTATION] = target.trigger_time
    return kept or None


def _owner(service: Service) -> OwnerReference:
    return OwnerReference(
        api_version="v1",
        kind="Service",
        name=service.name,
        uid=service.metadata.uid,
        controller=True,
        block_owner_deletion=True,
    )


def _is_owned(slice_: EndpointSlice, service: Service) -> bool:
    """False for a leftover of an earlier Service of the same name, which goes rather than changes hands."""
    return slice_.controller is not None and slice_.controller.uid == service.metadata.uid


def ports_key(ports: Ports) -> PortsKey:
    """The same for equal ports in any order and with defaults written out or not."""
    return tuple(sorted(map(_port_key, ports)))


def _port_key(port: EndpointPort) -> tuple[str, str, int, str]:
    return port.name or "", port.protocol or "TCP", port.port or 0, port.app_protocol or ""


def _group(pairs: Iterable[tuple[PortsKey, T]]) -> dict[PortsKey, list[T]]:
    groups: dict[PortsKey, list[T]] = {}
    for key, value in pairs:
        groups.setdefault(key, []).append(value)
    return groups


def _join(plans: Sequence[SlicePlan], may_create: bool) -> SlicePlan:
    return SlicePlan(
        tuple(s for plan in plans for s in plan.creates if may_create),
        tuple(s for plan in plans for s in plan.updates),
        tuple(s for plan in plans for s in plan.deletes),
        frozenset().union(*(plan.missing_nodes for plan in plans)),
    )
