"""The balancer for asyncio: the same, with the set followed by a task of the caller's event loop."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from random import randrange
from typing import TypeVar

from fairlead.client.awaited_pool import AwaitedPool
from fairlead.client.balancer import ATTEMPTS, FAILURES, Failures, failure_test
from fairlead.client.core.endpoint import Endpoint, NoEndpoints, Wanted
from fairlead.client.core.health import Ejection
from fairlead.client.core.policies import Policy, RoundRobin
from fairlead.client.core.pool import Pool, RequestOutcome
from fairlead.client.following import AsyncProbe, Following, Roles
from fairlead.client.source import Source

T = TypeVar("T")


class AsyncBalancer:
    """Chooses an endpoint for each request; arguments as for ``Balancer``, with probes that are coroutines.

    Belongs to one event loop. A request that is cancelled says nothing about its endpoint.
    """

    def __init__(
        self,
        source: Source,
        policy: Policy | None = None,
        *,
        ejection: Ejection = Ejection(),  # noqa: B008 - immutable
        roles: Roles[AsyncProbe] | None = None,
        failures: Failures = FAILURES,
    ) -> None:
        self._is_failure = failure_test(failures)
        self._pool = AwaitedPool(Pool(policy or RoundRobin(), ejection, randrange))
        self._following = Following(source, roles, self._pool)
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    async def __aenter__(self) -> "AsyncBalancer":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Stop following; requests under way are not disturbed, new ones are refused."""
        self._closed = True
        self._pool.close()
        if self._task:
            self._task.cancel()
            await asyncio.wait([self._task])

    def endpoints(self) -> tuple[Endpoint, ...]:
        """The current set, with endpoints in any state."""
        return self._pool.endpoints()

    @asynccontextmanager
    async def pick(
        self,
        *,
        key: str | None = None,
        role: str | None = None,
        wait: float = 0.0,
        tried: Iterable[Endpoint] = (),
    ) -> AsyncIterator[Endpoint]:
        """Like ``Balancer.pick``."""
        self._follow()
        member = await self._pool.take(Wanted(key, role, frozenset(tried)), wait)
        verdict = RequestOutcome.UNKNOWN
        try:
            yield member.endpoint
            verdict = RequestOutcome.WORKED
        except Exception as error:
            if self._is_failure(error):
                verdict = RequestOutcome.FAILED
                self._following.doubt()
            raise
        finally:
            self._pool.give_back(member, verdict)

    async def call(
        self,
        request: Callable[[Endpoint], Awaitable[T]],
        *,
        key: str | None = None,
        role: str | None = None,
        wait: float = 0.0,
        attempts: int = ATTEMPTS,
    ) -> T:
        """Like ``Balancer.call``."""
        tried: list[Endpoint] = []
        while True:
            try:
                async with self.pick(key=key, role=role, wait=wait, tried=tried) as endpoint:
                    tried.append(endpoint)
                    return await request(endpoint)
            except NoEndpoints:
                raise
            except Exception as error:
                if len(tried) >= attempts or not self._is_failure(error):
                    raise

    def _follow(self) -> None:
        if not self._closed and (self._task is None or self._task.done()):
            self._task = asyncio.ensure_future(self._following.run())
