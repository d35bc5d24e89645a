"""When the node proxy steps, and what it does when the kernel refuses; with planes that keep a record."""

import asyncio
from typing import Any

import pytest

from fairlead.app.proxy.options import ProxyOptions
from fairlead.app.proxy.planes import Done
from fairlead.app.proxy.process import NodeProxy
from fairlead.drivers.proxy import cpu_wait, nft, ruleset_watch
from fairlead.drivers.proxy.nft_commands import Problem, RulesError
from fairlead.model.addresses import IPFamily
from fairlead.model.names import ObjectKey
from tests.support.proxy_objects import endpoint, endpoint_slice, service

WEB = ObjectKey("ns", "web")


class Plane:
    """Fails as often as it is told to."""

    def __init__(self, family, failures=0):
        self.family, self.failures, self.followed, self.doubts = family, failures, [], 0
        self.held = {}

    def is_full_step(self, _):
        return False

    def invalidate(self):
        self.doubts += 1

    async def follow(self, _, changed, __):
        self.followed.append(set(changed))
        if self.failures:
            self.failures -= 1
            raise RulesError(Problem.OTHER)
        return Done(1, 0, 0.0)


@pytest.fixture
def kernel(monkeypatch):
    """The generation of a ruleset that nobody but the planes changes, and the pauses that were made."""
    state: dict[str, Any] = {"generation": 0, "pauses": []}

    async def sleep(seconds):
        state["pauses"].append(seconds)

    async def no_firewall():
        return ()

    monkeypatch.setattr("fairlead.app.proxy.process.chains_in_the_way", no_firewall)
    monkeypatch.setattr(nft, "generation", lambda: state["generation"])
    monkeypatch.setattr(asyncio, "sleep", sleep)
    return state


def proxy_of(*planes):
    return NodeProxy(ProxyOptions("here"), client=None, planes=list(planes))


def test_a_refused_transaction_is_tried_again_later_and_later(kernel):
    plane = Plane(IPFamily.IPV4, failures=11)
    asyncio.run(proxy_of(plane).step_until_done())
    assert len(plane.followed) == 12
    assert kernel["pauses"] == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30, 30])


def test_no_plane_misses_a_change_when_another_fails(kernel):
    first, second = Plane(IPFamily.IPV4), Plane(IPFamily.IPV6, failures=1)
    proxy = proxy_of(first, second)
    proxy.feed.service_changed(None, service())
    proxy.feed.slice_changed(None, endpoint_slice([endpoint("10.0.0.1")]))
    asyncio.run(proxy.step_until_done())
    assert first.followed == second.followed == [{WEB}, {WEB}]


def test_nothing_is_done_while_cluster_and_host_rest(kernel, monkeypatch):
    monkeypatch.setattr(ruleset_watch, "CHECK_SECONDS", 0.01)
    plane = Plane(IPFamily.IPV4)

    async def scenario():
        proxy = proxy_of(plane)
        proxy.host.patience = 0.01
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await proxy.wait_for_news()
        kernel["generation"] += 1
        await proxy.wait_for_news()
        assert plane.doubts == 1
        assert not proxy.host.has_foreign_changes()  # they are accounted for now

    asyncio.run(scenario())


def test_constant_foreign_changes_are_checked_less_and_less_often(kernel):
    async def scenario():
        proxy, waits = proxy_of(Plane(IPFamily.IPV4)), []
        for _ in range(6):
            kernel["generation"] += 1
            assert await proxy.check_host()
            waits.append(proxy.host.patience)
        assert waits == [2, 4, 8, 16, 30, 30]
        assert not await proxy.check_host()
        assert proxy.host.patience == 1

    asyncio.run(scenario())


def test_a_foreign_change_just_before_a_step_is_not_mistaken_for_our_own(kernel):
    async def scenario():
        proxy = proxy_of(Plane(IPFamily.IPV4))
        kernel["generation"] += 2  # ours, and a stranger's
        await proxy.step()
        assert proxy.host.has_foreign_changes()

    asyncio.run(scenario())


def test_a_proxy_that_waits_for_processors_pauses_in_proportion(monkeypatch):
    waited = iter([5.0, 5.0, 5.002, 5.022, 9.0])
    monkeypatch.setattr(cpu_wait, "seconds_waited", lambda: next(waited))
    breather = cpu_wait.Breather()
    assert [breather.rest() for _ in range(4)] == pytest.approx([0, 0.02, 0.2, cpu_wait.LONGEST])


def test_a_proxy_does_not_pause_while_a_change_waits():
    """Tests, and ``fairlead up --wait``, ask when everything is in the kernel (``reached``)."""

    async def scenario():
        proxy = proxy_of(Plane(IPFamily.IPV4))
        resting = asyncio.create_task(proxy._rest(3600))
        waiting = asyncio.create_task(proxy.reached(1))
        await resting
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        with pytest.raises(TimeoutError):  # nobody waits any more
            async with asyncio.timeout(0.01):
                await proxy._rest(3600)

    asyncio.run(scenario())


def test_a_service_that_is_held_back_is_tried_again_and_delays_no_other(kernel):
    plane = Plane(IPFamily.IPV4)

    async def scenario():
        proxy, plane.held = proxy_of(plane), {WEB: "ValueError: odd"}
        proxy.feed.service_changed(None, service())
        await proxy.step()
        assert plane.followed == [{WEB}]
        assert 'refused_services{ip_family="IPv4"} 1.0' in proxy.reports.metrics.text()
        proxy.feed.service_changed(None, service("other"))
        await proxy.wait_for_news()  # at once, for there is news
        await proxy.step()
        assert plane.followed[1] - {WEB} == {ObjectKey("ns", "other")}
        proxy.host.account_for_all()
        await proxy.wait_for_news()  # until it is due
        plane.held = {}
        await proxy.step()
        assert plane.followed[2] == {WEB}
        assert 'refused_services{ip_family="IPv4"} 0.0' in proxy.reports.metrics.text()

    asyncio.run(scenario())


class Policies:
    """Has something to do, once."""

    next_try = float("inf")

    def __init__(self):
        self.is_due, self.steps = True, 0

    async def step(self):
        self.is_due = False
        self.steps += 1
        return 1


def test_news_of_policies_is_no_work_for_services(kernel):
    async def scenario():
        proxy = proxy_of(Plane(IPFamily.IPV4))
        proxy.policies = Policies()
        proxy.feed.news.set()
        assert not await proxy.wait_for_news()
        await proxy.enforce_policies()
        assert proxy.policies.steps == 1
        kernel["generation"] += 1  # the transaction that this was
        assert not proxy.host.has_foreign_changes()
        proxy.feed.service_changed(None, service())
        assert await proxy.wait_for_news()

    asyncio.run(scenario())
