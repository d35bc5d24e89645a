"""Pods of a Job that are gone count as those that are there."""

import pytest

from fairlead.workloads.jobs.past import NOTHING, Past, past_of, with_gone
from fairlead.workloads.jobs.plan import plan_job
from tests.unit.workloads.jobs.test_endings import NOW, job, pod, pods


@pytest.mark.parametrize(("text", "past"), [("s", Past(1, 0)), ("f", Past(0, 1)), ("r", NOTHING), ("e", NOTHING)])
def test_what_had_ended_counts(text, past):
    assert with_gone(NOTHING, job(), pod(text)) == past


def test_what_a_policy_ignores_does_not_count():
    ignored = {"rules": [{"action": "Ignore", "onExitCodes": {"operator": "In", "values": [42]}}]}
    assert with_gone(NOTHING, job(podFailurePolicy=ignored), pod("f42")) == NOTHING
    assert with_gone(NOTHING, job(podFailurePolicy=ignored), pod("f41")) == Past(0, 1)


@pytest.mark.parametrize(
    ("status", "there", "past"),
    [
        ({}, "s f", NOTHING),
        ({"succeeded": 1, "failed": 1}, "s f", NOTHING),
        ({"succeeded": 3, "failed": 2}, "s f r", Past(2, 1)),
        ({"succeeded": 1}, "s s", NOTHING),
    ],
)
def test_a_status_tells_of_those_that_are_gone(status, there, past):
    assert past_of(job(status, completions=9), pods(there)) == past


def test_no_work_is_done_twice():
    plan = plan_job(job(completions=3), pods("s"), NOW, Past(succeeded=2))
    assert (plan.creates, plan.status.succeeded, plan.status.completion_time) == ((), 3, NOW)
    plan = plan_job(job(completions=3), [], NOW, Past(succeeded=2))
    assert (len(plan.creates), plan.status.succeeded) == (1, 2)


def test_failures_that_are_gone_count_against_the_limit():
    plan = plan_job(job(backoffLimit=2), pods("f"), NOW, Past(failed=2))
    assert [condition.reason for condition in plan.status.conditions] == ["BackoffLimitExceeded"] * 2
