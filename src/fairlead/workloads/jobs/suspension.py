"""A suspended Job has no Pods and the condition Suspended. Its time starts again when it is resumed.

Upstream: ``ensureJobConditionStatus`` in ``pkg/controller/job/job_controller.go``; KEP-2232.
"""

from msgspec import structs

from fairlead.model.objects import Condition
from fairlead.model.workloads import Job, JobStatus

_TYPE = "Suspended"


def with_suspended_condition(job: Job, status: JobStatus, now: str) -> JobStatus:
    """The status with the condition Suspended; without it for a Job that was never suspended."""
    others = tuple(c for c in status.conditions or () if c.type != _TYPE)
    was = has_suspended_condition(status)
    if job.spec.suspend == was:
        return status
    if job.spec.suspend:
        condition = Condition(_TYPE, "True", "JobSuspended", "Job suspended", now)
        return structs.replace(status, conditions=(*others, condition))
    condition = Condition(_TYPE, "False", "JobResumed", "Job resumed", now)
    return structs.replace(status, conditions=(*others, condition), start_time=now)


def has_suspended_condition(status: JobStatus) -> bool:
    return any(c.type == _TYPE and c.status == "True" for c in status.conditions or ())
