"""Keeps the node's table of host ports in step with the Pods that run there."""

import asyncio

from fairlead.dataplane.conntrack import Flow
from fairlead.drivers.conntrack_exec import forget_flows
from fairlead.drivers.nft_exec import replace_table
from fairlead.netfilter.ruleset import Table
from fairlead.nodeagent.host_ports import TABLE, Forward, table_of


class HostPorts:
    """The ports of this node that lead to its Pods.

    Args:
        is_first: no earlier agent can have left anything in the kernel; otherwise the first ``apply`` replaces it.
    """

    def __init__(self, *, is_first: bool) -> None:
        self._wanted: dict[str, tuple[Forward, ...]] = {}
        self._applied: Table | None = table_of(()) if is_first else None
        self._busy = asyncio.Lock()

    async def put(self, uid: str, forwards: tuple[Forward, ...]) -> None:
        """Have these forwards, and no others, for the Pod with this UID.

        Raises:
            RulesError: the kernel is as it was.
        """
        gone = set(self._wanted.pop(uid, ())) - set(forwards)
        if forwards:
            self._wanted[uid] = forwards
        await self.apply()
        flows = [Flow("", forward.port, forward.target) for forward in gone if forward.protocol == "udp"]
        await forget_flows(TABLE.family, flows)

    async def apply(self) -> None:
        """Bring the kernel to what is wanted, in one transaction; nothing when it is there.

        Raises:
            RulesError: the kernel is as it was.
        """
        async with self._busy:
            table = table_of(forward for forwards in self._wanted.values() for forward in forwards)
            if table != self._applied:
                await replace_table(TABLE, table, "host ports of Pods; kept by the node agent")
                self._applied = table
