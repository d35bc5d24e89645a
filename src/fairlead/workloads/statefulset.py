"""Which Pods of a StatefulSet to make and which to delete next.

A Pod's identity is its ordinal: name, host name and place in the order. OrderedReady goes up one at a time, each only
when all before it are available, and down one at a time from the top; Parallel does not wait. An update replaces Pods
from the top down to the partition, one at a time, and waits for each to become available; a Pod that was deleted below
the partition comes back with the template of the current revision.
Upstream: ``pkg/controller/statefulset`` (stateful_set_control.go, stateful_set_utils.go).
"""

import copy
import re
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import NamedTuple

from msgspec import structs

from fairlead.model.document import Doc
from fairlead.model.objects import OwnerReference, Pod
from fairlead.model.storage import PersistentVolumeClaim
from fairlead.model.workloads import StatefulSet, StatefulSetStatus
from fairlead.workloads.claims import controller_reference
from fairlead.workloads.pods import is_available, pod_document

REVISION_LABEL = "controller-revision-hash"
POD_NAME_LABEL = "statefulset.kubernetes.io/pod-name"
POD_INDEX_LABEL = "apps.kubernetes.io/pod-index"


class Revisions(NamedTuple):
    """Names of the revision that Pods below the partition have, and of the one that is being rolled out."""

    current: str
    update: str


class Replica(NamedTuple):
    """A Pod to make: its ordinal, and the name of the revision whose template it has."""

    ordinal: int
    revision: str


@dataclass(frozen=True)
class StatefulPlan:
    """The Pods to make and to delete in one step."""

    creates: tuple[Replica, ...] = ()
    deletes: tuple[Pod, ...] = ()


def ordinal_of(stateful_set: StatefulSet, pod: Pod) -> int | None:
    """The ordinal that a Pod's name spells; None when it is no name of this set."""
    match = re.fullmatch(rf"{re.escape(stateful_set.name)}-(\d+)", pod.name)
    return int(match[1]) if match else None


def plan_pods(stateful_set: StatefulSet, mine: Iterable[Pod], revisions: Revisions, now: str) -> StatefulPlan:
    """The next step; an empty plan when all is as it should be, or something must happen first.

    Args:
        now: RFC 3339; a Pod counts once it has been ready for ``minReadySeconds``.
    """
    if stateful_set.is_terminating:
        return StatefulPlan()
    present = {n: pod for pod in mine if (n := ordinal_of(stateful_set, pod)) is not None}
    wanted = _ordinals(stateful_set)
    settled = {n for n, pod in present.items() if _is_settled(pod, stateful_set.spec.min_ready_seconds, now)}
    if stateful_set.spec.pod_management_policy == "Parallel":
        plan = _parallel(stateful_set, present, wanted, revisions)
    else:
        plan = _ordered(stateful_set, present, settled, wanted, revisions)
    if plan != StatefulPlan() or not all(n in present for n in wanted):
        return plan
    return _update(stateful_set, present, settled, wanted, revisions)


def is_wanted(stateful_set: StatefulSet, pod: Pod) -> bool:
    """Whether the set is to have a Pod of this one's name."""
    return ordinal_of(stateful_set, pod) in _ordinals(stateful_set)


def _ordinals(stateful_set: StatefulSet) -> range:
    start = stateful_set.spec.ordinals.start if stateful_set.spec.ordinals else 0
    return range(start, start + stateful_set.replicas)


def _parallel(
    stateful_set: StatefulSet, present: Mapping[int, Pod], wanted: range, revisions: Revisions
) -> StatefulPlan:
    missing = tuple(_replica(stateful_set, n, wanted, revisions) for n in wanted if n not in present)
    surplus = [pod for n, pod in present.items() if n not in wanted or pod.is_finished]
    return StatefulPlan(missing, tuple(pod for pod in surplus if not pod.is_terminating))


def _ordered(
    stateful_set: StatefulSet, present: Mapping[int, Pod], settled: Set[int], wanted: range, revisions: Revisions
) -> StatefulPlan:
    for n in wanted:
        pod = present.get(n)
        if pod is None:
            return StatefulPlan(creates=(_replica(stateful_set, n, wanted, revisions),))
        if pod.is_finished and not pod.is_terminating:
            return StatefulPlan(deletes=(pod,))
        if n not in settled:
            return StatefulPlan()
    surplus = [present[n] for n in sorted(present, reverse=True) if n not in wanted]
    if surplus and not surplus[0].is_terminating:
        return StatefulPlan(deletes=(surplus[0],))
    return StatefulPlan()


def _is_settled(pod: Pod, min_ready_seconds: int, now: str) -> bool:
    """Whether those after it may be started or replaced."""
    return pod.status.phase == "Running" and is_available(pod, min_ready_seconds, now) and not pod.is_terminating


def _replica(stateful_set: StatefulSet, ordinal: int, wanted: range, revisions: Revisions) -> Replica:
    """Below the partition, a Pod that was lost comes back as it was."""
    updated = ordinal >= wanted.start + _partition(stateful_set)
    return Replica(ordinal, revisions.update if updated else revisions.current)


def _partition(stateful_set: StatefulSet) -> int:
    strategy = stateful_set.spec.update_strategy
    return strategy.rolling_update.partition if strategy.rolling_update else 0


def _update(
    stateful_set: StatefulSet, present: Mapping[int, Pod], settled: Set[int], wanted: range, revisions: Revisions
) -> StatefulPlan:
    """Delete the highest Pod of another revision, unless one above it is not available again yet."""
    if stateful_set.spec.update_strategy.type == "OnDelete":
        return StatefulPlan()
    for n in reversed(wanted[_partition(stateful_set) :]):
        pod = present[n]
        if pod.labels.get(REVISION_LABEL) != revisions.update:
            return StatefulPlan() if pod.is_terminating else StatefulPlan(deletes=(pod,))
        if n not in settled:
            return StatefulPlan()
    return StatefulPlan()


def make_pod(stateful_set: StatefulSet, replica: Replica, template: Doc) -> Doc:
    """The document of a Pod with its identity: name, host name under the governing Service, labels."""
    owner = controller_reference(stateful_set, "apps/v1", "StatefulSet")
    document = pod_document(template, stateful_set.namespace, owner)
    name = f"{stateful_set.name}-{replica.ordinal}"
    document["metadata"]["name"] = name
    document["metadata"]["labels"] = {
        **document["metadata"].get("labels", {}),
        POD_NAME_LABEL: name,
        POD_INDEX_LABEL: str(replica.ordinal),
        REVISION_LABEL: replica.revision,
    }
    document["spec"]["hostname"] = name
    if stateful_set.spec.service_name:
        document["spec"]["subdomain"] = stateful_set.spec.service_name
    if templates := stateful_set.spec.volume_claim_templates:
        document["spec"]["volumes"] = _volumes(document["spec"].get("volumes") or (), templates, name)
    return document


def _volumes(others: Iterable[Doc], templates: Iterable[Doc], pod: str) -> list[Doc]:
    """The claims' volumes, and the template's own but for those of the same names."""
    claimed = {
        each["metadata"]["name"]: {"claimName": f"{each['metadata']['name']}-{pod}", "readOnly": False}
        for each in templates
    }
    kept = [volume for volume in others if volume["name"] not in claimed]
    return [{"name": name, "persistentVolumeClaim": claim} for name, claim in claimed.items()] + kept


def claim_names(stateful_set: StatefulSet, ordinal: int) -> list[str]:
    """The names of a Pod's claims."""
    templates = stateful_set.spec.volume_claim_templates or ()
    return [f"{template['metadata']['name']}-{stateful_set.name}-{ordinal}" for template in templates]


def make_claims(stateful_set: StatefulSet, ordinal: int) -> list[Doc]:
    """The claims of a Pod. They outlive it, and the set too unless that owns them."""
    return [_claim(stateful_set, template, ordinal) for template in stateful_set.spec.volume_claim_templates or ()]


def claim_owners(stateful_set: StatefulSet, claim: PersistentVolumeClaim) -> tuple[OwnerReference, ...]:
    """The owners of a claim: also the set, if its retention policy deletes claims with it (KEP-1847)."""
    mine = structs.replace(controller_reference(stateful_set, "apps/v1", "StatefulSet"), controller=False)
    others = tuple(owner for owner in claim.metadata.owner_references or () if owner.uid != mine.uid)
    taken_along = stateful_set.spec.persistent_volume_claim_retention_policy.when_deleted == "Delete"
    return (*others, structs.replace(mine, block_owner_deletion=False)) if taken_along else others


def claims_to_delete(stateful_set: StatefulSet, pod: Pod) -> list[str]:
    """The claims to delete with a Pod: those of a replica that scaling down removes, if the retention policy says
    Delete."""
    ordinal = ordinal_of(stateful_set, pod)
    if ordinal is None or ordinal in _ordinals(stateful_set):
        return []
    goes = stateful_set.spec.persistent_volume_claim_retention_policy.when_scaled == "Delete"
    return claim_names(stateful_set, ordinal) if goes else []


def _claim(stateful_set: StatefulSet, template: Doc, ordinal: int) -> Doc:
    metadata = template["metadata"]
    labels = {**(metadata.get("labels") or {}), **(stateful_set.spec.selector.match_labels or {})}
    named = {"name": f"{metadata['name']}-{stateful_set.name}-{ordinal}", "namespace": stateful_set.namespace}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {**named, "labels": labels, "annotations": dict(metadata.get("annotations") or {})},
        "spec": copy.deepcopy(template.get("spec") or {}),
    }


def observe_pods(stateful_set: StatefulSet, mine: Sequence[Pod], revisions: Revisions, now: str) -> StatefulSetStatus:
    """The status that the Pods amount to. A finished rollout makes the update revision the current one."""
    pods = [pod for pod in mine if ordinal_of(stateful_set, pod) is not None and not pod.is_finished]
    live = [pod for pod in pods if not pod.is_terminating]
    updated = [pod for pod in live if pod.labels.get(REVISION_LABEL) == revisions.update]
    ready = [pod for pod in pods if pod.status.phase == "Running" and pod.is_ready]
    done = len(updated) == len(ready) == len(pods) == stateful_set.replicas
    current = revisions.update if done else revisions.current
    return StatefulSetStatus(
        replicas=len(pods),
        ready_replicas=len(ready),
        available_replicas=sum(is_available(pod, stateful_set.spec.min_ready_seconds, now) for pod in ready),
        current_replicas=sum(pod.labels.get(REVISION_LABEL) == current for pod in live),
        updated_replicas=len(updated),
        current_revision=current,
        update_revision=revisions.update,
        observed_generation=stateful_set.metadata.generation,
    )
