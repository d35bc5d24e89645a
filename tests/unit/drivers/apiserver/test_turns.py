"""Turns in an event loop: no user waits for another one's thousand requests."""

import asyncio

import pytest

from fairlead.drivers.apiserver import turns
from fairlead.drivers.apiserver.turns import Turns
from fairlead.registry.access.flow_control.fair_queue import FairFlow
from fairlead.registry.status import ApiError

HEAVY, LIGHT = FairFlow("heavy", 2), FairFlow("light", 2)


async def ask(taking, flow, order, cost=0.001):
    await taking.take(flow)
    order.append(flow.name)
    taking.charge(flow, cost)


def test_a_lone_user_does_not_wait():
    async def scenario():
        taking, order = Turns(), []
        for _ in range(100):
            await ask(taking, LIGHT, order, cost=0.0001)
        return order

    assert asyncio.run(scenario()) == ["light"] * 100


@pytest.mark.parametrize("cost", [0.0001, 0.001, 0.5])
def test_the_light_users_request_overtakes(cost):
    async def scenario():
        taking, order = Turns(), []
        heavy = [asyncio.ensure_future(ask(taking, HEAVY, order, cost)) for _ in range(200)]
        await asyncio.sleep(0)
        await asyncio.wait_for(ask(taking, LIGHT, order, cost), 30)
        overtaken = order.index("light")
        await asyncio.gather(*heavy)
        return overtaken

    assert asyncio.run(scenario()) <= 3 * turns.PER_ROUND


def test_one_users_waiting_is_bounded_and_others_are_let_in():
    async def scenario():
        taking, order = Turns(), []
        asked = [asyncio.ensure_future(ask(taking, HEAVY, order, 0.0)) for _ in range(turns.MAX_WAITING + 100)]
        await asyncio.sleep(0)
        mine = asyncio.ensure_future(ask(taking, LIGHT, order))
        results = await asyncio.gather(*asked, return_exceptions=True)
        await mine
        return [result for result in results if result is not None]

    refused = asyncio.run(scenario())
    assert len(refused) == 100 - turns.PER_ROUND
    assert {(error.code, error.details["retryAfterSeconds"]) for error in refused} == {(429, 1)}


def test_a_request_that_waits_too_long_is_refused(monkeypatch):
    monkeypatch.setattr(turns, "WAITING_SECONDS", 0.0)

    async def scenario():
        taking, order = Turns(), []
        return await asyncio.gather(*(ask(taking, HEAVY, order, 1.0) for _ in range(20)), return_exceptions=True)

    assert any(isinstance(result, ApiError) and result.code == 429 for result in asyncio.run(scenario()))


def test_clients_that_go_while_they_wait_cost_others_nothing():
    async def scenario():
        taking, order = Turns(), []
        gone = [asyncio.ensure_future(ask(taking, HEAVY, order)) for _ in range(100)]
        await asyncio.sleep(0)
        for task in gone:
            task.cancel()
        await asyncio.wait_for(ask(taking, LIGHT, order), 30)
        await asyncio.gather(*gone, return_exceptions=True)
        for _ in range(50):
            await asyncio.wait_for(ask(taking, LIGHT, order), 30)
        return order

    assert asyncio.run(scenario()).count("light") == 51
