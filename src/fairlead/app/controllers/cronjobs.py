"""The CronJob controller. What to do is ``fairlead.workloads.cron_job``."""

from datetime import UTC, datetime
from typing import Any

import msgspec

from fairlead.app.controllers.context import ControllerContext
from fairlead.app.controllers.dependents import Dependents, OwnerKind, write_status
from fairlead.drivers.clock_text import now_text
from fairlead.drivers.kube.client import CRON_JOBS, JOBS, KubeError
from fairlead.drivers.kube.work_queue import WorkQueue
from fairlead.model.document import Doc
from fairlead.model.names import ObjectKey
from fairlead.model.objects import LabelSelector
from fairlead.model.workloads import CronJob, Job
from fairlead.workloads.claims import controller_reference
from fairlead.workloads.cron_job import CronPlan, job_name, plan_cron_job, scheduled_text
from fairlead.workloads.events import OF_JOBS

SCHEDULED_AT = "batch.kubernetes.io/cronjob-scheduled-timestamp"


class _Owners(OwnerKind):
    """CronJobs, which select nothing: a Job is theirs by its owner alone."""

    def selector(self, owner: Any) -> LabelSelector:
        return LabelSelector()


class CronJobController:
    """Keys are those of CronJobs."""

    name = "cronjob-controller"
    workers = 2

    def __init__(self, context: ControllerContext) -> None:
        self.queue: WorkQueue[ObjectKey] = WorkQueue(context.clock)
        self._context = context
        self._cron_jobs = context.watches.of(CRON_JOBS, CronJob)
        jobs = context.watches.of(JOBS, Job)
        self.needs = (self._cron_jobs, jobs)
        owner_kind = _Owners("batch/v1", "CronJob", self._cron_jobs)
        self._jobs: Dependents[Job] = Dependents(context, jobs, owner_kind, self.queue, self.name, OF_JOBS)
        self._cron_jobs.listen(self._changed)

    def _changed(self, _: CronJob | None, new: CronJob | None) -> None:
        if new:
            self.queue.add(new.key)

    async def reconcile(self, key: ObjectKey) -> None:
        """Start the Job whose time has come, delete those that are not kept, and say how the CronJob stands."""
        cron_job = self._cron_jobs.objects.get(key)
        if cron_job is None:
            return
        plan = plan_cron_job(cron_job, self._jobs.of(cron_job), datetime.fromisoformat(now_text()))
        for event in plan.events:
            self._jobs.record(cron_job, event)
        for job in plan.deletes:
            await self._jobs.delete(cron_job, job)
        await self._carry_on(cron_job, plan)
        if plan.again_in is not None:
            self.queue.add_later(key, max(0.1, plan.again_in))

    async def _carry_on(self, cron_job: CronJob, plan: CronPlan) -> None:
        status = plan.status
        if plan.start is not None:
            await self._make(cron_job, plan.start)
            seen = plan.start.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
            status = msgspec.structs.replace(status, last_schedule_time=seen)
        await write_status(self._context, self._cron_jobs, cron_job, status)

    async def _make(self, cron_job: CronJob, time: datetime) -> None:
        try:
            await self._jobs.create(cron_job, _document(cron_job, time))
        except KubeError as error:
            if error.code == 409:  # made by an earlier run that did not get to say so
                return
            raise


def _document(cron_job: CronJob, time: datetime) -> Doc:
    template = cron_job.spec.job_template
    given = template.get("metadata") or {}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": job_name(cron_job, time),
            "namespace": cron_job.namespace,
            "labels": given.get("labels") or {},
            "annotations": {**(given.get("annotations") or {}), SCHEDULED_AT: scheduled_text(cron_job, time)},
            "ownerReferences": [msgspec.to_builtins(controller_reference(cron_job, "batch/v1", "CronJob"))],
        },
        "spec": template.get("spec") or {},
    }
