"""From containers to the status of their Pod, and when containers start again."""

from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.allocation.podip import CIDRExhausted, next_pod_ip
from fairlead.model.decode import decode
from fairlead.nodeagent.life.restarts import LAST_DELAY, NO_RESTARTS, effective_policy, next_delay, restarts
from fairlead.nodeagent.manifest import Container, ExitCodes, Probe, RestartRule, RunPod
from fairlead.nodeagent.probing import ProbeVerdict, Series
from fairlead.nodeagent.records import (
    CREATING,
    DEADLINE_EXCEEDED,
    Addresses,
    ContainerRecord,
    PodRecord,
    Running,
    Terminated,
    Waiting,
    record_of,
    seconds_until_deadline,
)
from fairlead.nodeagent.status import build_status, pod_phase
from fairlead.nodeagent.termination import message_of, shows_log, with_message_file
from fairlead.nodeagent.volumes import Mount

THEN, NOW = "2026-01-01T00:00:00Z", "2026-01-01T00:00:09Z"
RUNNING, DONE = Running(THEN), Terminated(0, "Completed", THEN, NOW)
FAILED = Terminated(1, "Error", THEN, NOW)
BACK_OFF = Waiting("CrashLoopBackOff")


def pod(*containers: dict, conditions: list | None = None, **spec) -> RunPod:
    spec = {"containers": list(containers) or [{"name": "main"}], **spec}
    status = {"conditions": conditions or []}
    return decode(RunPod, {"metadata": {"name": "a", "namespace": "b", "uid": "u"}, "spec": spec, "status": status})


def record(*states, init=(), last=None, ready=True, sidecars=False) -> PodRecord:
    main = pod(*({"name": f"c{i}"} for i in range(len(states)))).spec.containers
    policy = {"restartPolicy": "Always"} if sidecars else {}
    inits = pod(*({"name": f"i{i}", **policy} for i in range(len(init)))).spec.containers if init else ()

    def one(container, state):
        runs = isinstance(state, Running)
        return ContainerRecord(container, state, last, 0, ready and runs, runs)

    return PodRecord(
        Addresses(("192.168.64.11", "fd00::11"), ("10.244.1.2", "fd00:1::2")),
        THEN,
        tuple(map(one, main, states)),
        tuple(map(one, inits, init)),
        connected=True,
    )


def conditions(document: dict) -> dict[str, tuple[str, str]]:
    return {c["type"]: (c["status"], c.get("reason", "")) for c in document["conditions"]}


def test_an_ephemeral_container_is_shown_and_counts_for_nothing():
    """As upstream has it: never ready, and neither phase nor conditions depend on it."""
    look = ContainerRecord(pod({"name": "look"}).spec.containers[0], FAILED, ready=True, started=True)
    status = build_status(pod(), replace(record(RUNNING), ephemeral_containers=(look,)), NOW)
    (shown,) = status["ephemeralContainerStatuses"]
    assert (shown["name"], shown["ready"], shown["state"]["terminated"]["exitCode"]) == ("look", False, 1)
    assert "started" not in shown
    assert (status["phase"], conditions(status)["Ready"]) == ("Running", ("True", ""))


def test_the_status_reports_the_current_resources_of_a_container():
    asks = {"requests": {"cpu": "1"}, "limits": {"cpu": "2"}}
    status = build_status(pod({"name": "c0", "resources": asks}), record(RUNNING), NOW)["containerStatuses"][0]
    assert (status["resources"], status["allocatedResources"]) == (asks, {"cpu": "1"})
    assert "resources" not in build_status(pod({"name": "c0"}), record(RUNNING), NOW)["containerStatuses"][0]


class TestEndedByItsNode:
    def test_a_pod_is_failed_once_no_container_runs(self):
        """However its containers have ended."""
        running = replace(record(RUNNING), failure=DEADLINE_EXCEEDED)
        assert build_status(pod(), running, NOW)["phase"] == "Running"
        for state in (DONE, BACK_OFF):
            status = build_status(pod(), replace(record(state), failure=DEADLINE_EXCEEDED), NOW)
            assert (status["phase"], status["reason"]) == ("Failed", "DeadlineExceeded")
            assert status["message"] == "Pod was active on the node longer than the specified deadline"

    @pytest.mark.parametrize(("spec", "left"), [({}, None), ({"activeDeadlineSeconds": 60}, 51)])
    def test_the_remaining_active_time_of_a_pod(self, spec, left):
        assert seconds_until_deadline(pod(**spec), THEN, datetime.fromisoformat(NOW)) == left


@pytest.mark.parametrize(
    ("policy", "code", "shown"),
    [("FallbackToLogsOnError", 3, True), ("FallbackToLogsOnError", 0, False), ("File", 3, False)],
)
def test_when_the_log_is_the_termination_message(policy, code, shown):
    (container,) = pod({"name": "main", "terminationMessagePolicy": policy}).spec.containers
    assert shows_log(container, code) is shown


def test_a_message_has_an_end():
    assert message_of(b"\xff" + b"x" * 3000) == "x" * 2048


@pytest.mark.parametrize(
    ("path", "volume", "targets"),
    [
        ("/dev/termination-log", "/data", ["/data", "/dev/termination-log"]),
        ("/end", "/data/deep", ["/end", "/data/deep"]),
        ("end", "/data", ["/data", "/end"]),
        ("/data/end", "/data", ["/data"]),
        ("/data", "/data", ["/data"]),
    ],
)
def test_the_mount_of_the_termination_message_file(path, volume, targets):
    (container,) = pod({"name": "main", "terminationMessagePath": path}).spec.containers
    mounts = with_message_file([Mount("/run/v", volume)], container, "/run/end")
    assert [mount.target for mount in mounts] == targets


class TestPhase:
    @pytest.mark.parametrize(
        ("policy", "of", "phase"),
        [
            ("Always", record(CREATING), "Pending"),
            ("Always", record(RUNNING, CREATING), "Running"),
            ("Always", record(RUNNING), "Running"),
            ("Always", record(BACK_OFF, last=FAILED), "Running"),
            ("Always", record(DONE), "Running"),
            ("OnFailure", record(DONE), "Succeeded"),
            ("OnFailure", record(FAILED), "Running"),
            ("OnFailure", record(DONE, RUNNING), "Running"),
            ("Never", record(DONE, DONE), "Succeeded"),
            ("Never", record(DONE, FAILED), "Failed"),
            ("Never", record(CREATING, init=[FAILED]), "Failed"),
            ("Always", record(CREATING, init=[FAILED]), "Pending"),
            ("Always", record(CREATING, init=[RUNNING]), "Pending"),
            ("Always", record(RUNNING, init=[DONE]), "Running"),
            ("Never", record(CREATING, init=[CREATING], sidecars=True), "Pending"),
            ("Never", record(DONE, init=[RUNNING], sidecars=True), "Running"),
            ("Never", record(DONE, init=[DONE], sidecars=True), "Succeeded"),
            ("Never", record(DONE, init=[FAILED], sidecars=True), "Succeeded"),
            ("Always", record(RUNNING, init=[BACK_OFF], sidecars=True), "Running"),
        ],
    )
    def test_the_phase_by_containers_and_policy(self, policy, of, phase):
        assert pod_phase(policy, of) == phase


class TestConditions:
    def test_ready_when_every_container_is(self):
        assert conditions(build_status(pod(), record(RUNNING), NOW)) == {
            "PodReadyToStartContainers": ("True", ""),
            "Initialized": ("True", ""),
            "Ready": ("True", ""),
            "ContainersReady": ("True", ""),
            "PodScheduled": ("True", ""),
        }

    def test_an_unready_container_is_named(self):
        status = build_status(pod(), record(RUNNING, ready=False), NOW)
        (ready,) = (c for c in status["conditions"] if c["type"] == "Ready")
        assert (ready["status"], ready["reason"]) == ("False", "ContainersNotReady")
        assert ready["message"] == "containers with unready status: [c0]"

    def test_a_finished_pod_is_not_ready(self):
        found = conditions(build_status(pod(restartPolicy="Never"), record(DONE), NOW))
        assert found["Ready"] == found["ContainersReady"] == ("False", "PodCompleted")
        assert found["Initialized"] == ("True", "PodCompleted")

    def test_init_containers_hold_the_others_up(self):
        status = build_status(pod(), record(CREATING, init=[RUNNING]), NOW)
        assert conditions(status)["Initialized"] == ("False", "ContainersNotInitialized")
        assert status["containerStatuses"][0]["state"] == {"waiting": {"reason": "PodInitializing"}}

    @pytest.mark.parametrize(
        ("state", "sidecars", "ready"), [(DONE, False, True), (FAILED, False, False), (DONE, True, False)]
    )
    def test_an_init_container_that_has_ended_well_is_ready(self, state, sidecars, ready):
        status = build_status(pod(), record(RUNNING, init=[state], sidecars=sidecars), NOW)
        assert status["initContainerStatuses"][0]["ready"] is ready

    def test_a_readiness_gate_is_waited_for(self):
        gated = {"readinessGates": [{"conditionType": "x/lb"}]}
        assert conditions(build_status(pod(**gated), record(RUNNING), NOW))["Ready"][1] == "ReadinessGatesNotReady"
        opened = pod(conditions=[{"type": "x/lb", "status": "True"}], **gated)
        found = conditions(build_status(opened, record(RUNNING), NOW))
        assert found["Ready"] == ("True", "")
        assert found["x/lb"] == ("True", "")

    def test_transition_times_change_with_the_status_only(self):
        before = build_status(pod(), record(RUNNING), THEN)["conditions"]
        after = build_status(pod(conditions=before), record(RUNNING, ready=False), NOW)["conditions"]
        times = {c["type"]: c["lastTransitionTime"] for c in after}
        assert times == {t: (NOW if t in ("Ready", "ContainersReady") else THEN) for t in times}

    def test_the_same_again_is_the_same_document(self):
        status = build_status(pod(), record(RUNNING), THEN)
        assert build_status(pod(conditions=status["conditions"]), record(RUNNING), NOW) == status


class TestTakingOver:
    CONTAINER = pod().spec.containers[0]

    @pytest.mark.parametrize(
        ("state", "expected"),
        [
            ({"waiting": {"reason": "ContainerCreating"}}, CREATING),
            ({"terminated": {"exitCode": 3, "reason": "Error", "startedAt": THEN, "finishedAt": NOW}}, 3),
            ({"running": {"startedAt": THEN}}, 137),
        ],
    )
    def test_processes_of_an_ended_agent_have_ended(self, state, expected):
        found = record_of(self.CONTAINER, ({"name": "main", "state": state, "restartCount": 4},))
        assert found.restart_count == 4
        assert (found.state.exit_code if isinstance(found.state, Terminated) else found.state) == expected

    def test_a_container_without_a_published_status(self):
        assert record_of(self.CONTAINER, None) == ContainerRecord(self.CONTAINER)

    @given(st.sampled_from([CREATING, RUNNING, DONE, FAILED]), st.booleans())
    def test_a_status_is_read_back_as_it_was_written(self, state, ready):
        status = build_status(pod({"name": "c0"}), record(state, ready=ready), NOW)
        found = record_of(pod({"name": "c0"}).spec.containers[0], tuple(status["containerStatuses"]))
        if isinstance(state, Terminated):
            assert found.state == state


class TestRestarts:
    @pytest.mark.parametrize(
        ("policy", "code", "expected"),
        [
            ("Always", 0, True),
            ("Always", 1, True),
            ("OnFailure", 0, False),
            ("OnFailure", 1, True),
            ("Never", 1, False),
        ],
    )
    def test_policy(self, policy, code, expected):
        assert restarts(policy, code) is expected

    @pytest.mark.parametrize(
        ("policy", "code", "operator", "expected"),
        [
            ("Never", 3, "In", True),
            ("Never", 4, "In", False),
            ("Never", 4, "NotIn", True),
            ("OnFailure", 4, "In", True),
            ("Always", 0, "In", True),
            (NO_RESTARTS, 3, "In", False),
        ],
    )
    def test_a_rule_overrides_the_policy(self, policy, code, operator, expected):
        rules = (RestartRule("Restart", ExitCodes(operator, (3,))), RestartRule("RestartAllContainers"))
        assert restarts(policy, code, rules) is expected

    @pytest.mark.parametrize(
        ("of_pod", "own", "is_init", "expected"),
        [
            ("Always", None, False, "Always"),
            ("Always", "Never", False, "Never"),
            ("Never", "OnFailure", False, "OnFailure"),
            ("Always", None, True, "OnFailure"),
            ("Never", None, True, "Never"),
            ("Never", "Always", True, "Always"),
        ],
    )
    def test_a_containers_own_policy_overrides_its_pods(self, of_pod, own, is_init, expected):
        assert effective_policy(Container("c", restart_policy=own), of_pod, is_init=is_init) == expected

    def test_delays_double_up_to_a_limit_and_are_forgiven(self):
        delays, delay = [], None
        for _ in range(8):
            delay = next_delay(delay, 1.0)
            delays.append(delay)
        assert delays == [0, 10, 20, 40, 80, 160, LAST_DELAY, LAST_DELAY]
        assert next_delay(LAST_DELAY, 601.0) == 0


class TestProbing:
    PROBE = Probe(success_threshold=2, failure_threshold=3)

    @pytest.mark.parametrize(
        ("results", "verdict"),
        [
            ("", ProbeVerdict.UNKNOWN),
            ("+", ProbeVerdict.UNKNOWN),
            ("++", ProbeVerdict.SUCCESS),
            ("+-+", ProbeVerdict.UNKNOWN),
            ("---", ProbeVerdict.FAILURE),
            ("++--", ProbeVerdict.SUCCESS),
            ("++---", ProbeVerdict.FAILURE),
            ("++---+", ProbeVerdict.FAILURE),
            ("++---++", ProbeVerdict.SUCCESS),
        ],
    )
    def test_thresholds_count_consecutive_results(self, results, verdict):
        series = Series()
        for result in results:
            series = series.after(result == "+", self.PROBE)
        assert series.verdict is verdict


class TestPodIP:
    @given(st.sets(st.integers(2, 6)), st.integers(2, 6))
    def test_free_of_the_network_and_the_furthest_from_reuse(self, taken, last):
        used = {f"10.0.0.{n}" for n in taken}
        order = [f"10.0.0.{n}" for n in [*range(last + 1, 7), *range(2, last + 1)]]
        free = [address for address in order if address not in used]
        if not free:
            with pytest.raises(CIDRExhausted, match=r"10\.0\.0\.0/29"):
                next_pod_ip("10.0.0.0/29", used, f"10.0.0.{last}")
        else:
            assert next_pod_ip("10.0.0.0/29", used, f"10.0.0.{last}") == free[0]

    def test_the_first_address_is_the_pods_ip(self):
        assert next_pod_ip("10.244.1.0/24", set()) == "10.244.1.2"

    def test_ipv6_of_which_there_is_no_end(self):
        assert next_pod_ip("fd00:10:244:1::/64", set()) == "fd00:10:244:1::2"
        assert next_pod_ip("fd00:10:244:1::/64", {"fd00:10:244:1::a"}, "fd00:10:244:1::9") == "fd00:10:244:1::b"
