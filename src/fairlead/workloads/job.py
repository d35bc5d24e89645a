"""How many Pods of a Job to start, which to delete, and whether it is done.

A Job wants ``completions`` Pods that end well, ``parallelism`` of them at a time; after a Pod that failed the next one
waits, longer each time. Only the Pods that are there are counted: who deletes one that has ended has its work done
again, unless the Job is indexed (``job_indexes``).
Upstream: ``pkg/controller/job/job_controller.go``; deletion after a while ``pkg/controller/ttlafterfinished``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from fairlead.model.objects import Condition, Pod
from fairlead.model.workloads import Job, JobStatus
from fairlead.workloads.job_indexes import completed_indexes, indexes_to_start, is_indexed, superfluous, to_text
from fairlead.workloads.pods import is_active

FIRST_DELAY, LAST_DELAY = 10.0, 600.0  # seconds after a failure, doubling; upstream's DefaultJobPodFailureBackOff
_ENDS = {"Complete", "Failed"}
_TOO_MANY = ("Failed", "BackoffLimitExceeded", "Job has reached the specified backoff limit")
_TOO_LONG = ("Failed", "DeadlineExceeded", "Job was active longer than specified deadline")
_DONE = ("Complete", "CompletionsReached", "Reached expected number of succeeded pods")


@dataclass(frozen=True)
class JobPlan:
    """The next step.

    Attributes:
        creates: for each Pod to be made, the number that it works on if the Job is indexed.
        again_in: seconds after which time alone changes the plan; None for never.
    """

    status: JobStatus
    creates: tuple[int | None, ...] = ()
    deletes: tuple[Pod, ...] = ()
    again_in: float | None = None


def plan_job(job: Job, mine: Sequence[Pod], now: str) -> JobPlan:
    """What the Job's Pods amount to, and what is to be done about it."""
    active = [pod for pod in mine if is_active(pod)]
    if is_over(job):
        return JobPlan(job.status, deletes=tuple(active))
    status = _observe(job, mine, now)
    verdict = _verdict(job, status, now)
    if verdict:
        return JobPlan(_ended(status, verdict, now), deletes=tuple(active))
    if job.spec.suspend:
        return JobPlan(status, deletes=tuple(active))
    done = completed_indexes(job, mine) if is_indexed(job) else frozenset()
    surplus = superfluous(job, done, active) if is_indexed(job) else []
    active = [pod for pod in active if pod not in surplus]
    missing = _wanted(job, status) - len(active)
    if missing < 0:
        return JobPlan(status, deletes=(*surplus, *active[missing:]))
    wait = _back_off(mine, now) if missing else 0.0
    deadline = _deadline(job, status)
    moments = [wait] if wait else []
    moments += [(deadline - datetime.fromisoformat(now)).total_seconds()] if deadline else []
    starts = indexes_to_start(job, done, active, missing) if is_indexed(job) else (None,) * missing
    return JobPlan(status, () if wait else starts, tuple(surplus), again_in=min(moments, default=None))


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


def _observe(job: Job, mine: Sequence[Pod], now: str) -> JobStatus:
    active = [pod for pod in mine if is_active(pod)]
    done = completed_indexes(job, mine) if is_indexed(job) else None
    return JobStatus(
        active=len(active),
        ready=sum(pod.is_ready for pod in active),
        succeeded=sum(pod.status.phase == "Succeeded" for pod in mine) if done is None else len(done),
        failed=sum(pod.status.phase == "Failed" for pod in mine),
        completed_indexes=None if done is None else to_text(done),
        start_time=job.status.start_time or (None if job.spec.suspend else now),
        conditions=job.status.conditions,
    )


def _verdict(job: Job, status: JobStatus, now: str) -> tuple[str, str, str] | None:
    """Type, reason and message of the condition that ends the Job, if something does."""
    if status.failed > job.spec.backoff_limit:
        return _TOO_MANY
    deadline = _deadline(job, status)
    if deadline and deadline <= datetime.fromisoformat(now):
        return _TOO_LONG
    if job.spec.completions is None:
        return _DONE if status.succeeded and not status.active else None
    return _DONE if status.succeeded >= job.spec.completions else None


def _deadline(job: Job, status: JobStatus) -> datetime | None:
    if job.spec.active_deadline_seconds is None or status.start_time is None:
        return None
    return datetime.fromisoformat(status.start_time) + timedelta(seconds=job.spec.active_deadline_seconds)


def _ended(status: JobStatus, verdict: tuple[str, str, str], now: str) -> JobStatus:
    type_, reason, message = verdict
    others = tuple(c for c in status.conditions or () if c.type not in _ENDS)
    return JobStatus(
        succeeded=status.succeeded,
        failed=status.failed,
        completed_indexes=status.completed_indexes,
        start_time=status.start_time,
        completion_time=now if type_ == "Complete" else None,
        conditions=(*others, Condition(type_, "True", reason, message, now)),
    )


def _wanted(job: Job, status: JobStatus) -> int:
    """How many Pods should run at the same time."""
    if job.spec.completions is None:  # once one has succeeded, none is started any more
        return status.active if status.succeeded else job.spec.parallelism
    return min(job.spec.parallelism, job.spec.completions - status.succeeded)


def _back_off(mine: Sequence[Pod], now: str) -> float:
    """Seconds until another Pod may be started."""
    failed = [pod for pod in mine if pod.status.phase == "Failed"]
    if not failed:
        return 0.0
    last = max(_ended_at(pod) for pod in failed)
    delay = min(FIRST_DELAY * 2.0 ** (len(failed) - 1), LAST_DELAY)
    return max(0.0, delay - (datetime.fromisoformat(now) - last).total_seconds())


def _ended_at(pod: Pod) -> datetime:
    """When its readiness changed last, which its end has done; else when it was made."""
    changed = (c.last_transition_time for c in pod.status.conditions or () if c.type == "Ready")
    return datetime.fromisoformat(next(changed, None) or pod.metadata.creation_timestamp or "1970-01-01T00:00:00Z")
