"""A Node's status."""

import pytest

from fairlead.model.objects import Condition
from fairlead.nodeagent.node_status import (
    architecture,
    has_running_conditions,
    node_labels,
    running_conditions,
)

THEN, NOW = "2026-01-01T00:00:00Z", "2026-01-01T00:00:09Z"


@pytest.mark.parametrize(
    ("machine", "expected"), [("x86_64", "amd64"), ("aarch64", "arm64"), ("riscv64", "riscv64"), ("new", "new")]
)
def test_architectures_have_go_s_words_in_both_spellings_of_the_label(machine, expected):
    labels = node_labels("n", machine, {"zone": "a"})
    assert architecture(machine) == expected
    assert (labels["kubernetes.io/arch"], labels["beta.kubernetes.io/arch"]) == (expected, expected)
    assert (labels["kubernetes.io/os"], labels["beta.kubernetes.io/os"]) == ("linux", "linux")
    assert labels["zone"] == "a"


def test_conditions_are_the_usual_ones_with_their_reasons():
    said = {c["type"]: (c["status"], c["reason"]) for c in running_conditions((), NOW)}
    assert said == {
        "MemoryPressure": ("False", "KubeletHasSufficientMemory"),
        "DiskPressure": ("False", "KubeletHasNoDiskPressure"),
        "PIDPressure": ("False", "KubeletHasSufficientPID"),
        "Ready": ("True", "KubeletReady"),
    }


def test_only_what_changes_has_a_new_transition_time():
    before = [
        Condition("Ready", "Unknown", last_transition_time=THEN),
        Condition("DiskPressure", "False", last_transition_time=THEN),
    ]
    said = {c["type"]: c["lastTransitionTime"] for c in running_conditions(before, NOW)}
    assert (said["Ready"], said["DiskPressure"], said["PIDPressure"]) == (NOW, THEN, NOW)


@pytest.mark.parametrize("wrong", ["MemoryPressure", "DiskPressure", "PIDPressure", "Ready"])
def test_each_condition_is_put_right_when_it_is_missing_or_another(wrong):
    said = [Condition(c["type"], c["status"]) for c in running_conditions((), NOW)]
    assert has_running_conditions(said)
    assert not has_running_conditions([c for c in said if c.type != wrong])
    assert not has_running_conditions([c if c.type != wrong else Condition(wrong, "Unknown") for c in said])


def test_a_node_that_is_short_of_disk_space_says_so_and_stays_ready():
    said = running_conditions((), NOW, short_of_disk=True)
    (pressure,) = (c for c in said if c["type"] == "DiskPressure")
    assert (pressure["status"], pressure["reason"], pressure["message"]) == (
        "True",
        "KubeletHasDiskPressure",
        "kubelet has disk pressure",
    )
    conditions = [Condition(c["type"], c["status"]) for c in said]
    assert has_running_conditions(conditions, short_of_disk=True)
    assert not has_running_conditions(conditions)
    assert [c["status"] for c in said if c["type"] == "Ready"] == ["True"]
