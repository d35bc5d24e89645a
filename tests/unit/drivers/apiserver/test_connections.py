"""The table of connections: shares of anonymous clients and of users."""

import pytest

from fairlead.drivers.apiserver.connections import FEWEST, MAX_CONNECTIONS, RESERVED, Connections
from fairlead.registry.access.flow_control.levels import ADMINISTRATORS, SYSTEM, UNAUTHENTICATED, USERS

MOST = 800


class Line:
    def __init__(self, is_idle=True):
        self.is_idle = is_idle
        self.is_cut = False

    def cut(self):
        self.is_cut = True


@pytest.fixture
def table():
    return Connections(MOST + RESERVED)


def connected(table, user=None, level=USERS, is_idle=True):
    line = Line(is_idle)
    table.add(line)
    if user and not table.claim(line, user, level):
        table.remove(line)
        return None
    return line


@pytest.mark.parametrize(("descriptors", "most"), [(1024, 1024 - RESERVED), (1 << 20, MAX_CONNECTIONS), (100, FEWEST)])
def test_some_descriptors_are_left_alone(descriptors, most):
    assert Connections(descriptors).most == most


def test_anonymous_clients_only_displace_each_other(table):
    user = connected(table, "jane")
    strangers = [connected(table) for _ in range(1000)]
    kept = [line for line in strangers if not line.is_cut]
    assert kept == strangers[-int(MOST * UNAUTHENTICATED.share) :]
    assert not user.is_cut
    assert not connected(table, "joe").is_cut


@pytest.mark.parametrize("level", [USERS, ADMINISTRATORS, SYSTEM])
def test_a_user_has_a_share(table, level):
    held = [connected(table, "jane", level) for _ in range(MOST)]
    assert sum(line is not None for line in held) == int(MOST * level.share)
    assert connected(table, "joe") is not None
    table.remove(held[0])
    assert connected(table, "jane", level) is not None


def test_with_all_connections_used_the_largest_holder_loses_idle_ones(table):
    for number in range(4):
        for _ in range(int(MOST * USERS.share)):
            connected(table, f"user-{number}", is_idle=number == 3)
    assert len(table) == MOST
    late = connected(table, "late")
    assert not late.is_cut
    assert len(table) == MOST


def test_with_all_connections_busy_the_newest_is_closed(table):
    for number in range(4):
        for _ in range(int(MOST * USERS.share)):
            connected(table, f"user-{number}", is_idle=False)
    late = Line(is_idle=False)
    table.add(late)
    assert late.is_cut


def test_anonymous_clients_stay_anonymous(table):
    line = connected(table)
    assert table.claim(line, "system:anonymous", UNAUTHENTICATED)
    for _ in range(int(MOST * UNAUTHENTICATED.share)):
        connected(table)
    assert line.is_cut
