"""When a Job ends and how it says so, case by case, and that every Job ends in an orderly way.

Source of the cases: the documentation of Jobs (termination and cleanup, Pod replacement policy, suspension, success
policy), and KEP-2232, KEP-3329, KEP-3850, KEP-3939, KEP-3998.
"""

from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from fairlead.model.decode import decode
from fairlead.model.objects import Pod
from fairlead.model.workloads import Job
from fairlead.workloads.jobs.endings import expires_at, is_over
from fairlead.workloads.jobs.indexes import INDEX
from fairlead.workloads.jobs.plan import MOST_AT_ONCE, plan_job

NOW, BEFORE, LONG_AGO = "2026-01-01T10:00:00Z", "2026-01-01T09:59:00Z", "2026-01-01T00:00:00Z"
PHASES = {"r": "Running", "p": "Pending", "s": "Succeeded", "f": "Failed", "e": "Running"}
OF_EXIT = {"rules": [{"action": "FailJob", "onExitCodes": {"operator": "In", "values": [42]}}]}
SUSPENDED = {"type": "Suspended", "status": "True", "reason": "JobSuspended"}
INDEXED = {"completionMode": "Indexed", "completions": 3, "parallelism": 3}
ONE_EACH = {**INDEXED, "backoffLimit": 2**31 - 1, "backoffLimitPerIndex": 1}


def job(status=None, policy="Never", **spec):
    spec = {"completions": 1, "template": {"spec": {"restartPolicy": policy}}, **spec}
    return decode(Job, {"metadata": {"name": "j", "namespace": "n"}, "spec": spec, "status": status or {}})


def pod(text, number=0):
    """From text such as ``1f42*3``: index 1, Failed (letters as in PHASES, e is being deleted), exit code 42, three
    restarts."""
    text, _, restarts = text.partition("*")
    letter = next(c for c in text if c.isalpha())
    index, _, code = text.partition(letter)
    metadata = {"name": f"p{number}", "namespace": "n", "creationTimestamp": LONG_AGO}
    metadata |= {"annotations": {INDEX: index}} if index else {}
    metadata |= {"deletionTimestamp": NOW} if letter == "e" else {}
    ended = {"state": {"terminated": {"exitCode": int(code)}}} if code else {}
    container = {"name": "c", "restartCount": int(restarts or 0), **ended}
    return decode(Pod, {"metadata": metadata, "status": {"phase": PHASES[letter], "containerStatuses": [container]}})


def pods(text):
    return [pod(word, number) for number, word in enumerate(text.split())]


class Case(NamedTuple):
    """A Job's specification and Pods, and the conditions (``Type:Reason``, true ones), starts and deletions to come."""

    spec: dict
    there: str
    conditions: str = ""
    creates: int = 0
    deletes: int = 0
    status: dict = {}


DONE, FAILED = "SuccessCriteriaMet:{0} Complete:{0}", "FailureTarget:{0} Failed:{0}"
CASES = {
    "done": Case({}, "s", DONE.format("CompletionsReached")),
    "done, one too many runs": Case({"parallelism": 2}, "s r", "SuccessCriteriaMet:CompletionsReached", deletes=1),
    "done, one still ends": Case({}, "s e", "SuccessCriteriaMet:CompletionsReached"),
    "decided before, and now nothing is left": Case(
        {},
        "s",
        DONE.format("CompletionsReached"),
        status={"conditions": [{"type": "SuccessCriteriaMet", "status": "True", "reason": "CompletionsReached"}]},
    ),
    "a failure that is decided stays so": Case(
        {},
        "s",
        FAILED.format("DeadlineExceeded"),
        status={"conditions": [{"type": "FailureTarget", "status": "True", "reason": "DeadlineExceeded"}]},
    ),
    "a queue whose workers have all ended": Case(
        {"completions": None, "parallelism": 2}, "s s", DONE.format("CompletionsReached")
    ),
    "a queue with a worker left": Case({"completions": None, "parallelism": 2}, "s r"),
    "a queue of which nobody has succeeded": Case({"completions": None, "parallelism": 2}, "f r", creates=1),
    "no completions wanted": Case({"completions": 0}, "", DONE.format("CompletionsReached")),
    "no parallelism": Case({"parallelism": 0}, "r", deletes=1),
    "parallelism is lowered": Case({"completions": 5, "parallelism": 1}, "r r r", deletes=2),
    "parallelism is raised": Case({"completions": 5, "parallelism": 4}, "r r", creates=2),
    "no more than are missing": Case({"completions": 5, "parallelism": 9}, "s s r", creates=2),
    "failures up to the limit": Case({"backoffLimit": 2}, "f f", creates=1),
    "failures over the limit": Case(
        {"backoffLimit": 2, "parallelism": 2}, "f f f r", "FailureTarget:BackoffLimitExceeded", deletes=1
    ),
    "failures over the limit, nothing is left": Case({"backoffLimit": 0}, "f", FAILED.format("BackoffLimitExceeded")),
    "restarts below the limit": Case({"policy": "OnFailure", "backoffLimit": 3}, "r*2"),
    "restarts at the limit": Case(
        {"policy": "OnFailure", "backoffLimit": 3}, "r*3", "FailureTarget:BackoffLimitExceeded", deletes=1
    ),
    "restarts of several Pods": Case(
        {"policy": "OnFailure", "backoffLimit": 3, "completions": 2, "parallelism": 2},
        "r*1 p*2",
        "FailureTarget:BackoffLimitExceeded",
        deletes=2,
    ),
    "no restart allowed, and none": Case({"policy": "OnFailure", "backoffLimit": 0}, "r*0"),
    "no restart allowed": Case(
        {"policy": "OnFailure", "backoffLimit": 0}, "r*1", "FailureTarget:BackoffLimitExceeded", deletes=1
    ),
    "restarts do not count where there are none": Case({"backoffLimit": 1}, "r*9"),
    "too long": Case(
        {"activeDeadlineSeconds": 60}, "r", "FailureTarget:DeadlineExceeded", deletes=1, status={"startTime": BEFORE}
    ),
    "too long, nothing is left": Case(
        {"activeDeadlineSeconds": 60}, "", FAILED.format("DeadlineExceeded"), status={"startTime": BEFORE}
    ),
    "not yet too long": Case({"activeDeadlineSeconds": 61}, "r", status={"startTime": BEFORE}),
    "suspended for too long": Case(
        {"activeDeadlineSeconds": 60, "suspend": True}, "", "Suspended:JobSuspended", status={"startTime": BEFORE}
    ),
    "resumed after too long": Case(
        {"activeDeadlineSeconds": 60}, "", creates=1, status={"startTime": BEFORE, "conditions": [SUSPENDED]}
    ),
    "suspended": Case(
        {"suspend": True, "parallelism": 2, "completions": 2}, "r p", "Suspended:JobSuspended", deletes=2
    ),
    "suspended, but done": Case({"suspend": True}, "s", DONE.format("CompletionsReached")),
    "one that is deleted is replaced": Case({}, "e", creates=1),
    "one that is deleted is not replaced before it ends": Case({"podReplacementPolicy": "Failed"}, "e"),
    "of an index too": Case({**INDEXED, "podReplacementPolicy": "Failed"}, "0e 1r", creates=1),
    "of an index too, which others do not wait for": Case(
        {**INDEXED, "podReplacementPolicy": "Failed"}, "0e", creates=2
    ),
    "a failure policy waits as well": Case({"podFailurePolicy": OF_EXIT}, "e"),
    "an exit code that fails": Case(
        {"podFailurePolicy": OF_EXIT, "parallelism": 2, "completions": 2},
        "f42 r",
        "FailureTarget:PodFailurePolicy",
        deletes=1,
    ),
    "an exit code that fails, nothing is left": Case(
        {"podFailurePolicy": OF_EXIT}, "f42", FAILED.format("PodFailurePolicy")
    ),
    "an exit code that does not": Case({"podFailurePolicy": OF_EXIT}, "f41", creates=1),
    "each index has one try more": Case(ONE_EACH, "0f 1f 2s", creates=2),
    "an index has failed": Case(ONE_EACH, "0f 0f 1s 2r"),
    "every index has ended, one has failed": Case(ONE_EACH, "0f 0f 1s 2s", FAILED.format("FailedIndexes")),
    "too many indexes have failed": Case(
        {**ONE_EACH, "maxFailedIndexes": 1}, "0f 0f 1f 1f 2r", "FailureTarget:MaxFailedIndexesExceeded", deletes=1
    ),
    "as many indexes as may have failed": Case({**ONE_EACH, "maxFailedIndexes": 1}, "0f 0f 2r", creates=1),
    "an index suffices": Case(
        {**INDEXED, "successPolicy": {"rules": [{"succeededIndexes": "1"}]}},
        "0r 1s 2r",
        "SuccessCriteriaMet:SuccessPolicy",
        deletes=2,
    ),
    "failure goes before success": Case(
        {**INDEXED, "backoffLimit": 0, "successPolicy": {"rules": [{"succeededIndexes": "1"}]}},
        "0f 1s",
        FAILED.format("BackoffLimitExceeded"),
    ),
    "fewer completions of an elastic Job": Case({**INDEXED, "completions": 2, "parallelism": 2}, "0s 1r 2r", deletes=1),
    "at most so many at once": Case({"completions": 10_000, "parallelism": 10_000}, "", creates=MOST_AT_ONCE),
    "another controller's": Case({"managedBy": "example.com/x"}, "r f f"),
}


def true_conditions(status):
    return " ".join(f"{each.type}:{each.reason}" for each in status.conditions or () if each.status == "True")


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_job(case):
    plan = plan_job(job(case.status, **case.spec), pods(case.there), NOW)
    found = (true_conditions(plan.status), len(plan.creates), len(plan.deletes))
    assert found == (case.conditions, case.creates, case.deletes)


def test_a_job_that_ends_says_what_still_ends():
    status = plan_job(job(parallelism=3), pods("s r e"), NOW).status
    assert (status.active, status.terminating, status.completion_time) == (0, 2, None)
    status = plan_job(job(structs.asdict(status) | {"conditions": None}), pods("s"), NOW).status
    assert (status.terminating, status.completion_time) == (0, NOW)


def test_a_job_that_goes_on_begins_its_time_again():
    said = [{**SUSPENDED, "lastTransitionTime": BEFORE}]
    status = plan_job(job({"startTime": LONG_AGO, "conditions": said}), [], NOW).status
    assert status.start_time == NOW
    [condition] = status.conditions
    assert (condition.type, condition.status, condition.reason) == ("Suspended", "False", "JobResumed")
    assert plan_job(job(suspend=True), [], NOW).status.start_time is None


def test_waiting_begins_again_after_a_success():
    failed = [pod("f", number) for number in range(3)]
    late = [structs.replace(p, metadata=structs.replace(p.metadata, creation_timestamp=NOW)) for p in failed]
    done = [structs.replace(pod("s"), metadata=structs.replace(pod("s").metadata, creation_timestamp=BEFORE))]
    assert plan_job(job(completions=3), [*failed, *done], NOW).again_in is None
    assert plan_job(job(completions=3), [*failed, *done, late[0]], NOW).again_in == 10


def test_a_job_that_has_ended_stays_so_and_expires():
    ended = {"conditions": [{"type": "Complete", "status": "True", "lastTransitionTime": NOW}], "succeeded": 1}
    over = job(ended, ttlSecondsAfterFinished=60)
    assert is_over(over)
    assert plan_job(over, [], NOW).creates == ()
    assert expires_at(over).isoformat() == "2026-01-01T10:01:00+00:00"
    assert expires_at(job(ended)) is None
    assert expires_at(job(ttlSecondsAfterFinished=60)) is None


SPECS = st.fixed_dictionaries(
    {"parallelism": st.integers(0, 3), "completions": st.integers(0, 4), "backoffLimit": st.integers(0, 2)},
    optional={
        "suspend": st.booleans(),
        "podReplacementPolicy": st.just("Failed"),
        "completionMode": st.just("Indexed"),
    },
)


@given(SPECS, st.lists(st.tuples(st.sampled_from("rsfe"), st.integers(0, 5)), max_size=25))
def test_a_job_ends_once_and_leaves_nothing(spec, events):
    """Whatever its Pods do: never more of them than may run, and once it has ended, it stays so and has none."""
    current, there, ends = job(**spec), [], set()
    for letter, which in events:
        plan = plan_job(current, there, NOW)
        current = structs.replace(current, status=plan.status)
        there = [each for each in there if each not in plan.deletes]
        there += [pod(f"{'' if index is None else index}p") for index in plan.creates]
        running = [n for n, each in enumerate(there) if not each.is_finished]
        assert len(running) <= max(spec["parallelism"], 0) + sum(each.is_terminating for each in there)
        ends |= {c.type for c in plan.status.conditions or () if c.type in ("Complete", "Failed")}
        if is_over(current):
            assert not running
        elif running:
            place = running[which % len(running)]
            index = there[place].annotations.get(INDEX, "")
            there[place] = pod(f"{index}{letter}", place)
        assert len(ends) <= 1
