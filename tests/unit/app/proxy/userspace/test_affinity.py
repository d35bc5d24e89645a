"""The memory of clients' endpoints, and its duration."""

from fairlead.app.proxy.userspace.affinity import ClientMemory
from fairlead.netfilter.ruleset import Target

ONE, OTHER = Target("127.31.0.1", 80), Target("127.31.0.2", 80)
CLIENT, TIMEOUTS = "127.31.0.9", {"web": 10, "api": 100}


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def test_an_endpoint_is_kept_until_its_time_is_over():
    clock = Clock()
    affinity = ClientMemory(clock)
    affinity.note(CLIENT, {"web": ONE}, TIMEOUTS)
    clock.now = 9.9
    assert affinity.of(CLIENT) == {("web", CLIENT): ONE}
    clock.now = 10.0
    assert affinity.of(CLIENT) == {}


def test_each_connection_restarts_the_affinity_of_its_service_only():
    clock = Clock()
    affinity = ClientMemory(clock)
    affinity.note(CLIENT, {"web": ONE}, TIMEOUTS)
    clock.now = 9.0
    affinity.note(CLIENT, {"api": OTHER}, TIMEOUTS)
    clock.now = 11.0
    assert affinity.of(CLIENT) == {("api", CLIENT): OTHER}


def test_an_endpoint_that_is_gone_is_forgotten():
    affinity = ClientMemory(Clock())
    affinity.note(CLIENT, {"web": ONE, "api": ONE}, TIMEOUTS)
    affinity.forget({("web", ONE), ("api", OTHER)})
    assert affinity.of(CLIENT) == {("api", CLIENT): ONE}
    affinity.forget({("api", ONE)})
    assert affinity.of(CLIENT) == {}


def test_clients_that_never_come_back_do_not_pile_up():
    clock = Clock()
    affinity = ClientMemory(clock)
    for number in range(20_000):
        clock.now = number / 10
        affinity.note(str(number), {"web": ONE}, TIMEOUTS)
    assert len(affinity._noted) < 2500
