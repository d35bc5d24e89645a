"""A client's set of endpoints: possible picks after any sequence of events."""

import random

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from fairlead.client.core.endpoint import Endpoint, NoEndpoints, Update, Wanted
from fairlead.client.core.health import Ejection
from fairlead.client.core.policies import LeastInFlight, RoundRobin
from fairlead.client.core.pool import Pool, RequestOutcome

RULE = Ejection(after=2, first=10)
ANY = Wanted()


def endpoint(number, **fields):
    return Endpoint(f"10.0.0.{number}", 80, **fields)


def make_pool(*endpoints, policy=None, rule=RULE):
    pool = Pool(policy or RoundRobin(), rule, random.Random(0).randrange)
    if endpoints:
        pool.update(Update(endpoints))
    return pool


def picked(pool, times, wanted=ANY, now=0.0, verdict=RequestOutcome.WORKED):
    found = []
    for _ in range(times):
        member = pool.pick(wanted, now)
        found.append(member.endpoint)
        pool.release(member, verdict, now)
    return found


def fail(pool, failing, now=0.0, times=2):
    """Let the endpoint fail, by picking until it comes."""
    while times:
        member = pool.pick(ANY, now)
        if member.endpoint == failing:
            times -= 1
            pool.release(member, RequestOutcome.FAILED, now)
        else:
            pool.release(member, RequestOutcome.UNKNOWN, now)


def test_no_news_is_not_an_empty_set():
    pool = make_pool()
    assert not pool.knows(ANY)
    pool.update(Update(None, "no answer"))
    assert pool.knows(ANY)
    with pytest.raises(NoEndpoints, match="no answer"):
        pool.pick(ANY, 0)


def test_the_last_known_set_stays_when_nothing_is_learned():
    pool = make_pool(endpoint(1))
    pool.update(Update(None, "no answer"))
    assert picked(pool, 1) == [endpoint(1)]


def test_an_empty_set_is_empty():
    pool = make_pool(endpoint(1))
    pool.update(Update((), "not in DNS"))
    with pytest.raises(NoEndpoints, match="not in DNS"):
        pool.pick(ANY, 0)


def test_the_order_in_which_endpoints_are_listed_does_not_matter():
    def order(*listed):
        pool = Pool(RoundRobin(), RULE, lambda _: 0)
        pool.update(Update(listed))
        return picked(pool, 3)

    assert order(endpoint(1), endpoint(2), endpoint(3)) == order(endpoint(3), endpoint(1), endpoint(2))


def test_one_endpoint_listed_twice_counts_once():
    pool = make_pool(endpoint(1), endpoint(1), endpoint(2))
    assert sorted(e.address for e in picked(pool, 4)) == ["10.0.0.1"] * 2 + ["10.0.0.2"] * 2


def test_an_ejected_endpoint_is_left_out_until_its_time_is_over():
    pool = make_pool(endpoint(1), endpoint(2))
    fail(pool, endpoint(1))
    assert set(picked(pool, 4, now=9.9)) == {endpoint(2)}
    assert set(picked(pool, 4, now=10.0)) == {endpoint(1), endpoint(2)}


def test_an_ejected_endpoint_stays_ejected_while_listed_and_is_new_when_it_returns():
    pool = make_pool(endpoint(1), endpoint(2))
    fail(pool, endpoint(1))
    pool.update(Update((endpoint(1), endpoint(2), endpoint(3))))
    assert endpoint(1) not in picked(pool, 6)
    pool.update(Update((endpoint(2),)))
    pool.update(Update((endpoint(1), endpoint(2))))
    assert endpoint(1) in picked(pool, 6)


def test_the_only_one_left_is_used_although_it_is_ejected():
    pool = make_pool(endpoint(1), endpoint(2))
    fail(pool, endpoint(1))
    pool.update(Update((endpoint(1),)))
    assert picked(pool, 1) == [endpoint(1)]


def test_a_failed_endpoint_is_not_retried_while_there_are_others():
    pool = make_pool(endpoint(1), endpoint(2))
    assert set(picked(pool, 4, Wanted(tried=frozenset([endpoint(1)])))) == {endpoint(2)}
    assert set(picked(pool, 4, Wanted(tried=frozenset([endpoint(1), endpoint(2)])))) == {endpoint(1), endpoint(2)}


def test_the_lowest_priority_that_can_be_used_is():
    pool = make_pool(endpoint(1, priority=0), endpoint(2, priority=10), endpoint(3, priority=10))
    assert set(picked(pool, 4)) == {endpoint(1, priority=0)}
    fail(pool, endpoint(1, priority=0))
    assert set(picked(pool, 4)) == {endpoint(2, priority=10), endpoint(3, priority=10)}


class TestRoles:
    PRIMARY, REPLICA = Wanted(role="primary"), Wanted(role="replica")

    def pool(self):
        pool = make_pool(endpoint(1), endpoint(2), endpoint(3))
        for number, role in enumerate(("primary", "replica", "replica"), 1):
            pool.assign(endpoint(number), role)
        pool.probed = True
        return pool

    def test_only_endpoints_with_the_role(self):
        pool = self.pool()
        assert set(picked(pool, 4, self.PRIMARY)) == {endpoint(1)}
        assert set(picked(pool, 4, self.REPLICA)) == {endpoint(2), endpoint(3)}

    def test_before_all_have_been_asked_nothing_is_certain(self):
        pool = make_pool(endpoint(1))
        assert not pool.knows(self.PRIMARY)
        assert pool.knows(ANY)

    def test_a_failure_takes_the_role_away_until_the_endpoint_has_been_asked_again(self):
        pool = self.pool()
        picked(pool, 1, self.PRIMARY, verdict=RequestOutcome.FAILED)
        with pytest.raises(NoEndpoints, match="none of 3 endpoints has the role 'primary'"):
            pool.pick(self.PRIMARY, 0)
        pool.assign(endpoint(2), "primary")
        assert picked(pool, 1, self.PRIMARY) == [endpoint(2)]

    def test_a_role_stays_with_an_endpoint_that_stays(self):
        pool = self.pool()
        pool.update(Update((endpoint(1), endpoint(4))))
        assert picked(pool, 1, self.PRIMARY) == [endpoint(1)]

    def test_an_endpoint_that_left_gets_no_role(self):
        pool = self.pool()
        pool.assign(endpoint(9), "primary")
        assert set(picked(pool, 4, self.PRIMARY)) == {endpoint(1)}


class PoolMachine(RuleBasedStateMachine):
    """Sets, requests and time in any order; the model knows the set and the requests under way."""

    def __init__(self):
        super().__init__()
        self.pool = make_pool(policy=LeastInFlight())
        self.set, self.under_way, self.now = set(), [], 0.0

    @rule(numbers=st.sets(st.integers(0, 5)))
    def hear(self, numbers):
        self.set = {endpoint(n) for n in numbers}
        self.pool.update(Update(tuple(self.set)))

    @rule()
    def hear_nothing(self):
        self.pool.update(Update(None))

    @rule(seconds=st.floats(0, 400))
    def wait(self, seconds):
        self.now += seconds

    @precondition(lambda self: not self.set)
    @rule()
    def refuse(self):
        with pytest.raises(NoEndpoints):
            self.pool.pick(ANY, self.now)

    @precondition(lambda self: self.set)
    @rule(tried=st.sets(st.integers(0, 5)))
    def pick(self, tried):
        member = self.pool.pick(Wanted(tried=frozenset(map(endpoint, tried))), self.now)
        assert member.endpoint in self.set
        self.under_way.append(member)

    @precondition(lambda self: self.under_way)
    @rule(
        which=st.integers(0), verdict=st.sampled_from([*RequestOutcome, RequestOutcome.FAILED, RequestOutcome.FAILED])
    )
    def release(self, which, verdict):
        self.pool.release(self.under_way.pop(which % len(self.under_way)), verdict, self.now)

    @invariant()
    def requests_under_way_are_counted(self):
        for member in self.under_way:
            assert member.in_flight == sum(other is member for other in self.under_way)

    @invariant()
    def somebody_is_left(self):
        """What is still to be had at any moment is not all ejected, unless those who were not have left."""
        if self.set:
            self.pool.release(self.pool.pick(ANY, self.now), RequestOutcome.UNKNOWN, self.now)


PoolMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=40)
TestPoolMachine = PoolMachine.TestCase


def test_a_fixed_set_is_never_ejected_as_a_whole():
    pool = make_pool(*map(endpoint, range(5)), rule=Ejection(after=1, first=1e6, at_most=1.0))
    picked(pool, 100, verdict=RequestOutcome.FAILED)
    assert len(set(picked(pool, 10))) == 1
