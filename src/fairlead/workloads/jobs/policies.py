"""What a Job says of Pods that failed and of work that suffices: Pod failure policies, tries for each index, success
policies.

Upstream: ``pkg/controller/job/{pod_failure_policy,success_policy,backoff_utils}.go``; KEP-3329, KEP-3850, KEP-3998.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from fairlead.model.document import Doc
from fairlead.model.objects import Pod
from fairlead.model.workloads import Job
from fairlead.workloads.jobs.indexes import from_text, index_of

OWN_CONTROLLER = "kubernetes.io/job-controller"
FAIL_JOB, FAIL_INDEX, IGNORE = "FailJob", "FailIndex", "Ignore"


def replaces_only_failed(job: Job) -> bool:
    """Whether a Pod that is being deleted is replaced only when it has ended (``podReplacementPolicy``)."""
    return job.spec.pod_replacement_policy == "Failed" or job.spec.pod_failure_policy is not None


class Failures(NamedTuple):
    """The evaluation of failed Pods.

    Attributes:
        counted: those that count against the limits.
        message: why one of them fails the whole Job; empty when none does.
        indexes: those that are not tried again.
    """

    counted: tuple[Pod, ...]
    message: str
    indexes: frozenset[int]


def is_managed_here(job: Job) -> bool:
    """Whether the Job is this controller's; another one may have been named."""
    return job.spec.managed_by in (None, OWN_CONTROLLER)


def judge_failures(job: Job, mine: Iterable[Pod]) -> Failures:
    """Sort the Pods that failed by the rules of the Job."""
    counted: list[Pod] = []
    message = ""
    indexes = set(from_text(job.status.failed_indexes or ""))
    for pod in (pod for pod in mine if pod.status.phase == "Failed"):
        action, why = _judged(job, pod)
        if action == IGNORE:
            continue
        counted.append(pod)
        if action == FAIL_JOB:
            message = message or why
        elif action == FAIL_INDEX and (index := index_of(pod)) is not None:
            indexes.add(index)
    limit = job.spec.backoff_limit_per_index
    if limit is not None:
        tries = [index_of(pod) for pod in counted]
        indexes |= {index for index in set(tries) if index is not None and tries.count(index) > limit}
    return Failures(tuple(counted), message, frozenset(indexes))


def _judged(job: Job, pod: Pod) -> tuple[str, str]:
    """The action of the first rule that fits the Pod, and how it does; none counts as a failure."""
    for number, rule in enumerate((job.spec.pod_failure_policy or {}).get("rules") or ()):
        subject = _fits_exit(rule.get("onExitCodes"), pod) or _fits_condition(rule.get("onPodConditions"), pod)
        if subject:
            action = str(rule.get("action", ""))
            return action, f"{subject} matching {action} rule at index {number}"
    return "Count", ""


def _fits_exit(pattern: Doc | None, pod: Pod) -> str:
    if not pattern:
        return ""
    named, values = pattern.get("containerName"), pattern.get("values") or ()
    for status in (*(pod.status.container_statuses or ()), *(pod.status.init_container_statuses or ())):
        ended = status.state.terminated
        if ended is None or ended.exit_code == 0 or named not in (None, status.name):
            continue
        if (ended.exit_code in values) == (pattern.get("operator") == "In"):
            return f"Container {status.name} for pod {pod.namespace}/{pod.name} failed with exit code {ended.exit_code}"
    return ""


def _fits_condition(patterns: Sequence[Doc] | None, pod: Pod) -> str:
    held = {(c.type, c.status) for c in pod.status.conditions or ()}
    for pattern in patterns or ():
        if (pattern.get("type"), pattern.get("status") or "True") in held:
            return f"Pod {pod.namespace}/{pod.name} has condition {pattern.get('type')}"
    return ""


def sufficient_rule(job: Job, done: Collection[int]) -> int | None:
    """The first rule of the success policy that the completed indexes fulfil; None when none does."""
    for number, rule in enumerate((job.spec.success_policy or {}).get("rules") or ()):
        wanted, count = rule.get("succeededIndexes"), rule.get("succeededCount")
        chosen = set(from_text(wanted)) if wanted else set(range(job.spec.completions or 0))
        enough = len(chosen) if count is None else int(count)
        if len(chosen & set(done)) >= enough:
            return number
    return None
