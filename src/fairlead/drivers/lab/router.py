"""The kernel's routes, rules and marks of the world outside, as ``fairlead.labnet.balancing`` has them.

What a router before this one has made is taken over: its routes stay until they are other ones, so that a router that
is killed and comes back interrupts nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from fairlead.drivers.linux import netns
from fairlead.labnet.balancing import PROTOCOL, Answering, Ways, marking_rules, route_changes, table_changes
from fairlead.model.addresses import IPFamily, family_of

T = TypeVar("T")

_OPTIONS = {IPFamily.IPV4: ("-4",), IPFamily.IPV6: ("-6",)}


class RouterTables:
    """What the kernel of the caller's network namespace has, and how it gets to something else.

    Args:
        cidrs: of load balancers' addresses.

    Raises:
        LinkError: the kernel's routes cannot be read.
    """

    def __init__(self, families: Sequence[IPFamily], cidrs: Iterable[str]) -> None:
        self._families, self._cidrs = families, tuple(cidrs)
        self._ways: Ways = {}
        self._answering: Answering = {}
        self.read()

    def read(self) -> None:
        """Believe the kernel alone."""
        self._ways = {ip: hops for f in self._families for ip, hops in netns.routes_of(PROTOCOL, f).items()}
        for family in self._families:
            netns.flush_rules_of(PROTOCOL, family)
        self._answering = {}

    def set(self, ways: Ways, answering: Answering) -> None:
        """Have exactly these routes, and ways to these nodes for the connections that they have.

        Raises:
            LinkError: the kernel refuses something, and some of it may be done: ``read`` says what.
        """
        if answering.keys() != self._answering.keys():
            netns.run_nft(marking_rules(answering, self._cidrs))
        for family in self._families:
            before, after = _of(family, self._answering), _of(family, answering)
            commands = table_changes(before, after, self._cidrs)
            commands += route_changes(_of(family, self._ways), _of(family, ways))
            if commands:
                netns.run_ip(commands, options=_OPTIONS[family])
        self._ways, self._answering = dict(ways), dict(answering)


def _of(family: IPFamily, by_address: Mapping[str, T]) -> dict[str, T]:
    return {address: value for address, value in by_address.items() if family_of(address) == family}
