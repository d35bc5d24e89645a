"""Which ReplicaSets a Deployment has, how big each is to be now, and how far the rollout is.

The ReplicaSet whose template equals the Deployment's is the new one; all others are history, kept for ``kubectl rollout
undo`` up to the limit. Growing or shrinking in the middle of a rollout goes to the new ReplicaSet within the limits of
the rollout, where upstream shares it out in proportion.
Upstream: ``pkg/controller/deployment`` (sync.go, rolling.go, recreate.go, progress.go, util/deployment_util.go).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from msgspec import structs

from fairlead.model.objects import Metadata
from fairlead.model.workloads import (
    Deployment,
    DeploymentCondition,
    DeploymentStatus,
    ReplicaSet,
    ReplicaSetSpec,
)
from fairlead.workloads.claims import controller_reference
from fairlead.workloads.revisions import HASH_LABEL, essence, template_hash, with_hash
from fairlead.workloads.rolling import limits_of, next_new_size, next_old_sizes

REVISION = "deployment.kubernetes.io/revision"
_NOT_INHERITED = frozenset({"kubectl.kubernetes.io/last-applied-configuration", REVISION})
_DONE, _PAUSED, _TIMED_OUT = "NewReplicaSetAvailable", "DeploymentPaused", "ProgressDeadlineExceeded"
HISTORY_LIMIT = 10  # earlier ReplicaSets kept when the Deployment does not say
PROGRESS_DEADLINE = 600  # seconds without progress that make a rollout a failed one, when the Deployment does not say


@dataclass(frozen=True)
class RolloutPlan:
    """The writes of one step.

    Attributes:
        create: a ReplicaSet to make.
        annotations: of existing ReplicaSets, by name.
        sizes: replicas of existing ReplicaSets, by name.
        deletes: ReplicaSets beyond the history limit.
        revision: what the Deployment's own revision annotation is to say; empty while there is no new ReplicaSet.
    """

    create: ReplicaSet | None = None
    annotations: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    sizes: Mapping[str, int] = field(default_factory=dict)
    deletes: tuple[ReplicaSet, ...] = ()
    revision: str = ""


@dataclass(frozen=True)
class Rollout:
    """The ReplicaSets of a Deployment: the one with its present template, if it is there already, and the others."""

    new: ReplicaSet | None
    old: tuple[ReplicaSet, ...]

    @property
    def all(self) -> tuple[ReplicaSet, ...]:
        return (*self.old, self.new) if self.new else self.old


def find_rollout(deployment: Deployment, mine: Sequence[ReplicaSet]) -> Rollout:
    """Tell the new ReplicaSet from the old ones; of several equal ones the oldest counts as new, as upstream has it.

    The name tells too, should the server have filled in more in one of the templates than in the other.
    """
    by_age = sorted(mine, key=lambda rs: (rs.metadata.creation_timestamp or "", rs.name))
    template = essence(deployment.spec.template)
    name = replica_set_name(deployment)
    new = next((rs for rs in by_age if rs.name == name or essence(rs.spec.template) == template), None)
    return Rollout(new, tuple(rs for rs in by_age if rs is not new))


def plan_rollout(deployment: Deployment, mine: Sequence[ReplicaSet], old_pods: int) -> RolloutPlan:
    """The next step of the rollout; an empty plan when all is as it should be.

    Args:
        mine: the ReplicaSets that the Deployment controls.
        old_pods: how many Pods of earlier ReplicaSets exist, those that are ending included (Recreate waits for them).
    """
    if deployment.is_terminating:
        return RolloutPlan()
    rollout = find_rollout(deployment, mine)
    if deployment.spec.paused:
        return RolloutPlan(sizes=_sizes_while_paused(deployment, rollout))
    revision = _next_revision(rollout)
    if rollout.new is None:
        return _begin(deployment, rollout, revision, old_pods)
    annotations = _inherited(deployment) | {REVISION: revision}
    stale = {k: v for k, v in annotations.items() if rollout.new.annotations.get(k) != v}
    return RolloutPlan(
        annotations={rollout.new.name: stale} if stale else {},
        sizes=_next_sizes(deployment, rollout.new, rollout.old, old_pods),
        deletes=_forgotten(deployment, rollout.old),
        revision=revision,
    )


def _begin(deployment: Deployment, rollout: Rollout, revision: str, old_pods: int) -> RolloutPlan:
    """A new template: its ReplicaSet begins with what the limits allow, and the old ones make room as they may."""
    empty = make_replica_set(deployment, revision, 0)
    size = 0
    if deployment.spec.strategy.type != "Recreate" or not (old_pods or any(rs.replicas for rs in rollout.old)):
        size = next_new_size(deployment, empty, rollout.old)
    created = structs.replace(empty, spec=structs.replace(empty.spec, replicas=size))
    return RolloutPlan(create=created, revision=revision)


def replica_set_name(deployment: Deployment) -> str:
    """The name of the ReplicaSet of the present template."""
    return f"{deployment.name}-{template_hash(deployment.spec.template)}"


def make_replica_set(deployment: Deployment, revision: str, replicas: int) -> ReplicaSet:
    """The ReplicaSet of the present template, named by the template's hash."""
    hash_ = template_hash(deployment.spec.template)
    template = with_hash(deployment.spec.template, hash_)
    selector = deployment.spec.selector
    labels = {**(selector.match_labels or {}), HASH_LABEL: hash_}
    metadata = Metadata(
        name=replica_set_name(deployment),
        namespace=deployment.namespace,
        labels=template["metadata"]["labels"],
        annotations=_inherited(deployment) | {REVISION: revision},
        owner_references=(controller_reference(deployment, "apps/v1", "Deployment"),),
    )
    spec = ReplicaSetSpec(
        selector=structs.replace(selector, match_labels=labels),
        replicas=replicas,
        min_ready_seconds=deployment.spec.min_ready_seconds,
        template=template,
    )
    return ReplicaSet(metadata, spec)


def _inherited(deployment: Deployment) -> dict[str, str]:
    return {key: value for key, value in deployment.annotations.items() if key not in _NOT_INHERITED}


def revision_of(replica_set: ReplicaSet) -> int:
    """The number by which ``kubectl rollout history`` calls it; 0 when it has none."""
    return int(replica_set.annotations.get(REVISION, "0"))


def _next_revision(rollout: Rollout) -> str:
    """One more than any earlier one; an earlier template that comes back gets a new number."""
    latest_old = max(map(revision_of, rollout.old), default=0)
    current = revision_of(rollout.new) if rollout.new else 0
    return str(current if current > latest_old else latest_old + 1)


def _next_sizes(deployment: Deployment, new: ReplicaSet, old: Sequence[ReplicaSet], old_pods: int) -> dict[str, int]:
    if deployment.spec.strategy.type == "Recreate":
        shrinking = {rs.name: 0 for rs in old if rs.replicas}
        if shrinking or old_pods:
            return shrinking
    size = next_new_size(deployment, new, old)
    grown = {} if size == new.replicas else {new.name: size}
    return grown or next_old_sizes(deployment, new, old)


def _sizes_while_paused(deployment: Deployment, rollout: Rollout) -> dict[str, int]:
    """No rollout, but the number of replicas is kept where one ReplicaSet has them all."""
    active = [rs for rs in rollout.all if rs.replicas] or list(rollout.all[-1:])
    if len(active) != 1 or active[0].replicas == deployment.replicas:
        return {}
    return {active[0].name: deployment.replicas}


def _forgotten(deployment: Deployment, old: Sequence[ReplicaSet]) -> tuple[ReplicaSet, ...]:
    limit = deployment.spec.revision_history_limit
    idle = [rs for rs in old if not (rs.replicas or rs.status.replicas or rs.is_terminating)]
    surplus = len(old) - (HISTORY_LIMIT if limit is None else limit)
    return tuple(sorted(idle, key=revision_of)[: max(0, surplus)])


def observe_rollout(deployment: Deployment, mine: Sequence[ReplicaSet], now: str) -> DeploymentStatus:
    """The status that the ReplicaSets amount to; ``now`` (RFC 3339) dates what changed."""
    rollout = find_rollout(deployment, mine)
    available = sum(rs.status.available_replicas for rs in rollout.all)
    wanted = sum(rs.replicas for rs in rollout.all)
    status = DeploymentStatus(
        replicas=sum(rs.status.replicas for rs in rollout.all),
        updated_replicas=rollout.new.status.replicas if rollout.new else 0,
        ready_replicas=sum(rs.status.ready_replicas for rs in rollout.all),
        available_replicas=available,
        unavailable_replicas=max(0, wanted - available),
        observed_generation=deployment.metadata.generation,
    )
    conditions = (_availability(deployment, available, now), _progress(deployment, rollout, status, now))
    return structs.replace(status, conditions=conditions)


def _availability(deployment: Deployment, available: int, now: str) -> DeploymentCondition:
    enough = available >= deployment.replicas - limits_of(deployment).unavailable
    if enough:
        text = ("MinimumReplicasAvailable", "Deployment has minimum availability.")
    else:
        text = ("MinimumReplicasUnavailable", "Deployment does not have minimum availability.")
    return _dated(deployment, DeploymentCondition("Available", "True" if enough else "False", *text), now)


def _progress(deployment: Deployment, rollout: Rollout, status: DeploymentStatus, now: str) -> DeploymentCondition:
    subject = f'ReplicaSet "{rollout.new.name}"' if rollout.new else f'Deployment "{deployment.name}"'
    old = _condition(deployment, "Progressing")
    if deployment.spec.paused:
        paused = DeploymentCondition("Progressing", "Unknown", _PAUSED, "Deployment is paused")
        return old if old and old.reason == _TIMED_OUT else _dated(deployment, paused, now)
    if is_complete(deployment, status):
        message = f"{subject} has successfully progressed."
        return _dated(deployment, DeploymentCondition("Progressing", "True", _DONE, message), now)
    if old is None or old.reason in (_DONE, _PAUSED) or _has_moved(deployment.status, status):
        message = f"{subject} is progressing."
        return DeploymentCondition("Progressing", "True", "ReplicaSetUpdated", message, _since(old, "True", now), now)
    if now < _deadline(deployment, old):
        return old
    message = f"{subject} has timed out progressing."
    return _dated(deployment, DeploymentCondition("Progressing", "False", _TIMED_OUT, message), now)


def is_complete(deployment: Deployment, status: DeploymentStatus) -> bool:
    """Whether all replicas are of the present template and available, and no other is left."""
    return status.updated_replicas == status.replicas == status.available_replicas == deployment.replicas


def _has_moved(old: DeploymentStatus, new: DeploymentStatus) -> bool:
    return (
        new.updated_replicas > old.updated_replicas
        or new.replicas - new.updated_replicas < old.replicas - old.updated_replicas
        or new.ready_replicas > old.ready_replicas
        or new.available_replicas > old.available_replicas
    )


def _deadline(deployment: Deployment, progress: DeploymentCondition) -> str:
    seconds = deployment.spec.progress_deadline_seconds
    since = datetime.fromisoformat(progress.last_update_time or "1970-01-01T00:00:00Z")
    ends = since + timedelta(seconds=PROGRESS_DEADLINE if seconds is None else seconds)
    return ends.strftime("%Y-%m-%dT%H:%M:%SZ")


def _condition(deployment: Deployment, type_: str) -> DeploymentCondition | None:
    return next((c for c in deployment.status.conditions or () if c.type == type_), None)


def _dated(deployment: Deployment, condition: DeploymentCondition, now: str) -> DeploymentCondition:
    """The condition with the times of the one it repeats, or new ones."""
    old = _condition(deployment, condition.type)
    if old and (old.status, old.reason, old.message) == (condition.status, condition.reason, condition.message):
        return old
    since = _since(old, condition.status, now)
    return structs.replace(condition, last_transition_time=since, last_update_time=now)


def _since(old: DeploymentCondition | None, status: str, now: str) -> str:
    return old.last_transition_time or now if old and old.status == status else now
