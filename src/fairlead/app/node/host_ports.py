"""Keeps the node's tables of host ports in step with the Pods that run there."""

import asyncio
from collections.abc import Iterable

from fairlead.dataplane.conntrack import Flow
from fairlead.drivers.proxy.conntrack import forget_flows
from fairlead.drivers.proxy.nft import replace_table
from fairlead.model.addresses import IPFamily
from fairlead.netfilter.ruleset import Table
from fairlead.nodeagent.host_ports import Forward, table_name, table_of

COMMENT = "host ports of Pods; kept by the node agent"


class HostPorts:
    """The ports of this node that lead to its Pods.

    Args:
        families: those that Pods have addresses of; each has a table of its own.
        is_first: no earlier agent can have left anything in the kernel; otherwise the first ``apply`` replaces it.
    """

    def __init__(self, families: Iterable[IPFamily], *, is_first: bool) -> None:
        self._wanted: dict[str, tuple[Forward, ...]] = {}
        applied = table_of(()) if is_first else None
        self._applied: dict[IPFamily, Table | None] = dict.fromkeys(families, applied)
        self._busy = asyncio.Lock()

    async def put(self, uid: str, forwards: tuple[Forward, ...]) -> None:
        """Have these forwards, and no others, for the Pod with this UID.

        Raises:
            RulesError: the kernel is as it was, in one family at least.
        """
        gone = set(self._wanted.pop(uid, ())) - set(forwards)
        if forwards:
            self._wanted[uid] = forwards
        await self.apply()
        for family in self._applied:
            over = [each for each in gone if each.protocol == "udp" and each.family == family]
            await forget_flows(family, [Flow("", each.port, each.target) for each in over])

    def expect(self, uid: str, forwards: tuple[Forward, ...]) -> None:
        """Have these forwards for a Pod that runs already, from the next ``apply`` on."""
        if forwards:
            self._wanted[uid] = forwards

    async def apply(self) -> None:
        """Bring the kernel to what is wanted, in one transaction for each family; nothing when it is there.

        Raises:
            RulesError: the kernel is as it was, in one family at least.
        """
        async with self._busy:
            wanted = [forward for forwards in self._wanted.values() for forward in forwards]
            for family, applied in self._applied.items():
                table = table_of(forward for forward in wanted if forward.family == family)
                if table != applied:
                    await replace_table(table_name(family), table, COMMENT)
                    self._applied[family] = table
