"""A component that starts on demand."""

import os
import select

import pytest

from fairlead.app.lab.init.demand import Demand

pytestmark = pytest.mark.io


class Started(list):
    """A supervisor, as far as it is used."""

    add = list.append


def demand_for(component):
    demand = Demand(component)
    yield demand
    demand.close()
    os.close(demand._writer)


@pytest.fixture
def demand():
    yield from demand_for("router")


@pytest.fixture
def demand_of_none():
    yield from demand_for(None)


def is_readable(demand):
    return bool(select.select([demand.reader], [], [], 0)[0])


def test_a_component_starts_once_for_several_demands(demand):
    started = Started()
    demand.meet(started, set())
    assert not started
    for _ in range(2):
        demand.ask()
        demand.ask()
        assert is_readable(demand)
        demand.meet(started, {demand.reader})
        assert not is_readable(demand)
        demand._has_asked = False  # as in the successor of a component that has died
    assert started == ["router"]


def test_a_lab_that_has_none_starts_nothing(demand_of_none):
    started = Started()
    demand_of_none.ask()
    demand_of_none.meet(started, {demand_of_none.reader})
    assert started == []
