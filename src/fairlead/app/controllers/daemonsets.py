"""The DaemonSet controller. What to do is ``fairlead.workloads.daemonset`` and ``history``."""

from fairlead.app.controllers.context import ControllerContext
from fairlead.app.controllers.dependents import Dependents, OwnerKind, write_status
from fairlead.drivers.clock_text import now_text
from fairlead.drivers.kube.client import CONTROLLER_REVISIONS, DAEMON_SETS, NODES, PODS
from fairlead.drivers.kube.work_queue import WorkQueue
from fairlead.model.names import ObjectKey
from fairlead.model.objects import Node, Pod
from fairlead.model.workloads import ControllerRevision, DaemonSet
from fairlead.workloads.daemonset import DaemonPlan, make_daemon, node_of, observe_daemons, plan_daemons
from fairlead.workloads.events import OF_PODS, daemon_ended
from fairlead.workloads.history import plan_history, surplus_revisions, update_revision
from fairlead.workloads.statefulset import REVISION_LABEL


class DaemonSetController:
    """Keys are those of DaemonSets."""

    name = "daemonset-controller"
    workers = 2

    def __init__(self, context: ControllerContext) -> None:
        self.queue: WorkQueue[ObjectKey] = WorkQueue(context.clock)
        self._context = context
        self._sets = context.watches.of(DAEMON_SETS, DaemonSet)
        self._nodes = context.watches.of(NODES, Node)
        pods = context.watches.of(PODS, Pod)
        revisions = context.watches.of(CONTROLLER_REVISIONS, ControllerRevision)
        self.needs = (self._sets, self._nodes, pods, revisions)
        owner_kind = OwnerKind("apps/v1", "DaemonSet", self._sets)
        self._pods: Dependents[Pod] = Dependents(context, pods, owner_kind, self.queue, self.name, OF_PODS)
        self._revisions: Dependents[ControllerRevision] = Dependents(
            context, revisions, owner_kind, self.queue, self.name
        )
        self._sets.listen(self._set_changed)
        self._nodes.listen(self._node_changed)

    def _set_changed(self, old: DaemonSet | None, new: DaemonSet | None) -> None:
        if new and not (old and old.spec == new.spec and old.is_terminating == new.is_terminating):
            self.queue.add(new.key)

    def _node_changed(self, old: Node | None, new: Node | None) -> None:
        """Heartbeats do not matter: only who a Node lets in does."""
        if not (old and new and (old.labels, old.spec) == (new.labels, new.spec)):
            for key in self._sets.objects:
                self.queue.add(key)

    async def reconcile(self, key: ObjectKey) -> None:
        """One step: remember the template, make and delete Pods, and say how many Nodes have one."""
        daemon_set = self._sets.objects.get(key)
        if daemon_set is None or daemon_set.is_terminating:
            return
        await self._remember(daemon_set)
        mine, nodes = await self._pods.claimed(daemon_set), tuple(self._nodes.objects.values())
        await self._carry_out(daemon_set, plan_daemons(daemon_set, nodes, mine, now_text()))
        pods = self._pods.of(daemon_set)
        status = observe_daemons(daemon_set, nodes, pods, now_text())
        await write_status(self._context, self._sets, daemon_set, status)
        used = {update_revision(daemon_set), *(f"{key.name}-{pod.labels.get(REVISION_LABEL)}" for pod in pods)}
        for revision in surplus_revisions(daemon_set, self._revisions.of(daemon_set), used):
            await self._revisions.delete(daemon_set, revision)
        if status.number_available < status.number_ready:
            self.queue.add_later(key, 1.0)  # a ready Pod becomes available by time alone

    async def _remember(self, daemon_set: DaemonSet) -> None:
        plan = plan_history(daemon_set, await self._revisions.claimed(daemon_set))
        if plan.create:
            await self._revisions.create(daemon_set, plan.create)
        elif plan.renumber:
            await self._revisions.patch(plan.renumber, {"revision": plan.number})

    async def _carry_out(self, daemon_set: DaemonSet, plan: DaemonPlan) -> None:
        documents = [make_daemon(daemon_set, node) for node in plan.creates]
        await self._pods.create_many(daemon_set, documents)
        for pod in plan.deletes:
            if pod.is_finished:
                self._pods.record(daemon_set, daemon_ended(pod, node_of(pod)))
            await self._pods.delete(daemon_set, pod)
