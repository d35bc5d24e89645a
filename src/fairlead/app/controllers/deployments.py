"""The Deployment controller. What to do is ``fairlead.workloads.deployment``."""

import msgspec

from fairlead.app.controllers.context import ControllerContext
from fairlead.app.controllers.dependents import Dependents, OwnerKind, write_status
from fairlead.drivers.clock_text import now_text
from fairlead.drivers.kube.client import DEPLOYMENTS, PODS, REPLICA_SETS
from fairlead.drivers.kube.work_queue import WorkQueue
from fairlead.model.document import Doc
from fairlead.model.events import EventText
from fairlead.model.names import ObjectKey
from fairlead.model.objects import Pod
from fairlead.model.workloads import Deployment, ReplicaSet
from fairlead.workloads.claims import OwnedIndex
from fairlead.workloads.deployment import (
    PROGRESS_DEADLINE,
    REVISION,
    RolloutPlan,
    find_rollout,
    is_complete,
    observe_rollout,
    plan_rollout,
)
from fairlead.workloads.events import OF_REPLICA_SETS


class DeploymentController:
    """Keys are those of Deployments."""

    name = "deployment-controller"
    workers = 2

    def __init__(self, context: ControllerContext) -> None:
        self.queue: WorkQueue[ObjectKey] = WorkQueue(context.clock)
        self._context = context
        self._deployments = context.watches.of(DEPLOYMENTS, Deployment)
        sets = context.watches.of(REPLICA_SETS, ReplicaSet)
        pods = context.watches.of(PODS, Pod)
        self.needs = (self._deployments, sets, pods)
        owner_kind = OwnerKind("apps/v1", "Deployment", self._deployments)
        self._sets: Dependents[ReplicaSet] = Dependents(
            context, sets, owner_kind, self.queue, self.name, OF_REPLICA_SETS
        )
        self._all_sets = sets
        self._pods: OwnedIndex[Pod] = OwnedIndex()
        self._deployments.listen(self._deployment_changed)
        pods.listen(self._pod_changed)

    def _deployment_changed(self, _: Deployment | None, new: Deployment | None) -> None:
        if new:
            self.queue.add(new.key)

    def _pod_changed(self, old: Pod | None, new: Pod | None) -> None:
        """A Pod that is gone may be what a Recreate rollout waited for."""
        self._pods.put(old, new)
        owner = old.controller if old and new is None else None
        if old and owner and owner.kind == "ReplicaSet":
            replica_set = self._all_sets.objects.get(ObjectKey(old.namespace, owner.name))
            if replica_set and replica_set.controller:
                self.queue.add(ObjectKey(old.namespace, replica_set.controller.name))

    async def reconcile(self, key: ObjectKey) -> None:
        """One step of the rollout, and the status as it is after that."""
        deployment = self._deployments.objects.get(key)
        if deployment is None:
            return
        mine = await self._sets.claimed(deployment)
        old = find_rollout(deployment, mine).old
        old_pods = sum(1 for rs in old for pod in self._pods.owned_by(rs) if not pod.is_finished)
        await self._carry_out(deployment, plan_rollout(deployment, mine, old_pods))
        status = observe_rollout(deployment, self._sets.of(deployment), now_text())
        await write_status(self._context, self._deployments, deployment, status)
        if not is_complete(deployment, status):
            self.queue.add_later(key, (deployment.spec.progress_deadline_seconds or PROGRESS_DEADLINE) + 1.0)

    async def _carry_out(self, deployment: Deployment, plan: RolloutPlan) -> None:
        if plan.create:
            await self._sets.create(deployment, _document(plan.create))
            self._say_scaled(deployment, plan.create.name, 0, plan.create.replicas)
        for name in {**plan.annotations, **plan.sizes}:
            await self._change(deployment, name, plan)
        for replica_set in plan.deletes:
            await self._sets.delete(deployment, replica_set)
        if plan.revision and deployment.annotations.get(REVISION) != plan.revision:
            path = DEPLOYMENTS.path(deployment.namespace, deployment.name)
            await self._context.client.patch(path, {"metadata": {"annotations": {REVISION: plan.revision}}})

    async def _change(self, deployment: Deployment, name: str, plan: RolloutPlan) -> None:
        replica_set = self._all_sets.objects[ObjectKey(deployment.namespace, name)]
        change: Doc = {"metadata": {"annotations": dict(plan.annotations.get(name, {}))}}
        if name in plan.sizes:
            change["spec"] = {"replicas": plan.sizes[name]}
        await self._sets.patch(replica_set, change)
        self._say_scaled(deployment, name, replica_set.replicas, plan.sizes.get(name, replica_set.replicas))

    def _say_scaled(self, deployment: Deployment, name: str, before: int, after: int) -> None:
        if before != after:
            direction = "up" if after > before else "down"
            message = f"Scaled {direction} replica set {name} from {before} to {after}"
            self._sets.record(deployment, EventText("ScalingReplicaSet", message))


def _document(replica_set: ReplicaSet) -> Doc:
    document: Doc = msgspec.to_builtins(replica_set)
    document.pop("status", None)
    document["spec"]["replicas"] = replica_set.replicas
    return {"apiVersion": "apps/v1", "kind": "ReplicaSet", **document}
