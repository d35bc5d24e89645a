"""Waiting until copies of collections are as new as a version of the API's objects."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

from fairlead.drivers.kube.informer import Informer

LOOK_AGAIN = 0.005  # seconds


async def reached(version: int, informers: Callable[[], Iterable[Informer[Any]]], is_idle: Callable[[], bool]) -> int:
    """Wait until all informers have delivered a version, and what they led to has been done; the version then.

    Looks again and again: nothing needs to be told on the way of every change for what only tests ask.
    """
    while True:
        at = min((informer.version for informer in informers()), default=version)
        if at >= version and is_idle():
            return at
        await asyncio.sleep(LOOK_AGAIN)
