"""Both balancers: retry, waiting, roles, cancellation. Their source is scripted; no sockets."""

import asyncio
import contextlib
import os
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import pytest

from fairlead.client import AsyncBalancer, Balancer, Ejection, Endpoint, NoEndpoints, Roles, Static, Update
from fairlead.client.core.member import Member

ONE, TWO, THREE = (Endpoint(f"10.0.0.{n}", 80) for n in (1, 2, 3))
PATIENCE = 20.0  # seconds


class Told:
    """Tells the first update, then the next one at each doubt."""

    def __init__(self, *updates):
        self._updates = updates

    async def follow(self, doubt):
        for update in self._updates:
            yield update
            await doubt.wait()
            doubt.clear()
        await asyncio.Event().wait()


class Late:
    """Knows that there is nothing, and when it is told so that there is one endpoint."""

    def __init__(self):
        self.told = threading.Event()

    async def follow(self, doubt):
        yield Update((), "none is ready")
        while not self.told.is_set():  # noqa: ASYNC110 - another thread tells
            await asyncio.sleep(0.001)
        yield Update((ONE,))
        await asyncio.Event().wait()


class Broken:
    async def follow(self, doubt):
        raise RuntimeError("no kubeconfig")
        yield


class Brief:
    """Tells one set and ends, as a source that only reads a file would."""

    followed = 0

    async def follow(self, doubt):
        self.followed += 1
        yield Update((ONE,))


class Silent:
    async def follow(self, doubt):
        await asyncio.Event().wait()
        yield


class FirstOf:
    """Chooses the first, and remembers how busy each candidate was."""

    def choose(self, candidates: list[Member], wanted, chance):
        self.in_flight = {c.endpoint: c.in_flight for c in candidates}
        return candidates[0]


def refuse(endpoint):
    raise ConnectionRefusedError(str(endpoint))


def only(good):
    """A request that works at one endpoint alone."""
    return lambda endpoint: endpoint if endpoint == good else refuse(endpoint)


class TestThreads:
    def test_a_failure_is_counted_and_passed_on(self):
        with Balancer(Static([ONE, TWO]), FirstOf(), ejection=Ejection(after=1)) as balancer:
            with pytest.raises(ConnectionRefusedError), balancer.pick() as endpoint:
                refuse(endpoint)
            with balancer.pick() as endpoint:
                assert endpoint == TWO

    def test_other_exceptions_say_nothing_about_the_endpoint(self):
        with Balancer(Static([ONE, TWO]), FirstOf(), ejection=Ejection(after=1)) as balancer:
            with pytest.raises(KeyError), balancer.pick():
                raise KeyError
            with balancer.pick() as endpoint:
                assert endpoint == ONE

    def test_a_function_may_tell_which_exceptions_count(self):
        balancer = Balancer(
            Static([ONE, TWO]), FirstOf(), ejection=Ejection(after=1), failures=lambda error: "down" in str(error)
        )
        with balancer:
            for message, following in (("mistaken", ONE), ("down", TWO)):
                with pytest.raises(KeyError), balancer.pick():
                    raise KeyError(message)
                with balancer.pick() as endpoint:
                    assert endpoint == following

    def test_no_endpoint_is_not_a_failure_of_an_endpoint(self):
        balancer = Balancer(Static([]), failures=lambda _: True)
        with balancer, pytest.raises(NoEndpoints):
            balancer.call(refuse)

    def test_a_call_goes_on_to_the_next(self):
        with Balancer(Static([ONE, TWO, THREE]), FirstOf()) as balancer:
            assert balancer.call(only(THREE)) == THREE

    def test_a_call_gives_up_with_the_last_failure(self):
        balancer = Balancer(Static([ONE, TWO, THREE]), FirstOf())
        with balancer, pytest.raises(ConnectionRefusedError, match=str(TWO)):
            balancer.call(only(THREE), attempts=2)

    def test_an_empty_set_fails_at_once_or_after_waiting(self):
        late = Late()
        with Balancer(late) as balancer:
            with pytest.raises(NoEndpoints, match="none is ready"), balancer.pick():
                pass
            threading.Timer(0.02, late.told.set).start()
            with balancer.pick(wait=PATIENCE) as endpoint:
                assert endpoint == ONE

    def test_the_failure_of_a_source_is_reported(self):
        balancer = Balancer(Broken())
        with balancer, pytest.raises(NoEndpoints, match="RuntimeError: no kubeconfig"), balancer.pick():
            pass

    def test_a_failure_makes_the_source_look_again(self):
        with Balancer(Told(Update((ONE,)), Update((TWO,)))) as balancer:
            with pytest.raises(ConnectionRefusedError), balancer.pick() as endpoint:
                refuse(endpoint)
            while balancer.endpoints() != (TWO,):
                threading.Event().wait(0.001)

    def test_closing_refuses_those_who_wait_and_those_who_come(self):
        balancer = Balancer(Silent())
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(lambda: balancer.pick().__enter__())
            while not [t for t in threading.enumerate() if t.name == "fairlead-client"]:
                pass
            balancer.close()
            with pytest.raises(RuntimeError, match="closed"):
                waiting.result(PATIENCE)
        with pytest.raises(RuntimeError, match="closed"), balancer.pick():
            pass
        assert not [t for t in threading.enumerate() if t.name == "fairlead-client"]

    def test_many_threads_leave_nothing_in_flight(self):
        policy = FirstOf()
        with Balancer(Static([ONE, TWO]), policy) as balancer, ThreadPoolExecutor(8) as pool:

            def request(number):
                with contextlib.suppress(OSError), balancer.pick() as endpoint:
                    if number % 3 == 0:
                        refuse(endpoint)

            list(pool.map(request, range(2000)))
            with balancer.pick():
                assert set(policy.in_flight.values()) == {0}

    @pytest.mark.io
    def test_a_forked_child_starts_its_own_following(self):
        with Balancer(Static([ONE])) as balancer:
            with balancer.pick():
                pass
            with warnings.catch_warnings(action="ignore"):  # that a process with threads forks is the point
                child = os.fork()
            if child == 0:
                with contextlib.suppress(BaseException):
                    with balancer.pick() as endpoint:
                        alive = balancer._thread is not None and balancer._thread.is_alive()
                    os._exit(0 if endpoint == ONE and alive else 1)
                os._exit(2)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0

    def test_roles_follow_a_failover(self):
        primary = [ONE]

        def probe(endpoint):
            if endpoint == THREE:
                raise ConnectionRefusedError
            return "primary" if endpoint == primary[0] else "replica"

        def write(endpoint):
            if endpoint == ONE:
                primary[0] = TWO
                refuse(endpoint)
            return endpoint

        with Balancer(Static([ONE, TWO, THREE]), roles=Roles(probe)) as balancer:
            with balancer.pick(role="replica") as endpoint:
                assert endpoint == TWO
            assert balancer.call(write, role="primary", wait=PATIENCE) == TWO
            with balancer.pick(role="replica", wait=PATIENCE) as endpoint:
                assert endpoint == ONE

    def test_no_endpoint_with_the_role(self):
        balancer = Balancer(Static([ONE]), roles=Roles(lambda _: None))
        with balancer, pytest.raises(NoEndpoints, match="'primary'"), balancer.pick(role="primary"):
            pass


@pytest.mark.anyio
class TestTasks:
    async def test_a_call_goes_on_to_the_next(self):
        async def request(endpoint):
            return only(THREE)(endpoint)

        async with AsyncBalancer(Static([ONE, TWO, THREE]), FirstOf()) as balancer:
            assert await balancer.call(request) == THREE
            with pytest.raises(ConnectionRefusedError):
                await balancer.call(request, attempts=2)

    async def test_an_empty_set_fails_at_once_or_after_waiting(self):
        late = Late()
        async with AsyncBalancer(late) as balancer:
            with pytest.raises(NoEndpoints, match="none is ready"):
                async with balancer.pick():
                    pass
            asyncio.get_running_loop().call_later(0.02, late.told.set)
            async with balancer.pick(wait=PATIENCE) as endpoint:
                assert endpoint == ONE

    async def test_waiting_ends_when_its_time_is_over(self):
        async with AsyncBalancer(Static([])) as balancer:
            with pytest.raises(NoEndpoints):
                async with balancer.pick(wait=0.01):
                    pass

    async def test_a_cancelled_request_is_not_in_flight_and_counts_for_nothing(self):
        policy = FirstOf()
        async with AsyncBalancer(Static([ONE, TWO]), policy, ejection=Ejection(after=1)) as balancer:

            async def request():
                async with balancer.pick():
                    started.set()
                    await asyncio.Event().wait()

            started = asyncio.Event()
            task = asyncio.create_task(request())
            await started.wait()
            async with balancer.pick() as endpoint:
                assert policy.in_flight == {ONE: 1, TWO: 0}
            task.cancel()
            await asyncio.wait([task])
            async with balancer.pick() as endpoint:
                assert (endpoint, policy.in_flight) == (ONE, {ONE: 0, TWO: 0})

    async def test_a_cancelled_wait_leaves_others_waiting(self):
        late = Late()
        async with AsyncBalancer(late) as balancer:
            first = asyncio.create_task(balancer.pick(wait=PATIENCE).__aenter__())
            second = asyncio.create_task(balancer.pick(wait=PATIENCE).__aenter__())
            await asyncio.sleep(0)
            first.cancel()
            late.told.set()
            assert await second == ONE
            assert first.cancelled()

    async def test_a_source_that_ends_leaves_its_set_and_is_not_asked_again_at_once(self):
        source = Brief()
        async with AsyncBalancer(source) as balancer:
            for _ in range(50):
                async with balancer.pick() as endpoint:
                    assert endpoint == ONE
                await asyncio.sleep(0)
        assert source.followed == 1

    async def test_a_broken_source_is_also_reported_to_callers_with_a_role(self):
        async def probe(endpoint):
            raise AssertionError("there is nobody to ask")

        async with AsyncBalancer(Broken(), roles=Roles(probe)) as balancer:
            with pytest.raises(NoEndpoints, match="no kubeconfig"):
                async with balancer.pick(role="primary"):
                    pass

    async def test_roles_by_a_coroutine(self):
        async def probe(endpoint):
            return "primary" if endpoint == TWO else "replica"

        balancer = AsyncBalancer(Static([ONE, TWO]), roles=Roles(probe))
        async with balancer, balancer.pick(role="primary") as endpoint:
            assert endpoint == TWO

    async def test_closing_ends_the_task_and_refuses(self):
        before = asyncio.all_tasks()
        balancer = AsyncBalancer(Silent())
        waiting = asyncio.create_task(balancer.pick().__aenter__())
        await asyncio.sleep(0)
        await balancer.aclose()
        with pytest.raises(RuntimeError, match="closed"):
            await waiting
        assert asyncio.all_tasks() == before
