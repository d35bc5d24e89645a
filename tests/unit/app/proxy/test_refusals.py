"""A Service with refused rules is reported once for each reason, and retried at growing intervals."""

from fairlead.app.proxy.refusals import LAST_RETRY, Refusals
from fairlead.model.names import ObjectKey

A, B = ObjectKey("ns", "a"), ObjectKey("ns", "b")


class Clock:
    now = 100.0


def test_each_refused_service_is_reported_once_for_each_reason():
    told = []
    refusals = Refusals(lambda *what: told.append(what), lambda: Clock.now)
    for held in ({A: "odd"}, {A: "odd", B: "odd"}, {A: "odder", B: "odd"}, {B: "odd"}, {A: "odd", B: "odd"}):
        refusals.tried({A, B}, held)
    assert told == [(A, "odd"), (B, "odd"), (A, "odder"), (A, "odd")]


def test_refused_services_are_retried_at_growing_intervals_until_they_succeed():
    clock, waits = Clock(), []
    refusals = Refusals(lambda *_: None, lambda: clock.now)
    refusals.tried({A}, {A: "odd"})
    for _ in range(11):
        assert refusals.due() == set()
        waits.append(round(refusals.next_try - clock.now, 3))
        clock.now = refusals.next_try
        assert refusals.due() == {A}
        refusals.tried({A}, {A: "odd"})
    assert waits == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, LAST_RETRY, LAST_RETRY]
    refusals.tried({A}, {})
    assert (refusals.next_try, refusals.due()) == (float("inf"), set())


def test_a_change_of_another_service_does_not_delay_a_retry():
    clock = Clock()
    refusals = Refusals(lambda *_: None, lambda: clock.now)
    refusals.tried({A}, {A: "odd"})
    due = refusals.next_try
    clock.now += 0.05
    refusals.tried({B}, {A: "odd"})
    assert refusals.next_try == due
