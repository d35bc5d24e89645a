"""What Events say: upstream's reasons and messages."""

import pytest

from fairlead.model.decode import decode
from fairlead.model.objects import Pod
from fairlead.model.workloads import Job, JobStatus
from fairlead.workloads import events
from fairlead.workloads.events import OF_JOBS, OF_PODS, OF_REPLICA_SETS, OF_STATEFUL_PODS

MESSAGES = [
    (OF_PODS, "Created pod: a", "Deleted pod: a", "Error creating: why", "Error deleting: why"),
    (OF_JOBS, "Created job a", "Deleted job a", "Error creating job: why", "Deleted job: why"),
    (
        OF_STATEFUL_PODS,
        "create Pod a in StatefulSet o successful",
        "delete Pod a in StatefulSet o successful",
        "create Pod a in StatefulSet o failed error: why",
        "delete Pod a in StatefulSet o failed error: why",
    ),
    (OF_REPLICA_SETS, "", "", 'Failed to create new replica set "a": why', ""),
]


@pytest.mark.parametrize(("templates", "created", "deleted", "creation_failed", "deletion_failed"), MESSAGES)
def test_messages(templates, created, deleted, creation_failed, deletion_failed):
    written = [
        events.created(templates, "a", "o"),
        events.deleted(templates, "a", "o"),
        events.creation_failed(templates, "a", "o", "why"),
        events.deletion_failed(templates, "a", "o", "why"),
    ]
    assert [each.message for each in written] == [created, deleted, creation_failed, deletion_failed]
    assert [each.type for each in written] == ["Normal", "Normal", "Warning", "Warning"]


def test_reasons():
    assert events.creation_failed(OF_PODS, "", "", "").reason == "FailedCreate"
    assert events.creation_failed(OF_REPLICA_SETS, "", "", "").reason == "ReplicaSetCreateError"


def pod(phase):
    return decode(Pod, {"metadata": {"name": "p", "namespace": "ns"}, "status": {"phase": phase}})


ENDED = [
    (events.daemon_ended, "Failed", "FailedDaemonPod", "Found failed daemon pod ns/p on node x, will try to kill it"),
    (
        *(events.daemon_ended, "Succeeded", "SucceededDaemonPod"),
        "Found succeeded daemon pod ns/p on node x, will try to delete it",
    ),
    (events.replica_ended, "Failed", "RecreatingFailedPod", "StatefulSet ns/x is recreating failed Pod p"),
    (events.replica_ended, "Succeeded", "RecreatingTerminatedPod", "StatefulSet ns/x is recreating terminated Pod p"),
]


@pytest.mark.parametrize(("event_of", "phase", "reason", "message"), ENDED)
def test_pods_that_have_ended(event_of, phase, reason, message):
    assert event_of(pod(phase), "x") == (reason, message, "Warning" if phase == "Failed" else "Normal")


def condition(type_, status="True", reason="Why", message="So it is"):
    return {"type": type_, "status": status, "reason": reason, "message": message}


SUSPENDED, RESUMED = condition("Suspended"), condition("Suspended", "False")
JOBS = [
    ([], [], []),
    ([], [SUSPENDED], [("Suspended", "Job suspended", "Normal")]),
    ([SUSPENDED], [SUSPENDED], []),
    ([SUSPENDED], [RESUMED], [("Resumed", "Job resumed", "Normal")]),
    ([], [condition("FailureTarget"), condition("Failed")], [("Why", "So it is", "Warning")]),
    ([condition("Failed")], [condition("Failed")], []),
    ([RESUMED], [RESUMED, condition("Complete")], [("Completed", "Job completed", "Normal")]),
]


@pytest.mark.parametrize(("before", "after", "told"), JOBS)
def test_jobs(before, after, told):
    job = decode(Job, {"metadata": {"name": "j"}, "status": {"conditions": before}})
    assert list(events.job_events(job, decode(JobStatus, {"conditions": after}))) == told


def test_more_successes_than_completions_are_reported():
    job = decode(Job, {"metadata": {"name": "j"}, "spec": {"completions": 1}})
    after = decode(JobStatus, {"conditions": [condition("Complete")], "succeeded": 2})
    assert [each.reason for each in events.job_events(job, after)] == ["TooManySucceededPods", "Completed"]
