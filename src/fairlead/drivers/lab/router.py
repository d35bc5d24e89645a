"""The kernel's routes, rules and marks of the world outside, as ``fairlead.labnet.balancing`` has them.

What a router before this one has made is taken over: its routes, rules and marks stay until they are other ones. So a
router that is killed and comes back interrupts nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from fairlead.drivers.linux import netns
from fairlead.labnet.balancing import (
    PROTOCOL,
    Answering,
    Tables,
    Ways,
    marking_rules,
    route_changes,
    table_changes,
    tables_of,
)
from fairlead.model.addresses import IPFamily, family_of

T = TypeVar("T")

_OPTIONS = {IPFamily.IPV4: ("-4",), IPFamily.IPV6: ("-6",)}


class RouterTables:
    """Routes in the kernel of the caller's network namespace, and the commands that change them.

    Args:
        cidrs: of load balancers' addresses.

    Raises:
        LinkError: the kernel's routes cannot be read.
    """

    def __init__(self, families: Sequence[IPFamily], cidrs: Iterable[str]) -> None:
        self._families, self._cidrs = families, tuple(cidrs)
        self._ways: dict[IPFamily, Ways] = {}
        self._tables: dict[IPFamily, Tables] = {}
        self._marked: set[str] = set()  # the nodes that marks are given for
        self.read()

    def read(self) -> None:
        """Believe the kernel alone."""
        self._ways = {family: netns.routes_of(PROTOCOL, family) for family in self._families}
        self._tables = {family: netns.tables_of(PROTOCOL, family) for family in self._families}
        self._marked = set()

    def set(self, ways: Ways, answering: Answering) -> None:
        """Set exactly these routes, and routes to these nodes for their open connections.

        Raises:
            LinkError: the kernel refuses something, and some of it may be done: ``read`` says what.
        """
        if self._marked != answering.keys():
            netns.run_nft(marking_rules(answering, self._cidrs))
            self._marked = set(answering)
        for family in self._families:
            routes, tables = _of(family, ways), tables_of(_of(family, answering))
            cidrs = [cidr for cidr in self._cidrs if family_of(cidr) == family]
            commands = table_changes(self._tables[family], tables, cidrs)
            commands += route_changes(self._ways[family], routes)
            if commands:
                netns.run_ip(commands, options=_OPTIONS[family])
            self._ways[family], self._tables[family] = routes, tables


def _of(family: IPFamily, by_address: Mapping[str, T]) -> dict[str, T]:
    return {address: value for address, value in by_address.items() if family_of(address) == family}
