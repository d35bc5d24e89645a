"""The controllers of ReplicaSets and ReplicationControllers, alike but for the kind.

What to do is ``fairlead.workloads.replicaset``.
"""

from fairlead.app.controllers.context import ControllerContext
from fairlead.app.controllers.dependents import Dependents, OwnerKind, write_status
from fairlead.app.controllers.watches import Watched
from fairlead.drivers.clock_text import now_text
from fairlead.drivers.kube.client import PODS, REPLICA_SETS, REPLICATION_CONTROLLERS
from fairlead.drivers.kube.work_queue import WorkQueue
from fairlead.model.document import Doc
from fairlead.model.names import ObjectKey
from fairlead.model.objects import Pod
from fairlead.model.workloads import ReplicaSet, Replicated, ReplicationController
from fairlead.workloads.claims import controller_reference
from fairlead.workloads.events import OF_PODS
from fairlead.workloads.pods import pod_document
from fairlead.workloads.replicaset import ReplicaPlan, observe_replicas, plan_replicas


class ReplicaSetController:
    """Keys are those of ReplicaSets."""

    name = "replicaset-controller"
    workers = 4
    resource, kind = REPLICA_SETS, "ReplicaSet"
    type_: type[Replicated] = ReplicaSet

    def __init__(self, context: ControllerContext) -> None:
        self.queue: WorkQueue[ObjectKey] = WorkQueue(context.clock)
        self._context = context
        self._sets: Watched[Replicated] = context.watches.of(self.resource, self.type_)
        pods = context.watches.of(PODS, Pod)
        self.needs = (self._sets, pods)
        owner_kind = OwnerKind(self.resource.group_version, self.kind, self._sets)
        self._pods: Dependents[Pod] = Dependents(context, pods, owner_kind, self.queue, self.name, OF_PODS)
        self._sets.listen(self._set_changed)

    def _set_changed(self, old: Replicated | None, new: Replicated | None) -> None:
        if new and not (old and old.spec == new.spec and old.is_terminating == new.is_terminating):
            self.queue.add(new.key)

    async def reconcile(self, key: ObjectKey) -> None:
        """Make what is missing, delete what is too much, and say how many there are."""
        replica_set = self._sets.objects.get(key)
        if replica_set is None:
            return
        mine = await self._pods.claimed(replica_set)
        await self._carry_out(replica_set, plan_replicas(replica_set, mine))
        status = observe_replicas(replica_set, self._pods.of(replica_set), now_text())
        await write_status(self._context, self._sets, replica_set, status)
        if status.available_replicas < status.ready_replicas:
            self.queue.add_later(key, 1.0)  # a ready Pod becomes available by time alone

    async def _carry_out(self, replica_set: Replicated, plan: ReplicaPlan) -> None:
        documents = [self._pod_document(replica_set) for _ in range(plan.creates)]
        await self._pods.create_many(replica_set, documents)
        for pod in plan.deletes:
            await self._pods.delete(replica_set, pod)

    def _pod_document(self, replica_set: Replicated) -> Doc:
        owner = controller_reference(replica_set, self.resource.group_version, self.kind)
        document = pod_document(replica_set.spec.template, replica_set.namespace, owner)
        document["metadata"]["generateName"] = f"{replica_set.name}-"
        return document


class ReplicationControllerController(ReplicaSetController):
    """Keys are those of ReplicationControllers. Upstream: ``pkg/controller/replication``."""

    name = "replication-controller"
    resource, kind = REPLICATION_CONTROLLERS, "ReplicationController"
    type_ = ReplicationController
