"""The order of requests, and the classes of users."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.registry.access.flow_control import levels
from fairlead.registry.access.flow_control.fair_queue import FairFlow, FairQueue
from fairlead.registry.requests import User

HEAVY, LIGHT, SYSTEM = FairFlow("heavy", 2), FairFlow("light", 2), FairFlow("system", 8)


def served(queue, count, cost=1.0):
    order = []
    for _ in range(count):
        flow, item = queue.pop()
        queue.charge(flow, cost)
        order.append((flow, item))
    return order


def test_one_request_does_not_wait_for_anothers_thousand():
    queue = FairQueue(1000)
    for number in range(1000):
        queue.push(HEAVY, number)
    served(queue, 10)
    queue.push(LIGHT, "mine")
    assert (LIGHT, "mine") in served(queue, 2)


def test_an_idle_flow_keeps_no_credit():
    queue = FairQueue(1000)
    for number in range(500):
        queue.push(HEAVY, number)
    served(queue, 100)
    for number in range(500):
        queue.push(LIGHT, number)
    flows = [flow for flow, _ in served(queue, 40)]
    assert 19 <= flows.count(LIGHT) <= 21


def test_time_is_shared_by_weight_and_by_what_work_costs():
    queue = FairQueue(1000)
    spent = {HEAVY: 0.0, SYSTEM: 0.0}
    for number in range(1000):
        queue.push(HEAVY, number)
        queue.push(SYSTEM, number)
    while sum(spent.values()) < 500:
        flow, _ = queue.pop()
        cost = 5.0 if flow is HEAVY else 1.0
        spent[flow] += cost
        queue.charge(flow, cost)
    assert 3.5 < spent[SYSTEM] / spent[HEAVY] < 4.5


def test_the_length_of_each_flow_is_limited():
    queue = FairQueue(2)
    assert [queue.push(HEAVY, 1), queue.push(HEAVY, 2), queue.push(HEAVY, 3), queue.push(LIGHT, 1)] == [
        True,
        True,
        False,
        True,
    ]
    assert len(queue) == 3


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.floats(0.001, 10)), max_size=200))
def test_everything_is_served_once_and_each_flow_in_order(pushes):
    queue, pushed = FairQueue(1000), {}
    for number, (name, _) in enumerate(pushes):
        queue.push(FairFlow(name, 1), number)
        pushed.setdefault(name, []).append(number)
    seen = {}
    while len(queue):
        flow, item = queue.pop()
        queue.charge(flow, pushes[item][1])
        seen.setdefault(flow.name, []).append(item)
    assert seen == pushed


def test_users_that_came_once_are_forgotten():
    queue = FairQueue(100_000)
    for number in range(10_000):
        queue.push(HEAVY, number)
    for number in range(10_000):
        if number % 10 == 0:
            served(queue, 1)
        queue.charge(FairFlow(f"user-{number}", 1), 0.001)
    assert len(queue._clocks) < 200


@pytest.mark.parametrize(
    ("name", "groups", "level"),
    [
        ("system:anonymous", ("system:unauthenticated",), levels.UNAUTHENTICATED),
        ("system:node:node-1", ("system:nodes",), levels.SYSTEM),
        ("system:kube-proxy", (), levels.SYSTEM),
        ("system:serviceaccount:kube-system:fairlead-dns", (), levels.SYSTEM),
        ("system:serviceaccount:default:kube-system", (), levels.USERS),
        ("system:serviceaccount:kube-system-2:x", (), levels.USERS),
        ("kubernetes-admin", ("system:masters",), levels.ADMINISTRATORS),
        ("jane", ("system:nodes",), levels.USERS),
    ],
)
def test_levels(name, groups, level):
    assert levels.level_of(User(name, groups)) is level
