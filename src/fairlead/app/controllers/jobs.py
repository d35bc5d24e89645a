"""The Job controller. What to do is ``fairlead.workloads.job``."""

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
from fairlead.workloads.job import JobPlan, expires_at, plan_job
from fairlead.workloads.job_indexes import give_index
from fairlead.workloads.job_policies import is_managed_here
from fairlead.workloads.pods import pod_document
from fairlead.workloads.sayings import OF_PODS, job_sayings


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
        self._pods: Dependents[Pod] = Dependents(context, pods, owner_kind, self.queue, self.name, OF_PODS)
        self._jobs.listen(self._job_changed)

    def _job_changed(self, _: Job | None, new: Job | None) -> None:
        if new:
            self.queue.add(new.key)

    async def reconcile(self, key: ObjectKey) -> None:
        """Start and delete Pods, say how the Job stands, and delete it when its time is up."""
        job = self._jobs.objects.get(key)
        if job is None or job.is_terminating or not is_managed_here(job):
            return
        plan = plan_job(job, await self._pods.claimed(job), now_text())
        await self._carry_out(job, plan)
        await write_status(self._context, self._jobs, job, plan.status)
        for saying in job_sayings(job, plan.status):
            self._pods.say(job, saying)
        if plan.again_in is not None:
            self.queue.add_later(key, max(0.1, plan.again_in))
        await self._expire(self._jobs.objects.get(key, job))

    async def _carry_out(self, job: Job, plan: JobPlan) -> None:
        await self._pods.create_many(job, [self._pod_document(job, i) for i in plan.creates])
        for pod in plan.deletes:
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
