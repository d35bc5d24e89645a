"""Keeps the node's tables of host ports in step with its running Pods, and restores the tables if they change."""

import asyncio
import logging
import time
from collections.abc import Iterable

from fairlead.dataplane.conntrack import Flow
from fairlead.drivers.proxy.conntrack import forget_flows
from fairlead.drivers.proxy.nft import list_table, replace_table
from fairlead.drivers.proxy.nft_commands import RulesError
from fairlead.drivers.proxy.ruleset_watch import RulesetWatch
from fairlead.model.addresses import IPFamily, family_of
from fairlead.netfilter.nft_listing import takeover
from fairlead.netfilter.ruleset import Table
from fairlead.nodeagent.host_ports import HostPortForward, pod_egress, table_name, table_of

COMMENT = "host ports of Pods, and their way to the world outside; kept by the node agent"

log = logging.getLogger(__name__)


class HostPorts:
    """The ports of this node that lead to its Pods, and masquerading of the Pods' traffic.

    Args:
        pod_cidrs: the CIDRs of its Pods' addresses, one of each family; each family has its own table.
        inside: the networks of the cluster; traffic to them is not masqueraded. If empty, no traffic is masqueraded.
    """

    def __init__(self, pod_cidrs: Iterable[str], inside: Iterable[str] = ()) -> None:
        self._wanted: dict[str, tuple[HostPortForward, ...]] = {}
        networks = tuple(inside)
        self._egress = {family_of(cidr): pod_egress(cidr, networks) for cidr in pod_cidrs}
        self._applied: dict[IPFamily, Table | None] = dict.fromkeys(self._egress)  # None: unknown
        self._busy = asyncio.Lock()
        self._watch = RulesetWatch()

    async def put(self, uid: str, forwards: tuple[HostPortForward, ...]) -> None:
        """Replace the forwards of the Pod with this UID.

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

    def expect(self, uid: str, forwards: tuple[HostPortForward, ...]) -> None:
        """Add the forwards of a running Pod, which the next ``apply`` writes."""
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
                mine = (forward for forward in wanted if forward.family == family)
                table = table_of(mine, self._egress[family])
                if table != applied:
                    await replace_table(table_name(family), table, COMMENT)
                    self._applied[family] = table

    async def keep(self) -> None:
        """Restore rules that others remove or change, until cancelled."""
        while True:
            await asyncio.sleep(max(self._watch.next_look - time.monotonic(), 0))
            try:
                if self._watch.has_foreign_changes():
                    await self._put_right()
                    self._watch.account_for_all()
            except (RulesError, OSError) as error:  # the kernel can fail repeatedly; Pods run nevertheless
                log.warning("host ports not put right: %s", error)
            self._watch.looked()

    async def _put_right(self) -> None:
        for family, table in self._applied.items():
            if table is not None and await self._differs(family, table):
                self._applied[family] = None
        await self.apply()

    async def _differs(self, family: IPFamily, table: Table) -> bool:
        found = await list_table(table_name(family))
        return found is None or bool(takeover(found, table, family))
