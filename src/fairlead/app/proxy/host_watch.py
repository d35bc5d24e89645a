"""Notices what others do to this host: to its rules, and to its addresses."""

from fairlead.drivers.linux.local_addresses import local_addresses
from fairlead.drivers.proxy.ruleset_watch import RulesetWatch


class HostWatch(RulesetWatch):
    """The node proxy's observations of the host.

    Args:
        needs_addresses: whether node ports depend on the host's addresses.

    Attributes:
        addresses: those of all interfaces, when they were read last.
    """

    def __init__(self, *, needs_addresses: bool) -> None:
        super().__init__()
        self._needs_addresses = needs_addresses
        self.addresses: tuple[str, ...] = ()

    async def read_addresses(self) -> None:
        self.addresses = await self._addresses()

    async def have_addresses_changed(self) -> bool:
        return await self._addresses() != self.addresses

    async def _addresses(self) -> tuple[str, ...]:
        return await local_addresses() if self._needs_addresses else ()
