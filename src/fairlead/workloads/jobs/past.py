"""Pods of a Job that ended and are gone.

They count as those that are still there: no work is done twice because the Pod that has done it was deleted. Upstream
keeps such Pods by a finalizer until they are counted (KEP-2307). Here the controller counts a Pod when it goes. When it
begins, it takes what the Job's status says beyond the Pods that are there.
"""

from collections.abc import Sequence
from typing import NamedTuple

from fairlead.model.objects import Pod
from fairlead.model.workloads import Job
from fairlead.workloads.jobs.policies import judge_failures


class Past(NamedTuple):
    """How many Pods that are gone had succeeded, and had failed."""

    succeeded: int = 0
    failed: int = 0


NOTHING = Past()


def count_succeeded(pods: Sequence[Pod]) -> int:
    return sum(pod.status.phase == "Succeeded" for pod in pods)


def past_of(job: Job, mine: Sequence[Pod]) -> Past:
    """The results of deleted Pods, from the Job's status."""
    present = len(judge_failures(job, mine).counted)
    return Past(max(0, job.status.succeeded - count_succeeded(mine)), max(0, job.status.failed - present))


def with_gone(past: Past, job: Job, pod: Pod) -> Past:
    """The past of a Job one of whose Pods is gone; one that had not ended does not count."""
    return Past(past.succeeded + count_succeeded([pod]), past.failed + len(judge_failures(job, [pod]).counted))
