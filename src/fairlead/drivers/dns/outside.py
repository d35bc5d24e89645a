"""The world outside: a forwarder for each group of upstream servers that the configuration names."""

import asyncio
from collections.abc import Iterable

from fairlead.clusterdns.chain import Ask
from fairlead.clusterdns.plugins.forward import Forward
from fairlead.clusterdns.records import Answer
from fairlead.clusterdns.server_blocks import Block
from fairlead.clusterdns.upstreams import Upstream
from fairlead.drivers.dns.forwarder import AtHand, Forwarder


class OutsideForwarders:
    """Forwarders by their group of servers.

    Attributes:
        looped: set when a query of our own comes back.
    """

    def __init__(self, blocks: Iterable[Block] = ()) -> None:
        self.looped = asyncio.Event()
        self.forwarders: dict[Upstream, Forwarder] = {}
        self._wanted = _upstreams(blocks)

    def start(self) -> None:
        """Create the forwarders of the configuration, and check for loops."""
        for upstream in self._wanted:
            self._forwarder(upstream)

    def reconfigure(self, blocks: Iterable[Block]) -> None:
        """Forwarders that are still wanted go on as they are; clients still wait for what the others have asked."""
        self._wanted = _upstreams(blocks)
        for upstream in [known for known in self.forwarders if known not in self._wanted]:
            asyncio.get_running_loop().call_later(upstream.deadline, self.forwarders.pop(upstream).close)
        self.start()

    def cached(self, ask: Ask) -> AtHand | None:
        """The answer that is available without waiting."""
        return self._forwarder(ask.upstream).cached(ask)

    async def __call__(self, ask: Ask) -> Answer:
        """What the servers say."""
        return await self._forwarder(ask.upstream)(ask)

    def close(self) -> None:
        for forwarder in self.forwarders.values():
            forwarder.close()

    def _forwarder(self, upstream: Upstream) -> Forwarder:
        forwarder = self.forwarders.get(upstream)
        if forwarder is None:
            forwarder = self.forwarders[upstream] = Forwarder(upstream, self.looped)
            forwarder.start()
        return forwarder


def _upstreams(blocks: Iterable[Block]) -> frozenset[Upstream]:
    plugins = (plugin for block in blocks for plugin in block.plugins)
    return frozenset(plugin.upstream for plugin in plugins if isinstance(plugin, Forward))
