"""The slices of one owner in one family: what must be written so that they hold given endpoints.

Shared by the controllers that make slices from Pods and from Endpoints. A doomed slice is rewritten rather than deleted
where another would have to be made, so that watchers see one event; see ``packing`` for which endpoint goes where.
Upstream: ``staging/src/k8s.io/endpointslice/reconciler.go`` (reconcileByAddressType, finalize).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

from msgspec import structs

from fairlead.endpointslice.membership import Ports, SliceMember
from fairlead.endpointslice.packing import MAX_ENDPOINTS, pack
from fairlead.model.addresses import IPFamily
from fairlead.model.objects import (
    TRIGGER_TIME_ANNOTATION,
    Endpoint,
    EndpointPort,
    EndpointSlice,
    Metadata,
    OwnerReference,
)

T = TypeVar("T")
PortsKey = tuple[tuple[str, str, int, str], ...]


@dataclass(frozen=True)
class SlicePlan:
    """Writes in an order in which no endpoint is ever missing (readers tolerate duplicates).

    Attributes:
        creates: slices without a name; the server makes one from the Service's name.
        updates: with the resource version they were planned from.
        missing_nodes: Nodes that some Pods name but that do not exist; plan again when they do.
        hinting: by family, the message about hints in proportion to CPUs; empty if they are not requested.
    """

    creates: tuple[EndpointSlice, ...] = ()
    updates: tuple[EndpointSlice, ...] = ()
    deletes: tuple[EndpointSlice, ...] = ()
    missing_nodes: frozenset[str] = frozenset()
    hinting: Mapping[IPFamily, str] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        return not (self.creates or self.updates or self.deletes)


def join_plans(plans: Iterable[SlicePlan]) -> SlicePlan:
    """All the writes of several plans as one."""
    plans = tuple(plans)
    return SlicePlan(
        tuple(s for plan in plans for s in plan.creates),
        tuple(s for plan in plans for s in plan.updates),
        tuple(s for plan in plans for s in plan.deletes),
        frozenset().union(*(plan.missing_nodes for plan in plans)),
        {family: message for plan in plans for family, message in plan.hinting.items()},
    )


@dataclass(frozen=True)
class SliceSet:
    """The fields that all slices of one owner and family share.

    Attributes:
        labels: exactly those that each slice has.
        annotations: those that each slice has besides what others put there.
        trigger_time: RFC 3339, noted on every slice that is written; by itself no reason to write one.
        keep_one: whether an empty slice stands where there are no endpoints.
        is_joined: whether endpoints that fit into fewer slices are moved there. Slices are not rebalanced as endpoints
            come and go; but those that two writers at once made are more than are needed, and the next one to begin
            cannot tell the two cases apart.
    """

    namespace: str
    family: IPFamily
    owner: OwnerReference
    labels: Mapping[str, str]
    annotations: Mapping[str, str] = field(default_factory=dict)
    trigger_time: str | None = None
    keep_one: bool = True
    limit: int = MAX_ENDPOINTS
    is_joined: bool = False


class _Draft(NamedTuple):
    """A slice as it ought to be, and the one that becomes it; ``origin`` None means that it must be made."""

    ports: Ports
    endpoints: tuple[Endpoint, ...]
    origin: EndpointSlice | None


def plan_slices(slice_set: SliceSet, members: Sequence[SliceMember], existing: Sequence[EndpointSlice]) -> SlicePlan:
    """The writes after which the slices of the set hold exactly the members; all of ``existing`` are the set's own,
    though some may belong to an earlier owner of the same name, and go."""
    owned = [s for s in existing if s.controller and s.controller.uid == slice_set.owner.uid]
    drafts, spare = _draft_slices(slice_set, members, owned)
    creates, updates = [], []
    for draft in drafts:
        if draft.origin is None:
            creates.append(_make(slice_set, draft))
        elif _differs(slice_set, draft, draft.origin):
            updates.append(_rewrite(slice_set, draft, draft.origin))
    strangers = [s for s in existing if s not in owned]
    return SlicePlan(tuple(creates), tuple(updates), (*spare, *strangers))


def _draft_slices(
    slice_set: SliceSet, members: Sequence[SliceMember], owned: Sequence[EndpointSlice]
) -> tuple[list[_Draft], list[EndpointSlice]]:
    """The slices to be, and the existing ones that none of them needs."""
    drafts: list[_Draft] = []
    spare: list[EndpointSlice] = []
    wanted = _group((ports_key(m.ports), m) for m in members)
    existing = _group((ports_key(s.ports or ()), s) for s in owned)
    for key in dict.fromkeys((*wanted, *existing)):
        group = wanted.get(key, [])
        endpoints = [member.endpoint for member in group]
        present, surplus = _needed(slice_set, len(endpoints), existing.get(key, []))
        spare += surplus
        for bin_ in pack(endpoints, present, slice_set.labels, slice_set.limit):
            if bin_.endpoints:
                drafts.append(_Draft(group[0].ports, tuple(bin_.endpoints), bin_.origin))
            elif bin_.origin:
                spare.append(bin_.origin)
    if not drafts and slice_set.keep_one:
        drafts.append(_Draft((), (), None))
    return _reuse(drafts, spare), spare


def _needed(
    slice_set: SliceSet, count: int, present: list[EndpointSlice]
) -> tuple[list[EndpointSlice], list[EndpointSlice]]:
    """The slices that so many endpoints stay in, and those that are more than they need."""
    if not slice_set.is_joined:
        return present, []
    needed = -(-count // slice_set.limit)
    fullest = sorted(present, key=lambda s: -len(s.endpoints or ()))
    return fullest[:needed], fullest[needed:]


def _reuse(drafts: list[_Draft], spare: list[EndpointSlice]) -> list[_Draft]:
    """Reuse spare slices in place of new ones; used ones are removed from ``spare``."""
    spare.sort(key=lambda s: -len(s.endpoints or ()))  # from the back: one that is empty already may need no write
    return [draft._replace(origin=spare.pop()) if draft.origin is None and spare else draft for draft in drafts]


def _differs(slice_set: SliceSet, draft: _Draft, origin: EndpointSlice) -> bool:
    return (
        draft.endpoints != (origin.endpoints or ())
        or ports_key(draft.ports) != ports_key(origin.ports or ())
        or slice_set.labels != origin.labels
        or not slice_set.annotations.items() <= origin.annotations.items()
    )


def _make(slice_set: SliceSet, draft: _Draft) -> EndpointSlice:
    metadata = Metadata(
        name="",
        namespace=slice_set.namespace,
        labels=slice_set.labels,
        annotations=_annotations({}, slice_set),
        owner_references=(slice_set.owner,),
    )
    return EndpointSlice(metadata, slice_set.family, draft.endpoints, draft.ports)


def _rewrite(slice_set: SliceSet, draft: _Draft, origin: EndpointSlice) -> EndpointSlice:
    annotations = _annotations(origin.annotations, slice_set)
    metadata = structs.replace(origin.metadata, labels=slice_set.labels, annotations=annotations)
    return structs.replace(origin, metadata=metadata, endpoints=draft.endpoints, ports=draft.ports)


def _annotations(present: Mapping[str, str], slice_set: SliceSet) -> dict[str, str] | None:
    kept = {key: value for key, value in present.items() if key != TRIGGER_TIME_ANNOTATION}
    trigger = {TRIGGER_TIME_ANNOTATION: slice_set.trigger_time} if slice_set.trigger_time else {}
    return {**kept, **slice_set.annotations, **trigger} or None


def ports_key(ports: Ports) -> PortsKey:
    """A key that is equal for equal ports, in any order, and with or without explicit defaults."""
    return tuple(sorted(map(_port_key, ports)))


def _port_key(port: EndpointPort) -> tuple[str, str, int, str]:
    return port.name or "", port.protocol or "TCP", port.port or 0, port.app_protocol or ""


def _group(pairs: Iterable[tuple[PortsKey, T]]) -> dict[PortsKey, list[T]]:
    groups: dict[PortsKey, list[T]] = {}
    for key, value in pairs:
        groups.setdefault(key, []).append(value)
    return groups
