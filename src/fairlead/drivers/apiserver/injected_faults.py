"""An API server that misbehaves, for as long as a test of a lab wants it to.

``mode`` of a fault: ``gone`` (connections break off, watches too), ``slow`` (each request waits ``seconds``), ``429``
(Too Many Requests, with a Retry-After), ``410`` (watches from a version are refused as too old, those that are open
end). It concerns requests whose path has ``match`` in it; by default all.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from fairlead.drivers.apiserver.turns import too_many_requests
from fairlead.drivers.steering.faults import SteeredFaults
from fairlead.registry.status import expired

KIND = "api"


class Broken(Exception):
    """The connection is to break off without an answer."""


async def inject_faults(faults: SteeredFaults, scope: Mapping[str, Any]) -> None:
    """Do to a request what faults have done to it.

    Raises:
        ApiError: it is to be refused. Broken: it is to get no answer.
    """
    for fault in faults.of(KIND):
        if str(fault.get("match", "")) in scope["path"]:
            await _MODES[fault["mode"]](fault, scope)


def ends_watches(faults: SteeredFaults) -> bool:
    """Whether watches that are open must end."""
    return any(fault["mode"] in ("gone", "410") for fault in faults.of(KIND))


async def _refuse(_: Mapping[str, Any], __: Mapping[str, Any]) -> None:
    raise Broken


async def _slow(fault: Mapping[str, Any], _: Mapping[str, Any]) -> None:
    await asyncio.sleep(float(fault["seconds"]))


async def _too_many(_: Mapping[str, Any], __: Mapping[str, Any]) -> None:
    raise too_many_requests()


async def _too_old(_: Mapping[str, Any], scope: Mapping[str, Any]) -> None:
    query = scope["query_string"]
    if b"watch=" in query and b"resourceVersion=" in query:
        raise expired("too old resource version: a test of the lab wants it to be")


_MODES: dict[str, Callable[[Mapping[str, Any], Mapping[str, Any]], Any]] = {
    "gone": _refuse,
    "slow": _slow,
    "429": _too_many,
    "410": _too_old,
}
