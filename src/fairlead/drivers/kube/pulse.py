"""Whether the API server is still there while nothing is heard of it: one cheap read for all watches of a client.

The kernel's keep-alive finds a host that has gone. It does not find a process that has stopped, nor a server behind a
proxy that has lost its own. So while watches are open and no connection has brought anything for ``SILENCE``, the
server is asked for its version; any answer will do. Without one, whatever is silent is hung up. Together: within
``SILENCE + LOOK + PATIENCE``, 25 seconds. A client that hears something asks nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

from fairlead.drivers.kube.errors import KubeError, Unreachable
from fairlead.drivers.kube.http_transport import Transport

SILENCE = 12.0  # seconds without an octet from the server before it is asked
LOOK = 5.0  # seconds between two looks at how silent it is
PATIENCE = 8.0  # seconds to answer in


class Pulse:
    """Looks after the silent connections of a transport.

    Args:
        ask: a request that every API server answers, at least with a refusal.
    """

    def __init__(self, transport: Transport, ask: Callable[[], Awaitable[object]]) -> None:
        self._transport, self._ask = transport, ask
        self._watches = 0
        self._task: asyncio.Task[None] | None = None

    @contextmanager
    def felt(self) -> Iterator[None]:
        """While a watch is open."""
        self._watches += 1
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._feel())
        try:
            yield
        finally:
            self._watches -= 1
            if not self._watches and self._task:
                self._task.cancel()
                self._task = None

    async def _feel(self) -> None:
        while True:
            await asyncio.sleep(LOOK)
            if self._transport.silent_for() < SILENCE:
                continue
            try:
                async with asyncio.timeout(PATIENCE):
                    await self._ask()
            except (Unreachable, TimeoutError) as error:
                self._transport.hang_up(SILENCE, f"the API server does not answer: {error}".rstrip(": "))
            except KubeError:
                pass  # a refusal is an answer
