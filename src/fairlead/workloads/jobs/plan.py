"""How many Pods of a Job to start, which to delete, and whether it is done.

A Job wants ``completions`` Pods that end well, ``parallelism`` of them at a time; after a Pod that failed the next one
waits, longer each time. Pods that ended and are gone count as well (``past``); an indexed Job remembers what is done by
its numbers (``indexes``).
Upstream: ``pkg/controller/job/job_controller.go``; deletion after a while ``pkg/controller/ttlafterfinished``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from fairlead.model.objects import Pod
from fairlead.model.workloads import Job, JobStatus
from fairlead.workloads.jobs.endings import deadline_of, ended, is_over, verdict
from fairlead.workloads.jobs.indexes import (
    completed_indexes,
    index_of,
    indexes_to_start,
    is_indexed,
    surplus_pods,
    to_text,
)
from fairlead.workloads.jobs.past import NOTHING, Past, count_succeeded
from fairlead.workloads.jobs.policies import Failures, is_managed_here, judge_failures, replaces_only_failed
from fairlead.workloads.jobs.suspension import with_suspended_condition
from fairlead.workloads.pods import is_active

FIRST_DELAY, LAST_DELAY = 10.0, 600.0  # seconds after a failure, doubling; upstream's DefaultJobPodFailureBackOff
MOST_AT_ONCE = 500  # Pods that one step starts; upstream's MaxPodCreateDeletePerSync


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


def plan_job(job: Job, mine: Sequence[Pod], now: str, past: Past = NOTHING) -> JobPlan:
    """The status of a Job from its Pods, and the next step.

    Args:
        past: how many others there were.
    """
    if not is_managed_here(job):
        return JobPlan(job.status)
    active = [pod for pod in mine if is_active(pod)]
    if is_over(job):
        return JobPlan(job.status, deletes=tuple(active))
    failures = judge_failures(job, mine)
    observed = _observe(job, mine, failures, past, now)
    status = with_suspended_condition(job, observed, now)
    done = completed_indexes(job, mine) if is_indexed(job) else frozenset()
    if found := verdict(job, status, failures, done, mine, now):
        return JobPlan(ended(observed, found, now), deletes=tuple(active))
    if job.spec.suspend:
        return JobPlan(status, deletes=tuple(active))
    closed = done | failures.indexes
    surplus = surplus_pods(job, closed, active) if is_indexed(job) else []
    active = [pod for pod in active if pod not in surplus]
    missing = _wanted(job, status, len(failures.indexes)) - len(active)
    if missing < 0:
        return JobPlan(status, deletes=(*surplus, *active[missing:]))
    held = [pod for pod in mine if _is_ending(pod)] if replaces_only_failed(job) else []
    count = min(MOST_AT_ONCE, max(0, missing - len(held)))
    starts, wait = _starts(job, _reasons_to_wait(job, failures, mine), closed, [*active, *held], count, now)
    deadline = deadline_of(job, status)
    moments = [wait] if wait else []
    moments += [(deadline - datetime.fromisoformat(now)).total_seconds()] if deadline else []
    return JobPlan(status, starts, tuple(surplus), again_in=min(moments, default=None))


def _starts(
    job: Job, failed: Sequence[Pod], closed: frozenset[int], holding: Sequence[Pod], count: int, now: str
) -> tuple[tuple[int | None, ...], float]:
    """The Pods to start, by index if the Job has any, and the seconds until others may follow.

    Args:
        failed: those after which the next ones wait.
        holding: those that stand for their indexes.
    """
    if job.spec.backoff_limit_per_index is None:
        wait = _back_off(failed, now) if count else 0.0
        if wait:
            return (), wait
        return (indexes_to_start(job, closed, holding, count) if is_indexed(job) else (None,) * count), 0.0
    # Each index waits for itself.
    waits = {index: _back_off(pods, now) for index, pods in _by_index(failed).items() if index not in closed}
    waiting = {index: wait for index, wait in waits.items() if wait}
    return indexes_to_start(job, closed | waiting.keys(), holding, count), min(waiting.values(), default=0.0)


def _reasons_to_wait(job: Job, failures: Failures, mine: Sequence[Pod]) -> Sequence[Pod]:
    """The failed Pods that count for the time before the next one: those since a Pod succeeded, or all of an index."""
    if job.spec.backoff_limit_per_index is not None:
        return failures.counted
    succeeded = [_ended_at(pod) for pod in mine if pod.status.phase == "Succeeded"]
    return [pod for pod in failures.counted if not succeeded or _ended_at(pod) > max(succeeded)]


def _by_index(pods: Sequence[Pod]) -> dict[int, list[Pod]]:
    found: dict[int, list[Pod]] = {}
    for pod in pods:
        if (index := index_of(pod)) is not None:
            found.setdefault(index, []).append(pod)
    return found


def _is_ending(pod: Pod) -> bool:
    """Whether it is deleted, and something of it still runs."""
    return pod.is_terminating and not pod.is_finished


def _observe(job: Job, mine: Sequence[Pod], failures: Failures, past: Past, now: str) -> JobStatus:
    active = [pod for pod in mine if is_active(pod)]
    done = completed_indexes(job, mine) if is_indexed(job) else None
    return JobStatus(
        active=len(active),
        ready=sum(pod.is_ready for pod in active),
        terminating=sum(map(_is_ending, mine)),
        succeeded=past.succeeded + count_succeeded(mine) if done is None else len(done),
        failed=past.failed + len(failures.counted),
        completed_indexes=None if done is None else to_text(done),
        failed_indexes=None if job.spec.backoff_limit_per_index is None else to_text(failures.indexes),
        start_time=job.status.start_time or (None if job.spec.suspend else now),
        conditions=job.status.conditions,
    )


def _wanted(job: Job, status: JobStatus, failed_indexes: int) -> int:
    """How many Pods should run at the same time."""
    if job.spec.completions is None:  # once one has succeeded, none is started any more
        return status.active if status.succeeded else job.spec.parallelism
    return min(job.spec.parallelism, job.spec.completions - status.succeeded - failed_indexes)


def _back_off(failed: Sequence[Pod], now: str) -> float:
    """Seconds until another Pod may be started."""
    if not failed:
        return 0.0
    delay = min(FIRST_DELAY * 2.0 ** (len(failed) - 1), LAST_DELAY)
    return max(0.0, delay - (datetime.fromisoformat(now) - max(map(_ended_at, failed))).total_seconds())


def _ended_at(pod: Pod) -> datetime:
    """When its readiness changed last, which its end has done; else when it was made."""
    changed = (c.last_transition_time for c in pod.status.conditions or () if c.type == "Ready")
    return datetime.fromisoformat(next(changed, None) or pod.metadata.creation_timestamp or "1970-01-01T00:00:00Z")
