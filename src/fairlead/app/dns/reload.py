"""Takes in a changed configuration file while the server runs; one that cannot be used is refused, and the old stays.

A file is looked at now and then, not at every change, since a ConfigMap's volume is swapped as a whole some time after
the change. What a change can do without new sockets and new watches is done; for the rest the server must be restarted,
and a file that asks for it is refused as a whole, so that it is always one file that is in force.
"""

import asyncio
import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fairlead.drivers.entropy import choose

JITTER = 0.5  # of the time between looks, either way, so that replicas do not change all at once; upstream's share

log = logging.getLogger(__name__)


class Unusable(ValueError):
    """A configuration that cannot be put in force; the message says why."""


@dataclass
class Reloading:
    """A file, and what has become of it.

    Attributes:
        apply: puts the text of the file in force, or raises ``Unusable``.
        every: seconds between looks, on average.
        version: SHA-512 of the text in force, in hexadecimal.
        failed: changed files that were refused.
    """

    path: Path
    apply: Callable[[str], None]
    every: float
    version: str
    failed: int = 0

    async def run(self) -> None:
        """Look at the file until cancelled."""
        seen = self.version
        while True:
            await asyncio.sleep(self.every * (1 - JITTER + 2 * JITTER * choose(1000) / 1000))
            seen = self._look(seen)

    def _look(self, seen: str) -> str:
        """Take the file in if it is another than was seen last; which one it is."""
        try:
            text = self.path.read_text()
        except (OSError, UnicodeDecodeError) as error:
            return self._refuse(str(error), seen)
        found = version_of(text)
        if found in (seen, self.version):
            return found
        try:
            self.apply(text)
        except Unusable as error:
            return self._refuse(str(error), found)
        self.version = found
        log.warning("%s: reloaded, SHA512 = %s", self.path, found)
        return found

    def _refuse(self, reason: str, seen: str) -> str:
        self.failed += 1
        log.error("reload refused, the configuration in force stays: %s", reason)
        return seen


def version_of(text: str) -> str:
    """What tells one text of a configuration from another."""
    return hashlib.sha512(text.encode()).hexdigest()
