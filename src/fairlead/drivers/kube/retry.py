"""Asks the API server until it answers, less and less often."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection
from typing import TypeVar

from fairlead.drivers.kube.errors import KubeError, Unreachable
from fairlead.drivers.kube.troubles import Troubles, error_text

T = TypeVar("T")

FIRST_RETRY, LAST_RETRY = 0.05, 5.0  # seconds between attempts, doubling

log = logging.getLogger(__name__)


async def until_answered(
    ask: Callable[[], Awaitable[T]], deed: str, troubles: Troubles, settled: Collection[int] = ()
) -> T | None:
    """The answer, however long it takes; None when the server refuses with a code that asking again would not change.

    Args:
        deed: what is asked for, as the log names it: ``list services``.
        troubles: of the client that asks.
        settled: those codes.
    """
    delay = FIRST_RETRY
    while True:
        try:
            answer = await ask()
        except (KubeError, Unreachable) as error:
            if isinstance(error, KubeError) and error.code in settled:
                level = logging.WARNING if error.code == 403 else logging.INFO
                log.log(level, "cannot %s: %s", deed, error_text(error))
                return None
            troubles.met(error, deed, deed)
        else:
            troubles.over(deed)
            return answer
        await asyncio.sleep(delay)
        delay = min(delay * 2, LAST_RETRY)
