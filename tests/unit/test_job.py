"""What a Job does next, and how its fields are filled and refused."""

import pytest

from fairlead.model.decode import decode
from fairlead.model.objects import Pod
from fairlead.model.workloads import Job
from fairlead.workloads.job import expires_at, is_over, plan_job
from tests.unit.api_world import ApiWorld

NOW = "2026-01-01T00:10:00Z"
JOBS = "/apis/batch/v1/namespaces/default/jobs"


def job(status=None, **spec):
    metadata = {"name": "j", "namespace": "ns", "uid": "j"}
    return decode(Job, {"metadata": metadata, "spec": {"completions": 1, **spec}, "status": status or {}})


def pods(text):
    """One for each letter: Running, Succeeded, Failed (just now), failed Long ago, Ending."""
    phases = {"r": "Running", "s": "Succeeded", "f": "Failed", "l": "Failed", "e": "Running"}
    found = []
    for number, letter in enumerate(text):
        metadata = {"name": f"p{number}", "namespace": "ns"}
        if letter == "e":
            metadata["deletionTimestamp"] = NOW
        changed = "2026-01-01T00:00:00Z" if letter == "l" else NOW
        ready = {"type": "Ready", "status": "True" if letter == "r" else "False", "lastTransitionTime": changed}
        found.append(decode(Pod, {"metadata": metadata, "status": {"phase": phases[letter], "conditions": [ready]}}))
    return found


def verdict(plan):
    return [condition.reason for condition in plan.status.conditions or ()]


@pytest.mark.parametrize(
    ("spec", "there", "creates", "deletes"),
    [
        pytest.param({}, "", 1, 0, id="one"),
        pytest.param({}, "r", 0, 0, id="it runs"),
        pytest.param({}, "e", 1, 0, id="one that ends does not count"),
        pytest.param({"completions": 5, "parallelism": 2}, "", 2, 0, id="not all at once"),
        pytest.param({"completions": 5, "parallelism": 2}, "sr", 1, 0, id="the next"),
        pytest.param({"completions": 5, "parallelism": 3}, "sssr", 1, 0, id="no more than are needed"),
        pytest.param({"completions": 5, "parallelism": 1}, "rrr", 0, 2, id="fewer than before"),
        pytest.param({"completions": None, "parallelism": 3}, "r", 2, 0, id="a queue"),
        pytest.param({"completions": None, "parallelism": 3}, "sr", 0, 0, id="a queue that comes to its end"),
        pytest.param({"suspend": True}, "r", 0, 1, id="suspended"),
        pytest.param({}, "f", 0, 0, id="one that has just failed"),
        pytest.param({}, "l", 1, 0, id="one that failed long ago"),
    ],
)
def test_pods(spec, there, creates, deletes):
    plan = plan_job(job(**spec), pods(there), NOW)
    assert (plan.creates, len(plan.deletes)) == (creates, deletes)
    assert verdict(plan) == []


def test_each_failure_makes_the_next_start_wait_longer():
    assert [plan_job(job(), pods("f" * n), NOW).again_in for n in (1, 2, 3)] == [10, 20, 40]


@pytest.mark.parametrize(
    ("spec", "status", "there", "reason", "deletes"),
    [
        ({}, {}, "s", "CompletionsReached", 0),
        ({"completions": 2}, {}, "ss", "CompletionsReached", 0),
        ({"completions": None}, {}, "ss", "CompletionsReached", 0),
        ({"backoffLimit": 1}, {}, "ffr", "BackoffLimitExceeded", 1),
        ({"activeDeadlineSeconds": 60}, {"startTime": "2026-01-01T00:00:00Z"}, "r", "DeadlineExceeded", 1),
    ],
)
def test_ends(spec, status, there, reason, deletes):
    plan = plan_job(job(status, **spec), pods(there), NOW)
    assert (verdict(plan), plan.creates, len(plan.deletes)) == ([reason], 0, deletes)
    assert (plan.status.completion_time is not None) == (reason == "CompletionsReached")


def test_a_deadline_is_come_back_for():
    plan = plan_job(job({"startTime": NOW}, activeDeadlineSeconds=60), pods("r"), NOW)
    assert plan.again_in == 60


def test_a_job_that_has_ended_stays_so_and_expires():
    ended = {"conditions": [{"type": "Complete", "status": "True", "lastTransitionTime": NOW}], "succeeded": 1}
    over = job(ended, ttlSecondsAfterFinished=60)
    assert is_over(over)
    assert plan_job(over, [], NOW).creates == 0
    assert expires_at(over).isoformat() == "2026-01-01T00:11:00+00:00"
    assert expires_at(job(ended)) is None
    assert expires_at(job(ttlSecondsAfterFinished=60)) is None


def document(policy="Never", **spec):
    pod = {"containers": [{"name": "c", "image": "busybox"}], **({"restartPolicy": policy} if policy else {})}
    spec = {"template": {"spec": pod}, **spec}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "j"}, "spec": spec}


def test_a_job_selects_its_own_pods_by_its_uid():
    stored = ApiWorld().do("POST", JOBS, document())
    uid = stored["metadata"]["uid"]
    assert stored["spec"]["selector"] == {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}
    labels = stored["spec"]["template"]["metadata"]["labels"]
    assert (labels["job-name"], labels["controller-uid"]) == ("j", uid)
    filled = {key: stored["spec"][key] for key in ("completions", "parallelism", "backoffLimit")}
    assert filled == {"completions": 1, "parallelism": 1, "backoffLimit": 6}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (document(""), 'spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"'),
        (document(parallelism=-1), "spec.parallelism: Invalid value: -1: must be greater than or equal to 0"),
        (document(completionMode="Indexed", completions=2), 'spec.completionMode: Unsupported value: "Indexed"'),
    ],
)
def test_refusals(body, message):
    assert message in ApiWorld().refused("POST", JOBS, body)["message"]


def test_its_template_stays():
    api = ApiWorld()
    stored = api.do("POST", JOBS, document())
    stored["spec"]["template"]["spec"]["containers"][0]["image"] = "other"
    assert "field is immutable" in api.refused("PUT", f"{JOBS}/j", stored)["message"]
