"""Keeps a balancer's set and roles fresh, in one event loop, for as long as the balancer lives."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from fairlead.client.core.endpoint import Endpoint, Update
from fairlead.client.source import Source

Role = str | None
Probe = TypeVar("Probe", Callable[[Endpoint], Role], Callable[[Endpoint], Awaitable[Role]])
AsyncProbe = Callable[[Endpoint], Awaitable[Role]]

SHORTEST = 0.5  # minimum seconds between two rounds of probes
RETRY = 5.0  # seconds after which a source that has ended is started again

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Roles(Generic[Probe]):
    """How to find out the role of each endpoint.

    Attributes:
        probe: asks an endpoint, and returns the name of its role or None; what it raises stands for None. It must bound
            its own time.
        every: seconds from one round of probes to the next; new endpoints and failures are probed for at once.
    """

    probe: Probe
    every: float = 5.0


class Follower(Protocol):
    """The receiver of updates. Calls come from the event loop and must not block."""

    def take_update(self, update: Update) -> None: ...

    def take_role(self, endpoint: Endpoint, role: Role) -> None: ...

    def finish_round(self) -> None:
        """Every endpoint of the set has been probed."""

    def endpoints(self) -> Iterable[Endpoint]: ...


class Following:
    """Runs a source, and probes if there are any. Make it in the event loop that runs it."""

    def __init__(self, source: Source, roles: Roles[AsyncProbe] | None, follower: Follower) -> None:
        self._source, self._roles, self._follower = source, roles, follower
        self._set_in_doubt, self._roles_in_doubt = asyncio.Event(), asyncio.Event()

    def doubt(self) -> None:
        """A request has failed: look again soon."""
        self._set_in_doubt.set()
        self._roles_in_doubt.set()

    async def run(self) -> None:
        """Follow until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep_set())
            if self._roles is not None:
                group.create_task(self._keep_roles(self._roles))

    async def _keep_set(self) -> None:
        """A source that ends is started again; a failure becomes an update without a set."""
        while True:
            try:
                await self._follow_source()
            except Exception as error:
                log.warning("endpoints cannot be followed, next attempt in %.0f s: %s", RETRY, error)
                self._take(Update(None, f"{type(error).__name__}: {error}"))
            await asyncio.sleep(RETRY)

    async def _follow_source(self) -> None:
        async with aclosing(self._source.follow(self._set_in_doubt)) as updates:
            async for update in updates:
                self._take(update)

    def _take(self, update: Update) -> None:
        self._follower.take_update(update)
        self._roles_in_doubt.set()

    async def _keep_roles(self, roles: Roles[AsyncProbe]) -> None:
        await self._roles_in_doubt.wait()  # until something is known of the set
        while True:
            self._roles_in_doubt.clear()
            await asyncio.gather(*(self._ask(roles.probe, endpoint) for endpoint in self._follower.endpoints()))
            self._follower.finish_round()
            await asyncio.sleep(SHORTEST)
            with suppress(TimeoutError):
                async with asyncio.timeout(max(roles.every - SHORTEST, 0)):
                    await self._roles_in_doubt.wait()

    async def _ask(self, probe: AsyncProbe, endpoint: Endpoint) -> None:
        try:
            role = await probe(endpoint)
        except Exception as error:  # any error means that there was no answer
            log.info("%s does not tell its role: %s", endpoint, error)
            role = None
        self._follower.take_role(endpoint, role)
