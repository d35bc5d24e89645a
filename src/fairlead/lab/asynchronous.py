"""The calls of a ``Scope`` for asynchronous code: each runs in a thread, so that the event loop is not blocked."""

import asyncio
from typing import TYPE_CHECKING, Unpack

from fairlead.lab.commands import PATIENCE, Arguments, RunOptions
from fairlead.lab.objects import Applicable, Docs
from fairlead.lab.results import Explanation, Resolution, Result
from fairlead.lab.scope import Scope
from fairlead.model.document import Doc

if TYPE_CHECKING:
    import socket


class AsyncScope:
    """A namespace of a running lab; ``Scope`` documents the calls."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    async def apply(self, *what: Applicable) -> Docs:
        return await asyncio.to_thread(self._scope.apply, *what)

    async def delete(self, *what: Applicable) -> None:
        await asyncio.to_thread(self._scope.delete, *what)

    async def get(self, kind: str, name: str) -> Doc:
        return await asyncio.to_thread(self._scope.get, kind, name)

    async def list(self, kind: str, labels: str = "") -> Docs:
        return await asyncio.to_thread(self._scope.list, kind, labels)

    async def events(self) -> Docs:
        return await asyncio.to_thread(self._scope.events)

    async def wait_ready(self, timeout: float = PATIENCE) -> None:  # noqa: ASYNC109 - as the synchronous call has it
        await asyncio.to_thread(self._scope.wait_ready, timeout)

    async def settled(self, timeout: float = PATIENCE) -> int:  # noqa: ASYNC109 - as above
        return await asyncio.to_thread(self._scope.settled, timeout)

    async def run(self, command: Arguments, *, from_: str = "", **options: Unpack[RunOptions]) -> Result:
        return await asyncio.to_thread(self._scope.run, command, from_=from_, **options)

    async def exec(self, pod: str, command: Arguments, **options: Unpack[RunOptions]) -> Result:
        return await asyncio.to_thread(self._scope.exec, pod, command, **options)

    async def logs(self, pod: str, container: str = "", *, previous: bool = False) -> str:
        return await asyncio.to_thread(self._scope.logs, pod, container, previous=previous)

    async def resolve(self, name: str, rdtype: str = "A", *, from_: str = "") -> Resolution:
        return await asyncio.to_thread(self._scope.resolve, name, rdtype, from_=from_)

    async def connect(self, host: str, port: int, *, protocol: str = "TCP", from_: str = "") -> "socket.socket":
        return await asyncio.to_thread(self._scope.connect, host, port, protocol=protocol, from_=from_)

    async def explain(self, subject: str) -> Explanation:
        return await asyncio.to_thread(self._scope.explain, subject)

    async def diagnose(self) -> str:
        return await asyncio.to_thread(self._scope.diagnose)
