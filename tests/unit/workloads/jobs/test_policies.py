"""Pod failure policies, tries for each index, success policies, and Jobs of other controllers."""

import pytest

from fairlead.model.decode import decode
from fairlead.model.objects import Pod
from fairlead.model.workloads import Job
from fairlead.workloads.jobs.indexes import INDEX
from fairlead.workloads.jobs.plan import plan_job
from tests.support.api_world import ApiWorld

NOW, LONG_AGO = "2026-01-01T10:00:00Z", "2026-01-01T00:00:00Z"
JOBS = "/apis/batch/v1/namespaces/default/jobs"


def job(status=None, **spec):
    metadata = {"name": "j", "namespace": "ns", "uid": "j"}
    spec = {"completions": 3, "parallelism": 3, "completionMode": "Indexed", "backoffLimit": 2**31 - 1, **spec}
    return decode(Job, {"metadata": metadata, "spec": spec, "status": status or {}})


def pod(index, phase="Failed", code=None, condition=None, at=LONG_AGO):
    metadata = {"name": f"p{index}", "namespace": "ns", "annotations": {INDEX: str(index)}, "creationTimestamp": at}
    conditions = [{"type": condition, "status": "True"}] if condition else []
    ended = {"name": "c", "state": {"terminated": {"exitCode": code}}} if code is not None else {"name": "c"}
    status = {"phase": phase, "conditions": conditions, "containerStatuses": [ended]}
    return decode(Pod, {"metadata": metadata, "status": status})


def ends(plan):
    return {condition.type: condition.reason for condition in plan.status.conditions or ()}


def fails(reason):
    return {"FailureTarget": reason, "Failed": reason}


def rule(action, operator="In", values=(42,), **more):
    return {"rules": [{"action": action, "onExitCodes": {"operator": operator, "values": list(values), **more}}]}


def test_an_exit_code_may_fail_the_job():
    plan = plan_job(job(podFailurePolicy=rule("FailJob")), [pod(0, code=42), pod(1, "Running")], NOW)
    assert ends(plan) == {"FailureTarget": "PodFailurePolicy"}
    [failed] = plan.status.conditions
    assert failed.message == "Container c for pod ns/p0 failed with exit code 42 matching FailJob rule at index 0"
    assert len(plan.deletes) == 1


@pytest.mark.parametrize(
    ("policy", "is_failed"),
    [
        (rule("FailJob", values=(1, 2)), False),
        (rule("FailJob", operator="NotIn", values=(1, 2)), True),
        (rule("FailJob", containerName="other"), False),
        (rule("Count"), False),
        ({"rules": [*rule("Count")["rules"], *rule("FailJob")["rules"]]}, False),
    ],
)
def test_the_first_rule_that_fits_counts(policy, is_failed):
    assert ("Failed" in ends(plan_job(job(podFailurePolicy=policy), [pod(0, code=42)], NOW))) is is_failed


def test_a_disruption_may_be_ignored():
    ignoring = {"rules": [{"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget"}]}]}
    disrupted = [pod(0, condition="DisruptionTarget")]
    plan = plan_job(job(podFailurePolicy=ignoring, backoffLimit=0), disrupted, NOW)
    assert (ends(plan), plan.status.failed, plan.creates) == ({}, 0, (0, 1, 2))
    assert ends(plan_job(job(backoffLimit=0), disrupted, NOW)) == fails("BackoffLimitExceeded")


def test_each_index_has_its_own_tries():
    limited = job(backoffLimitPerIndex=1)
    plan = plan_job(limited, [pod(0), pod(0), pod(1), pod(2, "Running")], NOW)
    assert (plan.status.failed_indexes, plan.creates) == ("0", (1,))
    plan = plan_job(limited, [pod(0), pod(0), pod(1, "Succeeded"), pod(2, "Succeeded")], NOW)
    assert ends(plan) == fails("FailedIndexes")


def test_an_index_that_waits_does_not_hold_others_up():
    plan = plan_job(job(backoffLimitPerIndex=5), [pod(0, at=NOW)], NOW)
    assert (plan.creates, plan.again_in) == ((1, 2), 10)


def test_an_index_that_failed_stays_so_when_its_pods_are_gone():
    remembered = job({"failedIndexes": "0"}, backoffLimitPerIndex=0)
    assert plan_job(remembered, [], NOW).creates == (1, 2)


def test_the_number_of_failed_indexes_is_limited():
    most = job(backoffLimitPerIndex=0, maxFailedIndexes=1)
    assert ends(plan_job(most, [pod(0)], NOW)) == {}
    assert ends(plan_job(most, [pod(0), pod(1)], NOW)) == fails("MaxFailedIndexesExceeded")


def test_an_exit_code_may_fail_an_index():
    failing = job(backoffLimitPerIndex=5, podFailurePolicy=rule("FailIndex"))
    assert plan_job(failing, [pod(0, code=42)], NOW).status.failed_indexes == "0"


@pytest.mark.parametrize(
    ("rules", "done", "suffices"),
    [
        ([{"succeededIndexes": "0"}], [0], True),
        ([{"succeededIndexes": "0"}], [1], False),
        ([{"succeededCount": 2}], [0], False),
        ([{"succeededCount": 2}], [0, 2], True),
        ([{"succeededIndexes": "0-1", "succeededCount": 1}], [1], True),
        ([{"succeededIndexes": "0-1", "succeededCount": 1}], [2], False),
        ([{"succeededIndexes": "2"}, {"succeededIndexes": "0"}], [0], True),
    ],
)
def test_a_success_policy_can_complete_a_job_early(rules, done, suffices):
    there = [pod(index, "Succeeded") for index in done] + [pod(9, "Running")]
    plan = plan_job(job(successPolicy={"rules": rules}), there, NOW)
    assert ends(plan) == ({"SuccessCriteriaMet": "SuccessPolicy"} if suffices else {})
    assert (plan.deletes != ()) or not suffices


def test_a_job_of_another_controller_is_left_alone():
    mine, other = (job(managedBy=name) for name in ("kubernetes.io/job-controller", "example.com/other"))
    assert plan_job(mine, [], NOW).creates == (0, 1, 2)
    plan = plan_job(other, [pod(0, "Running")], NOW)
    assert (plan.creates, plan.deletes, plan.status) == ((), (), other.status)


def body(**spec):
    template = {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "x"}]}}
    spec = {"template": template, "completions": 3, "completionMode": "Indexed", **spec}
    return {"metadata": {"name": "j"}, "spec": spec}


@pytest.mark.parametrize(
    ("spec", "fault"),
    [
        ({"backoffLimitPerIndex": 1, "completionMode": "NonIndexed"}, "requires indexed completion mode"),
        ({"maxFailedIndexes": 1}, "spec.backoffLimitPerIndex: Required value: when maxFailedIndexes is specified"),
        ({"podFailurePolicy": rule("Explode")}, "rules[0].action: Unsupported value"),
        ({"podFailurePolicy": rule("FailIndex")}, "requires the backoffLimitPerIndex to be set"),
        ({"podFailurePolicy": rule("FailJob", values=(0,))}, "must not be 0 for the In operator"),
        ({"podFailurePolicy": rule("FailJob", containerName="d")}, "must be one of the container"),
        ({"podFailurePolicy": {"rules": [{"action": "Count"}]}}, "one of OnExitCodes and OnPodConditions is required"),
        ({"successPolicy": {"rules": []}}, "spec.successPolicy.rules: Required value"),
        ({"successPolicy": {"rules": [{"succeededIndexes": "a"}]}}, "error parsing succeededIndexes"),
        ({"managedBy": "me"}, "spec.managedBy: Invalid value"),
    ],
)
def test_what_is_refused(spec, fault):
    assert fault in ApiWorld().refused("POST", JOBS, body(**spec))["message"]


def test_policies_never_change():
    world = ApiWorld()
    stored = world.do("POST", JOBS, body(successPolicy={"rules": [{"succeededCount": 1}]}))
    stored["spec"]["successPolicy"]["rules"][0]["succeededCount"] = 2
    assert "spec.successPolicy: Invalid value" in world.refused("PUT", f"{JOBS}/j", stored)["message"]
