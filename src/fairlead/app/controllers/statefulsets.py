"""The StatefulSet controller. What to do is ``fairlead.workloads.statefulset`` and ``history``."""

from msgspec import to_builtins

from fairlead.app.controllers.context import ControllerContext
from fairlead.app.controllers.dependents import Dependents, OwnerKind, write_status
from fairlead.drivers.clock_text import now_text
from fairlead.drivers.kube.client import CONTROLLER_REVISIONS, PERSISTENT_VOLUME_CLAIMS, PODS, STATEFUL_SETS, KubeError
from fairlead.drivers.kube.work_queue import WorkQueue
from fairlead.model.events import EventText
from fairlead.model.names import ObjectKey
from fairlead.model.objects import Pod
from fairlead.model.storage import PersistentVolumeClaim
from fairlead.model.workloads import ControllerRevision, StatefulSet
from fairlead.workloads.events import OF_STATEFUL_PODS, replica_ended
from fairlead.workloads.history import plan_history, revisions_of, surplus_revisions, template_of
from fairlead.workloads.statefulset import (
    REVISION_LABEL,
    StatefulPlan,
    claim_names,
    claim_owners,
    claims_to_delete,
    is_wanted,
    make_claims,
    make_pod,
    observe_pods,
    ordinal_of,
    plan_pods,
)


class StatefulSetController:
    """Keys are those of StatefulSets."""

    name = "statefulset-controller"
    workers = 2

    def __init__(self, context: ControllerContext) -> None:
        self.queue: WorkQueue[ObjectKey] = WorkQueue(context.clock)
        self._context = context
        self._claims = context.watches.of(PERSISTENT_VOLUME_CLAIMS, PersistentVolumeClaim)
        self._sets = context.watches.of(STATEFUL_SETS, StatefulSet)
        pods = context.watches.of(PODS, Pod)
        revisions = context.watches.of(CONTROLLER_REVISIONS, ControllerRevision)
        self.needs = (self._sets, pods, revisions, self._claims)
        owner_kind = OwnerKind("apps/v1", "StatefulSet", self._sets)
        self._pods: Dependents[Pod] = Dependents(context, pods, owner_kind, self.queue, self.name, OF_STATEFUL_PODS)
        self._revisions: Dependents[ControllerRevision] = Dependents(
            context, revisions, owner_kind, self.queue, self.name
        )
        self._sets.listen(self._set_changed)
        self._claims.listen(self._claim_changed)

    def _set_changed(self, _: StatefulSet | None, new: StatefulSet | None) -> None:
        if new:
            self.queue.add(new.key)

    def _claim_changed(self, old: PersistentVolumeClaim | None, new: PersistentVolumeClaim | None) -> None:
        """Queue the sets that a deleted claim can belong to; sets with claims in one namespace are few."""
        for wanted in self._sets.objects.values() if new is None else ():
            if old and wanted.namespace == old.namespace and wanted.spec.volume_claim_templates:
                self.queue.add(wanted.key)

    async def reconcile(self, key: ObjectKey) -> None:
        """One step: remember the template, make or delete what comes next, and say how things are."""
        stateful_set = self._sets.objects.get(key)
        if stateful_set is None or stateful_set.is_terminating:
            return
        await self._remember(stateful_set)
        known = self._revisions.of(stateful_set)
        mine = await self._pods.claimed(stateful_set, lambda pod: ordinal_of(stateful_set, pod) is not None)
        revisions = revisions_of(stateful_set, known)
        await self._carry_out(stateful_set, plan_pods(stateful_set, mine, revisions, now_text()), known)
        await self._keep_claims(stateful_set)
        pods = self._pods.of(stateful_set)
        status = observe_pods(stateful_set, pods, revisions, now_text())
        await write_status(self._context, self._sets, stateful_set, status)
        used = {*revisions, *(pod.labels.get(REVISION_LABEL, "") for pod in pods)}
        for revision in surplus_revisions(stateful_set, known, used):
            await self._revisions.delete(stateful_set, revision)
        if status.available_replicas < status.ready_replicas:
            self.queue.add_later(key, 1.0)  # a ready Pod becomes available by time alone

    async def _remember(self, stateful_set: StatefulSet) -> None:
        plan = plan_history(stateful_set, await self._revisions.claimed(stateful_set))
        if plan.create:
            await self._revisions.create(stateful_set, plan.create)
        elif plan.renumber:
            await self._revisions.patch(plan.renumber, {"revision": plan.number})

    async def _carry_out(
        self, stateful_set: StatefulSet, plan: StatefulPlan, known: tuple[ControllerRevision, ...]
    ) -> None:
        for replica in plan.creates:
            await self._make_claims(stateful_set, replica.ordinal)
        documents = [
            make_pod(stateful_set, replica, template_of(stateful_set, replica.revision, known))
            for replica in plan.creates
        ]
        await self._pods.create_many(stateful_set, documents)
        for pod in plan.deletes:
            await self._forsake(stateful_set, pod)
            if is_wanted(stateful_set, pod) and pod.is_finished:
                self._pods.record(stateful_set, replica_ended(pod, stateful_set.name))
            await self._pods.delete(stateful_set, pod)

    async def _make_claims(self, stateful_set: StatefulSet, ordinal: int) -> None:
        """Create a Pod's missing claims before the Pod; existing claims keep their content."""
        for document in make_claims(stateful_set, ordinal):
            name = document["metadata"]["name"]
            if ObjectKey(stateful_set.namespace, name) in self._claims.objects:
                continue
            message = f"create Claim {name} Pod {stateful_set.name}-{ordinal} in StatefulSet {stateful_set.name}"
            try:
                created = await self._context.client.create(
                    self._claims.resource.path(stateful_set.namespace), document
                )
            except KubeError as error:
                if error.reason == "AlreadyExists":
                    continue
                self._pods.record(
                    stateful_set, EventText("FailedCreate", f"{message} failed error: {error}", "Warning")
                )
                raise
            self._claims.learn(created)
            self._pods.record(stateful_set, EventText("SuccessfulCreate", f"{message} success"))

    async def _keep_claims(self, stateful_set: StatefulSet) -> None:
        """Make the claims that a Pod waits for once more, and have all of them belong to the set, or not, as its
        retention policy says."""
        for pod in self._pods.of(stateful_set):
            ordinal = ordinal_of(stateful_set, pod)
            if ordinal is None or pod.is_terminating:
                continue
            if not pod.spec.node_name:
                await self._make_claims(stateful_set, ordinal)
            for name in claim_names(stateful_set, ordinal):
                await self._own(stateful_set, ObjectKey(stateful_set.namespace, name))

    async def _own(self, stateful_set: StatefulSet, key: ObjectKey) -> None:
        claim = self._claims.objects.get(key)
        if claim is None or claim_owners(stateful_set, claim) == (claim.metadata.owner_references or ()):
            return
        owners = [to_builtins(owner) for owner in claim_owners(stateful_set, claim)]
        seen = {"uid": claim.metadata.uid, "resourceVersion": claim.metadata.resource_version}
        patch = {"metadata": {**seen, "ownerReferences": owners}}
        self._claims.learn(await self._context.client.patch(self._claims.resource.path(*key), patch))

    async def _forsake(self, stateful_set: StatefulSet, pod: Pod) -> None:
        """Delete the claims that are to go with a Pod, before it: they stay for as long as it uses them."""
        for name in claims_to_delete(stateful_set, pod):
            try:
                await self._context.client.delete(self._claims.resource.path(stateful_set.namespace, name))
            except KubeError as error:
                if error.code != 404:
                    raise
