"""The StatefulSet controller. What to do is ``fairlead.workloads.statefulset`` and ``history``."""

from fairlead.app.controllers.context import Context
from fairlead.app.controllers.dependents import Dependents, OwnerKind, write_status
from fairlead.drivers.clock_text import now_text
from fairlead.drivers.event_recorder import Happening
from fairlead.drivers.kube_client import CONTROLLER_REVISIONS, PODS, STATEFUL_SETS
from fairlead.drivers.work_queue import WorkQueue
from fairlead.model.names import ObjectKey
from fairlead.model.objects import Pod
from fairlead.model.workloads import ControllerRevision, StatefulSet
from fairlead.workloads.history import forgettable, plan_history, revisions_of, template_of
from fairlead.workloads.statefulset import REVISION_LABEL, StatefulPlan, make_pod, observe_pods, ordinal_of, plan_pods


class StatefulSetController:
    """Keys are those of StatefulSets."""

    name = "statefulset-controller"
    workers = 2

    def __init__(self, context: Context) -> None:
        self.queue: WorkQueue[ObjectKey] = WorkQueue(context.clock)
        self._context = context
        self._sets = context.watches.of(STATEFUL_SETS, StatefulSet)
        pods = context.watches.of(PODS, Pod)
        revisions = context.watches.of(CONTROLLER_REVISIONS, ControllerRevision)
        self.needs = (self._sets, pods, revisions)
        owner_kind = OwnerKind("apps/v1", "StatefulSet", self._sets)
        self._pods: Dependents[Pod] = Dependents(context, pods, owner_kind, self.queue, self.name)
        self._revisions: Dependents[ControllerRevision] = Dependents(
            context, revisions, owner_kind, self.queue, self.name
        )
        self._sets.listen(self._set_changed)

    def _set_changed(self, _: StatefulSet | None, new: StatefulSet | None) -> None:
        if new:
            self.queue.add(new.key)

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
        pods = self._pods.of(stateful_set)
        status = observe_pods(stateful_set, pods, revisions, now_text())
        await write_status(self._context, self._sets, stateful_set, status)
        used = {*revisions, *(pod.labels.get(REVISION_LABEL, "") for pod in pods)}
        for revision in forgettable(stateful_set, known, used):
            await self._revisions.delete(revision)
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
        documents = [
            make_pod(stateful_set, replica, template_of(stateful_set, replica.revision, known))
            for replica in plan.creates
        ]
        for pod in await self._pods.create_many(stateful_set, documents):
            message = f"create Pod {pod.name} in StatefulSet {stateful_set.name} successful"
            self._pods.say(stateful_set, Happening("SuccessfulCreate", message))
        for pod in plan.deletes:
            await self._pods.delete(pod)
            message = f"delete Pod {pod.name} in StatefulSet {stateful_set.name} successful"
            self._pods.say(stateful_set, Happening("SuccessfulDelete", message))
