"""The balancer for threads: an event loop in a thread of its own follows the set, so that no pick waits for DNS."""

import asyncio
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from random import randrange
from typing import TypeVar

from fairlead.client.core.endpoint import Endpoint, NoEndpoints, Wanted
from fairlead.client.core.health import Ejection
from fairlead.client.core.policies import Policy, RoundRobin
from fairlead.client.core.pool import Pool, RequestOutcome
from fairlead.client.following import AsyncProbe, Following, Role, Roles
from fairlead.client.locked_pool import LockedPool
from fairlead.client.loop_thread import LoopThread
from fairlead.client.source import Source

T = TypeVar("T")
Failures = tuple[type[Exception], ...] | Callable[[Exception], bool]
SyncProbe = Callable[[Endpoint], Role]

ATTEMPTS = 3  # how often one call tries
FAILURES: Failures = (OSError, EOFError)  # connection errors and time-outs of the standard library


class Balancer:
    """Chooses an endpoint for each request. Safe for threads; the first pick starts the following of the source.

    Args:
        policy: round robin if not given.
        roles: how to find out the roles of endpoints, if requests name any.
        failures: the exceptions that count against an endpoint, as classes or as a function that tells them; all others
            say nothing about it.
    """

    def __init__(
        self,
        source: Source,
        policy: Policy | None = None,
        *,
        ejection: Ejection = Ejection(),  # noqa: B008 - immutable
        roles: Roles[SyncProbe] | None = None,
        failures: Failures = FAILURES,
    ) -> None:
        self._source, self._is_failure = source, failure_test(failures)
        self._roles = _in_threads(roles) if roles else None
        self._pool = LockedPool(Pool(policy or RoundRobin(), ejection, randrange))
        self._thread: LoopThread | None = None
        self._starting = threading.Lock()
        self._closed = False

    def __enter__(self) -> "Balancer":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop following; requests under way are not disturbed, new ones are refused."""
        self._pool.close()
        with self._starting:
            self._closed = True
            if self._thread and self._thread.is_alive():
                self._thread.stop()

    def endpoints(self) -> tuple[Endpoint, ...]:
        """The current set, with endpoints in any state."""
        return self._pool.endpoints()

    @contextmanager
    def pick(
        self,
        *,
        key: str | None = None,
        role: str | None = None,
        wait: float = 0.0,
        tried: Iterable[Endpoint] = (),
    ) -> Iterator[Endpoint]:
        """An endpoint for the request that is made inside the ``with`` block; how that ends is counted.

        Args:
            key: of the request, for policies that need one.
            role: which the endpoint must have.
            wait: seconds to wait while there is no such endpoint. The first look-up is always waited for.
            tried: endpoints to avoid while there are others.

        Raises:
            NoEndpoints: there is none.
        """
        self._follow()
        member = self._pool.take(Wanted(key, role, frozenset(tried)), wait)
        verdict = RequestOutcome.UNKNOWN
        try:
            yield member.endpoint
            verdict = RequestOutcome.WORKED
        except Exception as error:
            if self._is_failure(error):
                verdict = RequestOutcome.FAILED
                self._doubt()
            raise
        finally:
            self._pool.give_back(member, verdict)

    def call(
        self,
        request: Callable[[Endpoint], T],
        *,
        key: str | None = None,
        role: str | None = None,
        wait: float = 0.0,
        attempts: int = ATTEMPTS,
    ) -> T:
        """What ``request`` returns for an endpoint; when it fails there, it is made again at the next one.

        Only for requests that can be repeated: a failed one might have been executed.

        Raises:
            NoEndpoints: there is none. Others: what the last attempt raised.
        """
        tried: list[Endpoint] = []
        while True:
            try:
                with self.pick(key=key, role=role, wait=wait, tried=tried) as endpoint:
                    tried.append(endpoint)
                    return request(endpoint)
            except NoEndpoints:
                raise
            except Exception as error:
                if len(tried) >= attempts or not self._is_failure(error):
                    raise

    def _follow(self) -> None:
        """Start the thread, unless it runs. After a fork there is none in the child, and another one is started."""
        with self._starting:
            if not self._closed and (self._thread is None or not self._thread.is_alive()):
                self._thread = LoopThread(Following(self._source, self._roles, self._pool))
                self._thread.start()

    def _doubt(self) -> None:
        with self._starting:
            if self._thread and self._thread.is_alive():
                self._thread.doubt()


def failure_test(failures: Failures) -> Callable[[Exception], bool]:
    """The function that recognises failures, made from classes if those were given."""
    return failures if callable(failures) else lambda error: isinstance(error, failures)


def _in_threads(roles: Roles[SyncProbe]) -> Roles[AsyncProbe]:
    async def probe(endpoint: Endpoint) -> Role:
        return await asyncio.to_thread(roles.probe, endpoint)

    return Roles(probe, roles.every)
