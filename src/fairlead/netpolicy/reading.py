"""A parsed NetworkPolicy: the Pods that it isolates, and what it allows.

An invalid part allows nothing and is reported as a fault; the other parts count, and the Pods stay isolated: a policy
that is half understood must not open what it was written to close. Meaning: the reference of networking.k8s.io/v1.
"""

import enum
from collections.abc import Callable, Iterable, Iterator
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import TypeVar

import msgspec

from fairlead.model.labels import Selector, requirements
from fairlead.model.names import ObjectKey
from fairlead.model.network_policies import IPBlock, NetworkPolicy, PolicyPeer, PolicyPort, PolicyRule
from fairlead.model.objects import LabelSelector

S = TypeVar("S")
T = TypeVar("T")

PROTOCOLS = {"TCP": "tcp", "UDP": "udp", "SCTP": "sctp"}
_OPERATORS = frozenset({"In", "NotIn", "Exists", "DoesNotExist"})


class Direction(enum.StrEnum):
    """The direction of a connection, seen from the Pod that a policy selects."""

    INGRESS = "Ingress"
    EGRESS = "Egress"


class _Value(msgspec.Struct, frozen=True, gc=False):
    """Base of the values of a parsed policy."""


class Members(_Value, frozen=True, cache_hash=True):
    """Pods selected by labels.

    Attributes:
        namespace: of the Pods; "" if ``namespaces`` selects it.
        namespaces: what the labels of their Namespace must satisfy.
        pods: what their own labels must satisfy.
    """

    namespace: str
    namespaces: Selector
    pods: Selector


class AddressBlock(_Value, frozen=True):
    """Addresses of a network, without those of some networks in it."""

    network: IPv4Network | IPv6Network
    excepts: tuple[IPv4Network | IPv6Network, ...] = ()


class PortRange(_Value, frozen=True):
    """Ports of a protocol (lower case), both ends included; ``last`` 0: all ports."""

    protocol: str
    first: int = 0
    last: int = 0


class PortName(_Value, frozen=True):
    """The port of this name that the receiving Pod has for the protocol."""

    protocol: str
    name: str


Peer = Members | AddressBlock
Port = PortRange | PortName


class Allowance(_Value, frozen=True):
    """The packets that one rule allows: each peer on each port. None: any peer, or any port of any protocol."""

    peers: tuple[Peer, ...] | None
    ports: tuple[Port, ...] | None


class ReadPolicy(_Value, frozen=True):
    """A parsed policy; ``faults`` are those of its parts that allow nothing."""

    key: ObjectKey
    pods: Selector
    directions: frozenset[Direction]
    ingress: tuple[Allowance, ...] = ()
    egress: tuple[Allowance, ...] = ()
    faults: tuple[str, ...] = ()

    def allowances(self, direction: Direction) -> tuple[Allowance, ...]:
        return self.ingress if direction is Direction.INGRESS else self.egress

    def closed(self) -> "ReadPolicy":
        """The isolation with nothing allowed."""
        return msgspec.structs.replace(self, ingress=(), egress=())


class _FaultError(ValueError):
    """A part of a policy that cannot be acted on; the message names the field."""


def read_policy(policy: NetworkPolicy) -> ReadPolicy:
    """Interpret a policy."""
    faults: list[str] = []
    spec = policy.spec
    pods = _selector(spec.pod_selector or LabelSelector(), "spec.podSelector", faults)
    rules = {Direction.INGRESS: spec.ingress, Direction.EGRESS: spec.egress}
    read = {
        direction: tuple(
            _allowance(rule, direction, policy.namespace, f"spec.{direction.lower()}[{i}]", faults)
            for i, rule in enumerate(rules[direction] or ())
        )
        for direction in Direction
    }
    directions = _directions(spec.policy_types, has_egress=bool(spec.egress), faults=faults)
    return ReadPolicy(policy.key, pods, directions, read[Direction.INGRESS], read[Direction.EGRESS], tuple(faults))


def _directions(types: Iterable[str] | None, *, has_egress: bool, faults: list[str]) -> frozenset[Direction]:
    """By default a policy applies to ingress, and to egress if it has rules for it."""
    named = tuple(types or ())
    if not named:
        return frozenset(Direction) if has_egress else frozenset({Direction.INGRESS})
    faults += [f"spec.policyTypes: Unsupported value: {name!r}" for name in named if name not in [*Direction]]
    return frozenset(direction for direction in Direction if direction in named)


def _allowance(rule: PolicyRule, direction: Direction, namespace: str, path: str, faults: list[str]) -> Allowance:
    side, peers = ("from", rule.sources) if direction is Direction.INGRESS else ("to", rule.destinations)
    return Allowance(
        tuple(_each(lambda p, at: _peer(p, namespace, at), peers, f"{path}.{side}", faults)) if peers else None,
        tuple(_each(_port, rule.ports, f"{path}.ports", faults)) if rule.ports else None,
    )


def _each(read: Callable[[S, str], T], items: Iterable[S], path: str, faults: list[str]) -> Iterator[T]:
    """The valid items of a list; a fault for each other item."""
    for i, item in enumerate(items):
        try:
            yield read(item, f"{path}[{i}]")
        except _FaultError as error:
            faults.append(str(error))


def _peer(peer: PolicyPeer, namespace: str, path: str) -> Peer:
    if peer.ip_block is not None:
        if peer.pod_selector is not None or peer.namespace_selector is not None:
            raise _FaultError(f"{path}: Forbidden: may not specify both ipBlock and another peer")
        return _block(peer.ip_block, f"{path}.ipBlock")
    if peer.pod_selector is None and peer.namespace_selector is None:
        raise _FaultError(f"{path}: Required value: must specify a peer")
    pods = _checked(peer.pod_selector or LabelSelector(), f"{path}.podSelector")
    if peer.namespace_selector is None:
        return Members(namespace, (), pods)
    return Members("", _checked(peer.namespace_selector, f"{path}.namespaceSelector"), pods)


def _block(block: IPBlock, path: str) -> AddressBlock:
    excepts = tuple(_network(text, f"{path}.except[{i}]") for i, text in enumerate(block.excepts or ()))
    return AddressBlock(_network(block.cidr, f"{path}.cidr"), excepts)


def _network(text: str, path: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(text, strict=False)
    except ValueError as error:
        raise _FaultError(f"{path}: Invalid value: {text!r}: must be a valid CIDR value") from error


def _port(port: PolicyPort, path: str) -> Port:
    protocol = PROTOCOLS.get(port.protocol)
    if protocol is None:
        raise _FaultError(f"{path}.protocol: Unsupported value: {port.protocol!r}")
    if not isinstance(port.port, int):
        if port.end_port is not None:
            raise _FaultError(f"{path}.endPort: Invalid value: {port.end_port}: may only be specified with a number")
        return PortRange(protocol) if port.port is None else PortName(protocol, port.port)
    last = port.port if port.end_port is None else port.end_port
    if not 0 < port.port <= last <= 65535:
        raise _FaultError(f"{path}: Invalid value: {port.port}-{last}: must be a range of 1 to 65535")
    return PortRange(protocol, port.port, last)


def _selector(selector: LabelSelector, path: str, faults: list[str]) -> Selector:
    """An invalid selector matches nothing."""
    try:
        return _checked(selector, path)
    except _FaultError as error:
        faults.append(str(error))
        return requirements(selector)


def _checked(selector: LabelSelector, path: str) -> Selector:
    for i, term in enumerate(selector.match_expressions or ()):
        if term.operator not in _OPERATORS:
            at = f"{path}.matchExpressions[{i}].operator"
            raise _FaultError(f"{at}: Invalid value: {term.operator!r}: not a valid selector operator")
    return requirements(selector)
