"""Jobs and CronJobs."""

from fairlead.model.document import Doc
from fairlead.model.objects import Condition, KubeObject, LabelSelector, Slim


class JobSpec(Slim, frozen=True):
    """Wanted state of a Job; times in seconds."""

    selector: LabelSelector = LabelSelector()
    parallelism: int = 1
    completions: int | None = None
    backoff_limit: int = 6
    active_deadline_seconds: int | None = None
    ttl_seconds_after_finished: int | None = None
    suspend: bool = False
    completion_mode: str = "NonIndexed"
    backoff_limit_per_index: int | None = None
    max_failed_indexes: int | None = None
    managed_by: str | None = None
    pod_failure_policy: Doc | None = None
    pod_replacement_policy: str | None = None
    success_policy: Doc | None = None
    template: Doc = {}


class JobStatus(Slim, frozen=True):
    """Observed state of a Job; ``completed_indexes`` and ``failed_indexes`` of an indexed one, such as ``0,2-4``."""

    active: int = 0
    ready: int = 0
    terminating: int | None = None
    succeeded: int = 0
    failed: int = 0
    completed_indexes: str | None = None
    failed_indexes: str | None = None
    start_time: str | None = None
    completion_time: str | None = None
    conditions: tuple[Condition, ...] | None = None


class Job(KubeObject, frozen=True):
    """A Job."""

    spec: JobSpec = JobSpec()
    status: JobStatus = JobStatus()


class CronJobSpec(Slim, frozen=True):
    """Wanted state of a CronJob; the deadline in seconds."""

    schedule: str = ""
    time_zone: str | None = None
    starting_deadline_seconds: int | None = None
    concurrency_policy: str = "Allow"
    suspend: bool = False
    job_template: Doc = {}
    successful_jobs_history_limit: int | None = None
    failed_jobs_history_limit: int | None = None


class CronJobStatus(Slim, frozen=True):
    """Observed state of a CronJob. ``active``: references to the Jobs that run."""

    active: tuple[Doc, ...] = ()
    last_schedule_time: str | None = None
    last_successful_time: str | None = None


class CronJob(KubeObject, frozen=True):
    """A CronJob."""

    spec: CronJobSpec = CronJobSpec()
    status: CronJobStatus = CronJobStatus()
