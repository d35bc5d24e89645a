"""The Job controller. What to do is ``fairlead.workloads.jobs.plan``."""

from datetime import datetime

from fairlead.app.controllers.context import ControllerContext
from fairlead.app.controllers.dependents import Dependents, OwnerKind, write_status
from fairlead.drivers.clock_text import now_text
from fairlead.drivers.kube.client import JOBS, PODS, KubeError
from fairlead.drivers.kube.work_queue import WorkQueue
from fairlead.model.document import Doc
from fairlead.model.names import ObjectKey
from fairlead.model.objects import Pod
from fairlead.model.workloads import Job
from fairlead.workloads.claims import controller_reference
from fairlead.workloads.events import OF_PODS, job_events
from fairlead.workloads.jobs.endings import expires_at
from fairlead.workloads.jobs.indexes import give_index
from fairlead.workloads.jobs.past import Past, past_of, with_gone
from fairlead.workloads.jobs.plan import JobPlan, plan_job
from fairlead.workloads.jobs.policies import is_managed_here
from fairlead.workloads.pods import pod_document


class JobController:
    """Keys are those of Jobs."""

    name = "job-controller"
    workers = 2

    def __init__(self, context: ControllerContext) -> None:
        self.queue: WorkQueue[ObjectKey] = WorkQueue(context.clock)
        self._context = context
        self._jobs = context.watches.of(JOBS, Job)
        pods = context.watches.of(PODS, Pod)
        self.needs = (self._jobs, pods)
        owner_kind = OwnerKind("batch/v1", "Job", self._jobs)
        pods.listen(self._pod_changed)
        self._past: dict[str, Past] = {}  # by the Job's UID
        self._let_go: set[str] = set()  # UIDs of Pods that were deleted here: how they end does not count
        self._pods: Dependents[Pod] = Dependents(context, pods, owner_kind, self.queue, self.name, OF_PODS)
        self._jobs.listen(self._job_changed)

    def _job_changed(self, old: Job | None, new: Job | None) -> None:
        if old and (new is None or new.metadata.uid != old.metadata.uid):
            self._past.pop(old.metadata.uid, None)
        if new:
            self.queue.add(new.key)

    def _pod_changed(self, old: Pod | None, new: Pod | None) -> None:
        """Count a Pod that is gone."""
        if old is None or (new and new.metadata.uid == old.metadata.uid):
            return
        owner, is_let_go = old.controller, old.metadata.uid in self._let_go
        self._let_go.discard(old.metadata.uid)
        if is_let_go or owner is None or owner.uid not in self._past:
            return
        job = self._jobs.objects.get(ObjectKey(old.namespace, owner.name))
        if job and job.metadata.uid == owner.uid:
            self._past[owner.uid] = with_gone(self._past[owner.uid], job, old)

    async def reconcile(self, key: ObjectKey) -> None:
        """Start and delete Pods, say how the Job stands, and delete it when its time is up."""
        job = self._jobs.objects.get(key)
        if job is None or job.is_terminating or not is_managed_here(job):
            return
        claimed = await self._pods.claimed(job)
        mine = [pod for pod in claimed if not (pod.is_finished and pod.metadata.uid in self._let_go)]
        past = self._past.setdefault(job.metadata.uid, past_of(job, mine))
        plan = plan_job(job, mine, now_text(), past)
        await self._carry_out(job, plan)
        await write_status(self._context, self._jobs, job, plan.status)
        for event in job_events(job, plan.status):
            self._pods.record(job, event)
        if plan.again_in is not None:
            self.queue.add_later(key, max(0.1, plan.again_in))
        await self._expire(self._jobs.objects.get(key, job))

    async def _carry_out(self, job: Job, plan: JobPlan) -> None:
        await self._pods.create_many(job, [self._pod_document(job, i) for i in plan.creates])
        for pod in plan.deletes:
            self._let_go.add(pod.metadata.uid)
            await self._pods.delete(job, pod)

    def _pod_document(self, job: Job, index: int | None) -> Doc:
        document = pod_document(job.spec.template, job.namespace, controller_reference(job, "batch/v1", "Job"))
        document["metadata"]["generateName"] = f"{job.name}-"
        if index is not None:
            give_index(document, job.name, index)
        return document

    async def _expire(self, job: Job) -> None:
        moment = expires_at(job)
        if moment is None:
            return
        left = (moment - datetime.fromisoformat(now_text())).total_seconds()
        if left > 0:
            self.queue.add_later(job.key, left)
            return
        options = {"propagationPolicy": "Background", "preconditions": {"uid": job.metadata.uid}}
        try:
            await self._context.client.delete(JOBS.path(job.namespace, job.name), options)
        except KubeError as error:
            if error.code not in (404, 409):
                raise
