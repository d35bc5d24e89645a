"""The chains of one policy: a rule for each peer on each port, for either back end.

Several peers with several ports have a separate chain for the ports, so that the number of rules is the sum of peers
and ports. A block with exceptions has a separate chain too, because an excepted address only leaves that block.
"""

from collections.abc import Iterator
from ipaddress import IPv4Network, IPv6Network

from fairlead.model.addresses import IPFamily
from fairlead.netfilter.ruleset import (
    Chain,
    Field,
    InNetworks,
    InSet,
    IsPort,
    IsPortBetween,
    IsProtocol,
    Jump,
    Match,
    Return,
    Rule,
    RuleOrigin,
    Statement,
)
from fairlead.netpolicy.backend import PEER, SERVED, Backend, origin_of
from fairlead.netpolicy.reading import AddressBlock, Allowance, Direction, Members, Port, PortName, ReadPolicy
from fairlead.netpolicy.selections import Ports, Selection

_VERSIONS = {IPFamily.IPV4: 4, IPFamily.IPV6: 6}


def chains_of(policy: ReadPolicy, direction: Direction, node: str, backend: Backend) -> dict[str, Chain]:
    """The chains that accept what a policy allows in a direction."""
    return {chain.name: chain for chain in _Writer(policy, direction, node, backend).chains()}


def selections_of(policy: ReadPolicy, direction: Direction, node: str) -> frozenset[Selection]:
    """The sets in the rules of those chains."""
    found: set[Selection] = set()
    for allowance in policy.allowances(direction):
        found.update(peer for peer in allowance.peers or () if isinstance(peer, Members))
        found.update(
            _ports_of_name(port, direction, node) for port in allowance.ports or () if isinstance(port, PortName)
        )
    return frozenset(found)


def _ports_of_name(port: PortName, direction: Direction, node: str) -> Ports:
    """A port name refers to a port of the receiver, which for ingress is a Pod of this node."""
    return Ports(port.protocol, port.name, node if direction is Direction.INGRESS else "")


class _Writer:
    def __init__(self, policy: ReadPolicy, direction: Direction, node: str, backend: Backend) -> None:
        self._policy, self._direction, self._node, self._backend = policy, direction, node, backend
        self._allow = backend.allow(direction)

    def chains(self) -> Iterator[Chain]:
        rules: list[Rule] = []
        for i, allowance in enumerate(self._policy.allowances(self._direction)):
            more, chains = self._allowance(allowance, i)
            rules += more
            yield from chains
        yield Chain(self._name(), tuple(rules))

    def _name(self, *parts: int) -> str:
        return self._backend.policy_chain(self._direction, self._policy.key, *parts)

    def _origin(self, i: int, what: str = "") -> RuleOrigin:
        rule = f"rule {i + 1}"
        return RuleOrigin(f"{self._direction} {self._policy.key}", f"{rule}: {what}" if what else rule)

    def _allowance(self, allowance: Allowance, i: int) -> tuple[list[Rule], list[Chain]]:
        chains: list[Chain] = []
        ports = self._ports(allowance)
        if allowance.peers is None:
            return [Rule(port, (self._allow,), self._origin(i)) for port in ports], chains
        if len(ports) > 1 and len(allowance.peers) > 1:
            name = self._name(i)
            chains.append(Chain(name, tuple(Rule(port, (self._allow,), self._origin(i, "ports")) for port in ports)))
            ways: list[tuple[tuple[Match, ...], Statement]] = [((), Jump(name))]
        else:
            ways = [(port, self._allow) for port in ports]
        rules: list[Rule] = []
        for j, peer in enumerate(allowance.peers):
            more, own = self._peer(peer, ways, i, j)
            rules += more
            chains += own
        return rules, chains

    def _peer(
        self, peer: Members | AddressBlock, ways: list[tuple[tuple[Match, ...], Statement]], i: int, j: int
    ) -> tuple[list[Rule], list[Chain]]:
        field = PEER[self._direction]
        if isinstance(peer, Members):
            at: tuple[Match, ...] = (InSet((field,), self._backend.set_name(peer)),)
            return [Rule((*at, *m), (s,), self._origin(i, origin_of(peer).reason)) for m, s in ways], []
        if not self._is_of_family(peer.network):
            return [], []
        at, origin = self._within(field, peer.network), self._origin(i, str(peer.network))
        excepts = [network for network in peer.excepts if self._is_of_family(network)]
        if not excepts:
            return [Rule((*at, *m), (s,), origin) for m, s in ways], []
        name = self._name(i, j)
        left_out = [Rule(self._within(field, n), (Return(),), self._origin(i, f"except {n}")) for n in excepts]
        rest = [Rule(m, (s,), origin) for m, s in ways]
        return [Rule(at, (Jump(name),), origin)], [Chain(name, (*left_out, *rest))]

    def _is_of_family(self, network: IPv4Network | IPv6Network) -> bool:
        return network.version == _VERSIONS[self._backend.family]

    @staticmethod
    def _within(field: Field, network: IPv4Network | IPv6Network) -> tuple[Match, ...]:
        return (InNetworks(field, (str(network),)),) if network.prefixlen else ()

    def _ports(self, allowance: Allowance) -> list[tuple[Match, ...]]:
        """The matches of each port; for all ports one row that matches everything."""
        return [()] if allowance.ports is None else [self._port(port) for port in allowance.ports]

    def _port(self, port: Port) -> tuple[Match, ...]:
        if isinstance(port, PortName):
            return (InSet(SERVED, self._backend.set_name(_ports_of_name(port, self._direction, self._node))),)
        protocol = IsProtocol(port.protocol)
        if not port.last:
            return (protocol,)
        at = IsPort(port.first) if port.first == port.last else IsPortBetween(port.first, port.last)
        return (protocol, at)
