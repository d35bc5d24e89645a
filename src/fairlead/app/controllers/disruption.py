"""The disruption controller: keeps in each budget's status how many Pods may be evicted now.

What that number is, ``fairlead.workloads.disruption`` says. The API server takes one off with every eviction that it
lets pass, and this controller finds the true number again.
"""

import msgspec

from fairlead.app.controllers.context import ControllerContext
from fairlead.drivers.clock_text import now_text
from fairlead.drivers.kube.client import DISRUPTION_BUDGETS, PODS, REPLICA_SETS, REPLICATION_CONTROLLERS, STATEFUL_SETS
from fairlead.drivers.kube.work_queue import WorkQueue
from fairlead.model.names import ObjectKey
from fairlead.model.objects import KubeObject, Pod, latest
from fairlead.model.workloads import (
    DisruptionBudgetStatus,
    PodDisruptionBudget,
    ReplicaSet,
    ReplicationController,
    StatefulSet,
)
from fairlead.workloads.disruption import DELETION_TIMEOUT, observe_budget


class DisruptionController:
    """Keys are those of budgets."""

    name = "disruption-controller"
    workers = 1

    def __init__(self, context: ControllerContext) -> None:
        self.queue: WorkQueue[ObjectKey] = WorkQueue(context.clock)
        self._client = context.client
        self._budgets = context.watches.of(DISRUPTION_BUDGETS, PodDisruptionBudget)
        self._pods = context.watches.of(PODS, Pod)
        self._scaled = (
            context.watches.of(REPLICA_SETS, ReplicaSet),
            context.watches.of(REPLICATION_CONTROLLERS, ReplicationController),
            context.watches.of(STATEFUL_SETS, StatefulSet),
        )
        self.needs = (self._budgets, self._pods, *self._scaled)
        self._budgets.listen(self._budget_changed)
        self._pods.listen(self._pod_changed)
        for scaled in self._scaled:
            scaled.listen(self._something_changed)

    def _budget_changed(self, _: PodDisruptionBudget | None, new: PodDisruptionBudget | None) -> None:
        if new:
            self.queue.add(new.key)

    def _pod_changed(self, old: Pod | None, new: Pod | None) -> None:
        for pod in (old, new):
            for budget in self._budgets.objects.values() if pod else ():
                if pod and budget.selects(pod):
                    self.queue.add(budget.key)

    def _something_changed(self, old: KubeObject | None, new: KubeObject | None) -> None:
        namespace = latest(old, new).namespace
        for key in self._budgets.objects:
            if key.namespace == namespace:
                self.queue.add(key)

    async def reconcile(self, key: ObjectKey) -> None:
        """Say how many Pods may go."""
        budget = self._budgets.objects.get(key)
        if budget is None:
            return
        pods = [pod for pod in self._pods.objects.values() if budget.selects(pod)]
        wanted = {owner.metadata.uid: owner.replicas for kind in self._scaled for owner in kind.objects.values()}
        status = observe_budget(budget, pods, wanted, now_text())
        if status != budget.status:
            await self._write(budget, status)
        if status.disrupted_pods:
            self.queue.add_later(key, DELETION_TIMEOUT.total_seconds())

    async def _write(self, budget: PodDisruptionBudget, status: DisruptionBudgetStatus) -> None:
        """Write the status. If an eviction has changed the budget since it was read, this fails and is repeated."""
        fields = {field.encode_name: getattr(status, field.name) for field in msgspec.structs.fields(status)}
        gone = dict.fromkeys(budget.status.disrupted_pods or ())
        document = {**fields, "disruptedPods": {**gone, **(status.disrupted_pods or {})}}
        path = DISRUPTION_BUDGETS.path(budget.namespace, budget.name, "status")
        seen = {"resourceVersion": budget.metadata.resource_version}
        self._budgets.learn(await self._client.patch(path, {"metadata": seen, "status": document}))
