"""What a Job does next, and how its fields are filled and refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from fairlead.model.decode import decode
from fairlead.model.objects import OwnerReference, Pod
from fairlead.model.workloads import Job
from fairlead.workloads.jobs.indexes import INDEX, VARIABLE, completed_indexes, give_index, to_text
from fairlead.workloads.jobs.plan import plan_job
from fairlead.workloads.pods import pod_document
from tests.support.api_world import ApiWorld

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


def said(plan):
    return [(condition.type, condition.reason) for condition in plan.status.conditions or ()]


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
    assert (len(plan.creates), len(plan.deletes)) == (creates, deletes)
    assert not {kind for kind, _ in said(plan)} - {"Suspended"}


def test_each_failure_makes_the_next_start_wait_longer():
    assert [plan_job(job(), pods("f" * n), NOW).again_in for n in (1, 2, 3)] == [10, 20, 40]


def test_a_deadline_is_checked_again():
    plan = plan_job(job({"startTime": NOW}, activeDeadlineSeconds=60), pods("r"), NOW)
    assert plan.again_in == 60


def indexed(text):
    """Pods by number and letter, such as ``0s 2r``."""
    numbers, letters = zip(*((pair[:-1], pair[-1]) for pair in text.split()), strict=True) if text else ((), ())
    made = pods("".join(letters))
    notes = [{"batch.kubernetes.io/job-completion-index": number} for number in numbers]
    return [
        structs.replace(pod, metadata=structs.replace(pod.metadata, annotations=note))
        for pod, note in zip(made, notes, strict=True)
    ]


@pytest.mark.parametrize(
    ("there", "status", "creates", "deletes", "completed"),
    [
        pytest.param("", {}, (0, 1), [], "", id="the lowest first"),
        pytest.param("0r 2r", {}, (), [], "", id="as many as may run"),
        pytest.param("0s 1r", {}, (2,), [], "0", id="the next"),
        pytest.param("0s 1s 3s", {}, (2, 4), [], "0,1,3", id="those that are left"),
        pytest.param("0s 1s 2s 4r", {}, (3,), [], "0-2", id="no more than are left"),
        pytest.param("2r", {"completedIndexes": "0,1,3"}, (4,), [], "0,1,3", id="what is done stays done"),
        pytest.param("1l", {}, (0, 1), [], "", id="one that failed is tried again"),
        pytest.param("0r 0r", {}, (1,), ["p1"], "", id="two with one number"),
        pytest.param("0s 0r 9r r", {}, (1, 2), ["p1", "p2", "p3"], "0", id="numbers that are not to be worked on"),
    ],
)
def test_an_indexed_job_works_on_each_number(there, status, creates, deletes, completed):
    five = job(status, completions=5, parallelism=2, completionMode="Indexed")
    plan = plan_job(five, indexed(there), NOW)
    assert (plan.creates, [pod.name for pod in plan.deletes]) == (creates, deletes)
    assert plan.status.completed_indexes == completed


def test_an_indexed_job_is_done_when_all_numbers_are():
    two = job({"completedIndexes": "0"}, completions=2, completionMode="Indexed")
    assert said(plan_job(two, indexed("0s"), NOW)) == []
    plan = plan_job(two, indexed("0s 1s"), NOW)
    assert ("Complete", "CompletionsReached") in said(plan)
    assert plan.status.succeeded == 2
    assert plan.status.completed_indexes == "0,1"


@given(st.frozensets(st.integers(0, 30)))
def test_numbers_survive_being_written_down(numbers):
    written = job({"completedIndexes": to_text(numbers)}, completions=31, completionMode="Indexed")
    assert completed_indexes(written, []) == numbers


def test_a_pod_knows_its_number():
    template = {"spec": {"containers": [{"name": "a"}, {"name": "b", "env": [{"name": VARIABLE, "value": "mine"}]}]}}
    made = pod_document(template, "ns", OwnerReference("Job", "j", "uid"))
    give_index(made, "j", 7)
    assert made["metadata"]["generateName"] == "j-7-"
    assert (made["spec"]["hostname"], made["metadata"]["labels"][INDEX]) == ("j-7", "7")
    source = {"fieldRef": {"fieldPath": f"metadata.annotations['{INDEX}']"}}
    assert [container["env"] for container in made["spec"]["containers"]] == [
        [{"name": VARIABLE, "valueFrom": source}],
        [{"name": VARIABLE, "value": "mine"}],
    ]
    assert "env" not in template["spec"]["containers"][0]


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
        (document(completionMode="Both"), 'spec.completionMode: Unsupported value: "Both"'),
        (
            document(completionMode="Indexed", parallelism=2),
            "spec.completions: Required value: when completion mode is Indexed",
        ),
        (
            {**document(completionMode="Indexed", completions=11), "metadata": {"name": "a" * 61}},
            f"will not able to create pod with invalid DNS label: {'a' * 61}-10",
        ),
    ],
)
def test_refusals(body, message):
    assert message in ApiWorld().refused("POST", JOBS, body)["message"]


def test_a_jobs_template_must_not_change():
    api = ApiWorld()
    stored = api.do("POST", JOBS, document())
    stored["spec"]["template"]["spec"]["containers"][0]["image"] = "other"
    assert "field is immutable" in api.refused("PUT", f"{JOBS}/j", stored)["message"]
