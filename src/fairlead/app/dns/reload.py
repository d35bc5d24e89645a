"""Takes in a changed configuration while the server runs; one that cannot be used is refused, and the old stays.

Files are looked at now and then, not at every change, since a ConfigMap's volume is swapped as a whole some time after
the change: the configuration itself, what it imports, and the files that it names. What a change can do without new
pages and new watches is done; for the rest the server must be restarted, and a file that asks for it is refused as a
whole, so that it is always one configuration that is in force.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from fairlead.app.dns.options import DnsOptions
from fairlead.app.dns.settings import ConfigurationSource, SettingsError
from fairlead.drivers.entropy import choose

JITTER = 0.5  # of the time between looks, either way, so that replicas do not change all at once; upstream's share

log = logging.getLogger(__name__)

Apply = Callable[[DnsOptions], Awaitable[None]]


@dataclass
class Reloading:
    """A source, and how its changes were taken.

    Attributes:
        apply: puts options in force, or raises ``SettingsError``.
        failed: changed configurations that were refused.
    """

    source: ConfigurationSource
    apply: Apply
    failed: int = 0

    async def run(self) -> None:
        """Look at the source until cancelled."""
        seen = self._fingerprint("")
        while True:
            every = self.source.every
            await asyncio.sleep((every or 30.0) * (1 - JITTER + 2 * JITTER * choose(1000) / 1000))
            seen = await self._look(seen)

    async def _look(self, seen: str) -> str:
        """Take the configuration in if it is another than was seen last; which one it is."""
        found = self._fingerprint(seen)
        if found != seen:
            await self.take()
            found = self._fingerprint(found)
        return found

    async def take(self) -> str | None:
        """Put the configuration as it is now in force; why not, when it was refused."""
        try:
            options = self.source.load()
            await self.apply(options)
        except SettingsError as error:
            self.failed += 1
            log.error("reload refused, the configuration in force stays: %s", error)
            return str(error)
        log.warning("%s: reloaded, SHA512 = %s", self.source.name, options.version)
        return None

    def _fingerprint(self, otherwise: str) -> str:
        try:
            return self.source.fingerprint()
        except (OSError, UnicodeDecodeError) as error:
            if otherwise != _UNREADABLE:
                self.failed += 1
                log.error("reload refused, the configuration in force stays: %s", error)
            return _UNREADABLE


_UNREADABLE = "unreadable"
