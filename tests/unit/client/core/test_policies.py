"""The choices of each policy, and its invariants."""

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.client.core.endpoint import Endpoint, Wanted
from fairlead.client.core.member import Member
from fairlead.client.core.policies import ConsistentHash, LeastInFlight, PreferZone, RoundRobin

POLICIES = [RoundRobin, LeastInFlight, ConsistentHash, lambda: PreferZone("a")]
ANY = Wanted(key="k")


def endpoint(number, **fields):
    return Endpoint(f"10.0.{number // 256}.{number % 256}", 80, **fields)


def members(numbers, **fields):
    return tuple(sorted((Member(endpoint(n, **fields)) for n in numbers), key=lambda m: m.endpoint.place))


def chance(seed=0):
    return random.Random(seed).randrange


def names(policy, candidates, times, wanted=ANY, choose_by=None):
    draw = choose_by or chance()
    return [policy.choose(candidates, wanted, draw).endpoint for _ in range(times)]


numbers = st.sets(st.integers(0, 2000), min_size=1, max_size=40)
seeds = st.integers(0, 2**32)


@pytest.mark.parametrize("make", POLICIES)
@given(numbers=numbers, seed=seeds, key=st.text())
def test_the_choice_is_one_of_the_candidates(make, numbers, seed, key):
    candidates = members(numbers)
    policy = make()
    draw = chance(seed)
    assert all(policy.choose(candidates, Wanted(key=key), draw) in candidates for _ in range(5))


class TestRoundRobin:
    @given(numbers, seeds)
    def test_each_endpoint_gets_the_same_share(self, numbers, seed):
        candidates = members(numbers)
        counts = Counter(names(RoundRobin(), candidates, 3 * len(candidates), choose_by=chance(seed)))
        assert set(counts.values()) == {3}

    def test_goes_on_behind_the_last_one_when_the_set_changes(self):
        policy, start = RoundRobin(), lambda _: 0
        assert names(policy, members([1, 2, 3]), 2, choose_by=start) == [endpoint(1), endpoint(2)]
        assert names(policy, members([1, 4, 5]), 3) == [endpoint(4), endpoint(5), endpoint(1)]

    def test_clients_start_anywhere(self):
        firsts = {names(RoundRobin(), members(range(8)), 1, choose_by=chance(seed))[0] for seed in range(200)}
        assert len(firsts) == 8

    def test_roles_take_turns_of_their_own(self):
        policy, draw = RoundRobin(), lambda _: 0
        chosen = [
            policy.choose(candidates, Wanted(role=role), draw).endpoint
            for _ in range(3)
            for role, candidates in (("primary", members([1])), ("replica", members([2, 3])))
        ]
        assert chosen[1::2] == [endpoint(2), endpoint(3), endpoint(2)]


class TestLeastInFlight:
    @given(st.lists(st.integers(0, 9), min_size=2, max_size=30), seeds)
    def test_the_busiest_endpoint_is_never_picked(self, loads, seed):
        loads = [*loads, max(loads) + 1]
        candidates = members(range(len(loads)))
        for member, load in zip(candidates, loads, strict=True):
            member.in_flight = load
        draw = chance(seed)
        assert all(LeastInFlight().choose(candidates, ANY, draw) is not candidates[-1] for _ in range(10))

    def test_the_less_busy_of_two_is_picked(self):
        busy, idle = candidates = members([1, 2])
        busy.in_flight = 5
        assert set(names(LeastInFlight(), candidates, 20)) == {idle.endpoint}

    def test_idle_ones_share_evenly(self):
        counts = Counter(names(LeastInFlight(), members(range(4)), 4000))
        # 1000 expected for each, with a standard deviation of 27.
        assert all(850 < count < 1150 for count in counts.values())


KEYS = [f"key-{n}" for n in range(200)]


def placement(candidates):
    return {key: ConsistentHash().choose(candidates, Wanted(key=key), chance()).endpoint for key in KEYS}


class TestConsistentHash:
    @given(numbers, st.integers(3000, 4000))
    def test_only_the_keys_of_one_that_leaves_move(self, numbers, leaver):
        stay, all_ = members(numbers), members([*numbers, leaver])
        before, after = placement(all_), placement(stay)
        assert {key for key in KEYS if before[key] != after[key]} == {k for k in KEYS if before[k] == endpoint(leaver)}

    def test_keys_are_spread_evenly(self):
        candidates, policy = members(range(10)), ConsistentHash()
        counts = Counter(policy.choose(candidates, Wanted(key=str(n)), chance()).endpoint for n in range(2000))
        # 200 expected for each, with a standard deviation of 13.
        assert len(counts) == 10
        assert all(130 < count < 270 for count in counts.values())

    def test_after_a_failure_all_clients_choose_the_same_endpoint(self):
        all_ = members(range(10))
        first = ConsistentHash().choose(all_, ANY, chance())
        rest = [m for m in all_ if m is not first]
        assert len({ConsistentHash().choose(rest, ANY, chance(seed)).endpoint for seed in range(20)}) == 1

    def test_a_name_keeps_its_keys_at_another_address(self):
        def pods(addresses):
            return [Member(endpoint(a, name=f"db-{n}")) for n, a in enumerate(addresses)]

        before, after = placement(pods([1, 2, 3])), placement(pods([1, 99, 3]))
        assert {key: e.name for key, e in before.items()} == {key: e.name for key, e in after.items()}

    def test_needs_a_key(self):
        with pytest.raises(ValueError, match="needs a key"):
            ConsistentHash().choose(members([1]), Wanted(), chance())


class TestPreferZone:
    def test_endpoints_of_the_own_zone_are_preferred(self):
        near, far = members([1, 2], zone="a"), members([3, 4], zone="b")
        policy = PreferZone("a")
        assert set(names(policy, near + far, 10)) == {endpoint(1, zone="a"), endpoint(2, zone="a")}
        assert set(names(policy, far, 10)) == {endpoint(3, zone="b"), endpoint(4, zone="b")}

    def test_zones_may_come_from_elsewhere(self):
        policy = PreferZone("a", zone_of=lambda e: "a" if e.address == "10.0.0.2" else None)
        assert set(names(policy, members([1, 2, 3]), 10)) == {endpoint(2)}

    def test_another_policy_chooses_within_the_zone(self):
        busy, idle = near = members([1, 2], zone="a")
        busy.in_flight = 3
        assert set(names(PreferZone("a", LeastInFlight()), near + members([3]), 10)) == {idle.endpoint}
