"""The templates that a StatefulSet or DaemonSet had: which one is being rolled out, and which may be forgotten.

Each is kept as a ControllerRevision named by the template's hash; ``kubectl rollout history`` and ``undo`` read them. A
template that comes back is the same revision with a new number.
Upstream: ``pkg/controller/history/controller_history.go`` and ``pkg/controller/statefulset/stateful_set_utils.go``.
"""

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass

import msgspec

from fairlead.model.document import Doc
from fairlead.model.workloads import ControllerRevision, DaemonSet, StatefulSet
from fairlead.workloads.claims import controller_reference
from fairlead.workloads.revisions import template_hash
from fairlead.workloads.statefulset import Revisions

Templated = StatefulSet | DaemonSet

HISTORY_LIMIT = 10  # revisions kept beside those in use, when the set does not say


@dataclass(frozen=True)
class HistoryPlan:
    """The next write, at most one: a revision to create, or one to renumber to ``number``."""

    create: Doc | None = None
    renumber: ControllerRevision | None = None
    number: int = 0


def plan_history(workload: Templated, known: Sequence[ControllerRevision]) -> HistoryPlan:
    """Plan the writes that make the current template the latest revision."""
    name = update_revision(workload)
    latest = max((revision.revision for revision in known), default=0)
    found = next((revision for revision in known if revision.name == name), None)
    if found is None:
        return HistoryPlan(create=_document(workload, name, latest + 1))
    if found.revision < latest:
        return HistoryPlan(renumber=found, number=latest + 1)
    return HistoryPlan()


def update_revision(workload: Templated) -> str:
    """The name of the revision of the present template."""
    return f"{workload.name}-{template_hash(workload.spec.template)}"


def _document(workload: Templated, name: str, number: int) -> Doc:
    template = workload.spec.template
    labels = {**((template.get("metadata") or {}).get("labels") or {}), "controller.kubernetes.io/hash": name[-10:]}
    owner = controller_reference(workload, "apps/v1", type(workload).__name__)
    return {
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": {
            "name": name,
            "namespace": workload.namespace,
            "labels": labels,
            "ownerReferences": [msgspec.to_builtins(owner)],
        },
        "data": {"spec": {"template": {**template, "$patch": "replace"}}},
        "revision": number,
    }


def revisions_of(stateful_set: StatefulSet, known: Iterable[ControllerRevision]) -> Revisions:
    """The revisions of the set; without a current one that is still known, the update is the current one."""
    update, current = update_revision(stateful_set), stateful_set.status.current_revision
    names = {revision.name for revision in known}
    return Revisions(current if current in names else update, update)


def template_of(stateful_set: StatefulSet, name: str, known: Iterable[ControllerRevision]) -> Doc:
    """The template that a revision remembers; that of the set itself for the one that is not remembered yet."""
    for revision in known:
        if revision.name == name:
            template = dict(revision.data["spec"]["template"])
            template.pop("$patch", None)
            return template
    return stateful_set.spec.template


def surplus_revisions(
    workload: Templated, known: Sequence[ControllerRevision], used: Container[str]
) -> tuple[ControllerRevision, ...]:
    """The oldest revisions beyond the limit; those whose names are in ``used`` stay."""
    idle = sorted((r for r in known if r.name not in used), key=lambda r: r.revision)
    limit = workload.spec.revision_history_limit
    return tuple(idle[: max(0, len(idle) - (HISTORY_LIMIT if limit is None else limit))])
