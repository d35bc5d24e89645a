"""Outlier ejection: when, and for how long."""

import pytest

from fairlead.client.core.health import Ejection, EndpointHealth

RULE = Ejection(after=3, first=10, longest=60, at_most=0.5)


def failed(health, now, times=1, may_eject=True):
    for _ in range(times):
        health = health.after_failure(now, RULE, may_eject)
    return health


def test_some_failures_in_a_row_eject():
    assert not failed(EndpointHealth(), 0, times=2).is_ejected(0)
    assert failed(EndpointHealth(), 0, times=3).is_ejected(0)
    assert failed(EndpointHealth(), 0, times=3).until == 10


def test_a_success_restarts_the_count():
    assert not failed(failed(EndpointHealth(), 0, times=2).after_success(), 0, times=2).is_ejected(0)


def test_an_endpoint_over_the_limit_is_ejected_at_the_next_failure_once_possible():
    waiting = failed(EndpointHealth(), 0, times=7, may_eject=False)
    assert not waiting.is_ejected(0)
    assert failed(waiting, 1).is_ejected(1)


def test_failures_of_requests_that_were_under_way_do_not_make_it_worse():
    ejected = failed(EndpointHealth(), 0, times=3)
    assert failed(ejected, 9, times=50) == ejected


def test_the_next_failure_after_the_return_ejects_for_twice_as_long_up_to_the_longest():
    health, now, spans = failed(EndpointHealth(), 0, times=3), 0.0, []
    for _ in range(5):
        spans.append(health.until - now)
        now = health.until
        assert not health.is_ejected(now)
        health = failed(health, now)
    assert spans == [10, 20, 40, 60, 60]


@pytest.mark.parametrize(("well_for", "span"), [(9.9, 20), (10, 10)])
def test_ejections_are_forgotten_after_an_equally_long_healthy_time(well_for, span):
    ejected = failed(EndpointHealth(), 0, times=3)
    now = ejected.until + well_for
    assert failed(ejected.after_success(), now, times=3).until - now == span


@pytest.mark.parametrize(
    ("at_most", "size", "allowed"),
    [
        (0.5, 0, 0),
        (0.5, 1, 0),
        (0.5, 2, 1),
        (0.5, 3, 1),
        (0.5, 10, 5),
        (0.1, 5, 1),
        (1.0, 1, 0),
        (1.0, 2, 1),
        (1.0, 10, 9),
    ],
)
def test_the_number_of_simultaneous_ejections_is_limited(at_most, size, allowed):
    rule = Ejection(at_most=at_most)
    assert [rule.allows(ejected, size) for ejected in range(size + 1)] == [n < allowed for n in range(size + 1)]


def test_any_number_of_ejections_is_finite():
    assert Ejection().seconds(10_000) == 300
