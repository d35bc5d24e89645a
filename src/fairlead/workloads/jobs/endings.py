"""When a Job ends, and how it says so: what decides it first, and the end itself once no process of it is left.

Upstream: ``syncJob`` and ``enactJobFinished`` in ``pkg/controller/job/job_controller.go``; KEP-3998, KEP-4368.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from fairlead.model.objects import Condition, Pod
from fairlead.model.workloads import Job, JobStatus
from fairlead.workloads.jobs.policies import Failures, sufficient_rule

_ENDS = ("Complete", "Failed")
_DECISIONS = {"SuccessCriteriaMet": "Complete", "FailureTarget": "Failed"}  # the end that follows each


class EndReason(NamedTuple):
    """Why a Job ends: type, reason and message of the first condition about its end."""

    type: str
    reason: str
    message: str


_TOO_MANY = EndReason("FailureTarget", "BackoffLimitExceeded", "Job has reached the specified backoff limit")
_TOO_LONG = EndReason("FailureTarget", "DeadlineExceeded", "Job was active longer than specified deadline")
_TOO_MANY_INDEXES = EndReason(
    "FailureTarget", "MaxFailedIndexesExceeded", "Job has exceeded the specified maximal number of failed indexes"
)
_FAILED_INDEXES = EndReason("FailureTarget", "FailedIndexes", "Job has failed indexes")
_DONE = EndReason("SuccessCriteriaMet", "CompletionsReached", "Reached expected number of succeeded pods")


def is_over(job: Job) -> bool:
    """Whether the Job has ended, well or not."""
    return any(c.type in _ENDS and c.status == "True" for c in job.status.conditions or ())


def expires_at(job: Job) -> datetime | None:
    """When a Job that has ended is to be deleted; None for never."""
    if job.spec.ttl_seconds_after_finished is None or not is_over(job):
        return None
    ended = next(c.last_transition_time for c in job.status.conditions or () if c.type in _ENDS)
    return datetime.fromisoformat(ended or "1970-01-01T00:00:00Z") + timedelta(
        seconds=job.spec.ttl_seconds_after_finished
    )


def deadline_of(job: Job, status: JobStatus) -> datetime | None:
    """When the Job has been active for too long; None for never. Time does not count while it is suspended."""
    if job.spec.active_deadline_seconds is None or status.start_time is None or job.spec.suspend:
        return None
    return datetime.fromisoformat(status.start_time) + timedelta(seconds=job.spec.active_deadline_seconds)


def verdict(
    job: Job, status: JobStatus, failures: Failures, done: frozenset[int], mine: Sequence[Pod], now: str
) -> EndReason | None:
    """The reason for which the Job ends, or None; a decision is final.

    Args:
        status: what has been observed of its Pods.
        done: indexes that are completed.
    """
    for condition in job.status.conditions or ():
        if condition.type in _DECISIONS and condition.status == "True":
            return EndReason(condition.type, condition.reason, condition.message)
    if failures.message:
        return EndReason("FailureTarget", "PodFailurePolicy", failures.message)
    if status.failed > job.spec.backoff_limit or _restarted_too_often(job, mine):
        return _TOO_MANY
    deadline = deadline_of(job, status)
    if deadline and deadline <= datetime.fromisoformat(now):
        return _TOO_LONG
    return _by_index(job, failures, done) or (_DONE if _is_done(job, status) else None)


def _restarted_too_often(job: Job, mine: Sequence[Pod]) -> bool:
    """Whether the containers of Pods that are not over have been restarted so often that this counts as failure."""
    if job.spec.template.get("spec", {}).get("restartPolicy") != "OnFailure":
        return False
    statuses = [
        status
        for pod in mine
        if not pod.is_finished
        for status in (*(pod.status.init_container_statuses or ()), *(pod.status.container_statuses or ()))
    ]
    restarts = sum(status.restart_count for status in statuses)
    return restarts >= max(1, job.spec.backoff_limit)


def _by_index(job: Job, failures: Failures, done: frozenset[int]) -> EndReason | None:
    most, failed = job.spec.max_failed_indexes, failures.indexes
    if most is not None and len(failed) > most:
        return _TOO_MANY_INDEXES
    if failed and len(done | failed) >= (job.spec.completions or 0):
        return _FAILED_INDEXES
    if (rule := sufficient_rule(job, done)) is not None:
        return EndReason("SuccessCriteriaMet", "SuccessPolicy", f"Matched rules at index {rule}")
    return None


def _is_done(job: Job, status: JobStatus) -> bool:
    if job.spec.completions is None:
        return bool(status.succeeded) and not status.active
    return status.succeeded >= job.spec.completions


def ended(status: JobStatus, found: EndReason, now: str) -> JobStatus:
    """The status of a Job that ends: with the decision, and with the end itself if none of its Pods is left."""
    conditions = tuple(c for c in status.conditions or () if c.type not in {found.type, *_ENDS})
    decided = next((c for c in status.conditions or () if c.type == found.type and c.status == "True"), None)
    conditions += (decided or Condition(found.type, "True", found.reason, found.message, now),)
    end = _DECISIONS[found.type]
    is_over_now = not (status.active or status.terminating)
    if is_over_now:
        conditions += (Condition(end, "True", found.reason, found.message, now),)
    return JobStatus(
        succeeded=status.succeeded,
        failed=status.failed,
        terminating=status.active + (status.terminating or 0),
        completed_indexes=status.completed_indexes,
        failed_indexes=status.failed_indexes,
        start_time=status.start_time,
        completion_time=now if is_over_now and end == "Complete" else None,
        conditions=conditions,
    )
