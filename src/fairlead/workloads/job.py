"""How many Pods of a Job to start, which to delete, and whether it is done.

A Job wants ``completions`` Pods that end well, ``parallelism`` of them at a time; after a Pod that failed the next one
waits, longer each time. Only the Pods that are there are counted: who deletes one that has ended has its work done
again, unless the Job is indexed (``job_indexes``).
Upstream: ``pkg/controller/job/job_controller.go``; deletion after a while ``pkg/controller/ttlafterfinished``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from msgspec import structs

from fairlead.model.objects import Condition, Pod
from fairlead.model.workloads import Job, JobStatus
from fairlead.workloads.job_indexes import (
    completed_indexes,
    index_of,
    indexes_to_start,
    is_indexed,
    superfluous,
    to_text,
)
from fairlead.workloads.job_policies import Failures, is_managed_here, judge_failures, sufficient_rule
from fairlead.workloads.pods import is_active

FIRST_DELAY, LAST_DELAY = 10.0, 600.0  # seconds after a failure, doubling; upstream's DefaultJobPodFailureBackOff
_ENDS = {"Complete", "Failed"}
_FIRST_SAID = {"Failed": "FailureTarget", "Complete": "SuccessCriteriaMet"}
_TOO_MANY = ("Failed", "BackoffLimitExceeded", "Job has reached the specified backoff limit")
_TOO_LONG = ("Failed", "DeadlineExceeded", "Job was active longer than specified deadline")
_TOO_MANY_INDEXES = (
    "Failed",
    "MaxFailedIndexesExceeded",
    "Job has exceeded the specified maximal number of failed indexes",
)
_FAILED_INDEXES = ("Failed", "FailedIndexes", "Job has failed indexes")
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
    if not is_managed_here(job):
        return JobPlan(job.status)
    active = [pod for pod in mine if is_active(pod)]
    if is_over(job):
        return JobPlan(job.status, deletes=tuple(active))
    failures = judge_failures(job, mine)
    status = _observe(job, mine, failures, now)
    done = completed_indexes(job, mine) if is_indexed(job) else frozenset()
    verdict = _verdict(job, status, failures, done, now)
    if verdict:
        return JobPlan(_ended(status, verdict, now), deletes=tuple(active))
    status = _suspended_or_resumed(job, status, now)
    if job.spec.suspend:
        return JobPlan(status, deletes=tuple(active))
    closed = done | failures.indexes
    surplus = superfluous(job, closed, active) if is_indexed(job) else []
    active = [pod for pod in active if pod not in surplus]
    missing = _wanted(job, status, len(failures.indexes)) - len(active)
    if missing < 0:
        return JobPlan(status, deletes=(*surplus, *active[missing:]))
    starts, wait = _starts(job, failures, closed, active, missing, now)
    deadline = _deadline(job, status)
    moments = [wait] if wait else []
    moments += [(deadline - datetime.fromisoformat(now)).total_seconds()] if deadline else []
    return JobPlan(status, starts, tuple(surplus), again_in=min(moments, default=None))


def _starts(
    job: Job, failures: Failures, closed: frozenset[int], active: Sequence[Pod], missing: int, now: str
) -> tuple[tuple[int | None, ...], float]:
    """The Pods to start, by index if the Job has any, and the seconds until others may follow."""
    if job.spec.backoff_limit_per_index is None:
        wait = _back_off(failures.counted, now) if missing else 0.0
        if wait:
            return (), wait
        return (indexes_to_start(job, closed, active, missing) if is_indexed(job) else (None,) * missing), 0.0
    # Each index waits for itself.
    waits = {index: _back_off(pods, now) for index, pods in _by_index(failures.counted).items() if index not in closed}
    waiting = {index: wait for index, wait in waits.items() if wait}
    return indexes_to_start(job, closed | waiting.keys(), active, missing), min(waiting.values(), default=0.0)


def _by_index(pods: Sequence[Pod]) -> dict[int, list[Pod]]:
    found: dict[int, list[Pod]] = {}
    for pod in pods:
        if (index := index_of(pod)) is not None:
            found.setdefault(index, []).append(pod)
    return found


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


def _observe(job: Job, mine: Sequence[Pod], failures: Failures, now: str) -> JobStatus:
    active = [pod for pod in mine if is_active(pod)]
    done = completed_indexes(job, mine) if is_indexed(job) else None
    return JobStatus(
        active=len(active),
        ready=sum(pod.is_ready for pod in active),
        succeeded=sum(pod.status.phase == "Succeeded" for pod in mine) if done is None else len(done),
        failed=len(failures.counted),
        completed_indexes=None if done is None else to_text(done),
        failed_indexes=None if job.spec.backoff_limit_per_index is None else to_text(failures.indexes),
        start_time=job.status.start_time or (None if job.spec.suspend else now),
        conditions=job.status.conditions,
    )


def _verdict(
    job: Job, status: JobStatus, failures: Failures, done: frozenset[int], now: str
) -> tuple[str, str, str] | None:
    """Type, reason and message of the condition that ends the Job, if something does."""
    if failures.message:
        return ("Failed", "PodFailurePolicy", failures.message)
    if status.failed > job.spec.backoff_limit:
        return _TOO_MANY
    deadline = _deadline(job, status)
    if deadline and deadline <= datetime.fromisoformat(now):
        return _TOO_LONG
    return _verdict_by_index(job, failures, done) or (_DONE if _is_done(job, status) else None)


def _verdict_by_index(job: Job, failures: Failures, done: frozenset[int]) -> tuple[str, str, str] | None:
    if (rule := sufficient_rule(job, done)) is not None:
        return ("Complete", "SuccessPolicy", f"Matched rules at index {rule}")
    most = job.spec.max_failed_indexes
    if most is not None and len(failures.indexes) > most:
        return _TOO_MANY_INDEXES
    all_closed = len(done | failures.indexes) >= (job.spec.completions or 0)
    return _FAILED_INDEXES if failures.indexes and all_closed else None


def _is_done(job: Job, status: JobStatus) -> bool:
    if job.spec.completions is None:
        return bool(status.succeeded) and not status.active
    return status.succeeded >= job.spec.completions


def _deadline(job: Job, status: JobStatus) -> datetime | None:
    if job.spec.active_deadline_seconds is None or status.start_time is None:
        return None
    return datetime.fromisoformat(status.start_time) + timedelta(seconds=job.spec.active_deadline_seconds)


def _suspended_or_resumed(job: Job, status: JobStatus, now: str) -> JobStatus:
    """The status with the condition Suspended. Its time begins again when a Job is resumed."""
    known = next((c.status for c in status.conditions or () if c.type == "Suspended"), "")
    if job.spec.suspend == (known == "True"):
        return status
    others = tuple(c for c in status.conditions or () if c.type != "Suspended")
    if job.spec.suspend:
        condition = Condition("Suspended", "True", "JobSuspended", "Job suspended", now)
        return structs.replace(status, conditions=(*others, condition))
    condition = Condition("Suspended", "False", "JobResumed", "Job resumed", now)
    return structs.replace(status, conditions=(*others, condition), start_time=now)


def _ended(status: JobStatus, verdict: tuple[str, str, str], now: str) -> JobStatus:
    type_, reason, message = verdict
    others = tuple(c for c in status.conditions or () if c.type not in _ENDS)
    first = _FIRST_SAID[type_]  # what ends it is said before the end itself, by a condition of its own
    if not any(condition.type == first for condition in others):
        others = (*others, Condition(first, "True", reason, message, now))
    return JobStatus(
        succeeded=status.succeeded,
        failed=status.failed,
        completed_indexes=status.completed_indexes,
        failed_indexes=status.failed_indexes,
        start_time=status.start_time,
        completion_time=now if type_ == "Complete" else None,
        conditions=(*others, Condition(type_, "True", reason, message, now)),
    )


def _wanted(job: Job, status: JobStatus, failed_indexes: int) -> int:
    """How many Pods should run at the same time."""
    if job.spec.completions is None:  # once one has succeeded, none is started any more
        return status.active if status.succeeded else job.spec.parallelism
    return min(job.spec.parallelism, job.spec.completions - status.succeeded - failed_indexes)


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
