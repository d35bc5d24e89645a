"""Leader election of replicas, by their Lease."""

import pytest

from fairlead.model.objects import Lease, LeaseSpec, Metadata
from fairlead.workloads.leader_election import (
    ObservedLease,
    Timing,
    acquired,
    can_acquire,
    observe,
    released,
    timing_fault,
)

THEN, NOW = "2026-01-01T00:00:00.000000Z", "2026-01-01T00:00:09.000000Z"
HELD = LeaseSpec("other", 15, THEN, THEN, 3)


def lease(spec, version="1"):
    return Lease(Metadata("controllers", "kube-system", "uid", version), spec)


@pytest.mark.parametrize(
    ("timing", "fault"),
    [
        (Timing(), ""),
        (Timing(15, 15, 2), "leaseDuration must be greater than renewDeadline"),
        (Timing(15, 10, 9), "renewDeadline must be greater than retryPeriod*JitterFactor"),
        (Timing(15, 10, 0), "retryPeriod must be greater than zero"),
        (Timing(0.5, 0.4, 0.1), "leaseDuration must be at least 1s"),
    ],
)
def test_times_that_do_not_fit_each_other_are_refused(timing, fault):
    assert timing_fault(timing) == fault


@pytest.mark.parametrize(
    ("spec", "now", "expected"),
    [
        pytest.param(LeaseSpec(), 0, True, id="held by nobody"),
        pytest.param(HELD, 14.9, False, id="held by another"),
        pytest.param(HELD, 15, True, id="by one that was silent for its duration"),
        pytest.param(LeaseSpec("other", 60, THEN, THEN), 30, False, id="whose duration is its own"),
        pytest.param(LeaseSpec("me", 15, THEN, THEN), 1, True, id="held by the candidate"),
        pytest.param(LeaseSpec("dead", 15, THEN, THEN), 1, True, id="by one that is known to be dead"),
    ],
)
def test_when_a_lease_can_be_taken(spec, now, expected):
    assert can_acquire(ObservedLease(lease(spec), 0.0), "me", now, lambda name: name == "dead") is expected


def test_silence_counts_from_when_the_lease_was_first_seen_to_say_so():
    first = observe(None, lease(HELD), 100.0)
    assert observe(first, lease(HELD, "2"), 110.0) == ObservedLease(lease(HELD, "2"), 100.0)
    renewed = LeaseSpec("other", 15, THEN, NOW, 3)
    assert observe(first, lease(renewed, "2"), 110.0).since == 110.0


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        pytest.param(LeaseSpec(), LeaseSpec("me", 15, NOW, NOW, 0), id="new"),
        pytest.param(HELD, LeaseSpec("me", 15, NOW, NOW, 4), id="from another"),
        pytest.param(LeaseSpec("me", 15, THEN, THEN, 3), LeaseSpec("me", 15, THEN, NOW, 3), id="renewed"),
        pytest.param(LeaseSpec(None, 1, THEN, THEN, 3), LeaseSpec("me", 15, NOW, NOW, 4), id="given back"),
    ],
)
def test_the_lease_of_a_holder(spec, expected):
    assert acquired(spec, "me", Timing(), NOW) == expected


def test_a_released_lease_can_be_taken_at_once():
    free = released(HELD, NOW)
    assert free == LeaseSpec(None, 1, NOW, NOW, 3)
    assert can_acquire(ObservedLease(lease(free), 0.0), "me", 0.0)
