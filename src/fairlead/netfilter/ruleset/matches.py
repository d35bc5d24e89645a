"""Conditions of rules, and the fields of packets that they refer to."""

import enum

import msgspec


class RuleValue(msgspec.Struct, frozen=True, gc=False):
    """Base of the values of this package: immutable, hashable, equal only to values of the same class."""


class Field(enum.StrEnum):
    """A part of a packet that matches, sets and maps look at; the value is free of IP family."""

    SOURCE = "saddr"
    DESTINATION = "daddr"
    PROTOCOL = "l4proto"
    PORT = "dport"
    SLOT = "slot"  # not part of the packet: a number drawn for it, see TranslateBySlot


# Parts of a key have the order of its set's fields: addresses as text, protocols in lower case, ports as numbers.
Key = tuple[str | int, ...]


class InNetworks(RuleValue, frozen=True):
    """The address in ``field`` lies in one of the networks (CIDR text); negated: in none of them."""

    field: Field
    networks: tuple[str, ...]
    negated: bool = False


class InSet(RuleValue, frozen=True):
    """The named set holds the key made of these fields."""

    fields: tuple[Field, ...]
    set: str


class IsLocal(RuleValue, frozen=True):
    """The address in ``field`` is one of this node's own, loopback included."""

    field: Field


class IsProtocol(RuleValue, frozen=True):
    """The transport protocol is ``protocol`` (lower case)."""

    protocol: str


class IsPort(RuleValue, frozen=True):
    """The destination port is ``port``; the rule must match the protocol too."""

    port: int


class IsPortBetween(RuleValue, frozen=True):
    """The destination port is one from ``first`` to ``last``; the rule must match the protocol too."""

    first: int
    last: int


class FromInterface(RuleValue, frozen=True):
    """The packet came in through this interface, or through one whose name has this prefix."""

    name: str
    is_prefix: bool = False
    negated: bool = False


class NewConnection(RuleValue, frozen=True):
    """Connection tracking has not seen a reply yet: ``ct state new``."""


class MidStream(RuleValue, frozen=True):
    """A TCP packet that does not open a connection: any but a plain SYN."""


class EstablishedConnection(RuleValue, frozen=True):
    """``ct state related,established``."""


class RelatedConnection(RuleValue, frozen=True):
    """``ct state related``: an ICMP error about a connection that is tracked."""


class ReplyOfConnection(RuleValue, frozen=True):
    """``ct direction reply``: a packet back to the side that opened the connection."""


class InvalidConnection(RuleValue, frozen=True):
    """``ct state invalid``."""


class UnaskedConnection(RuleValue, frozen=True):
    """Neither ``ct state related,established`` nor ``ct status dnat``: a packet that is no reply and was not
    translated."""


class DestinationTranslated(RuleValue, frozen=True):
    """The connection's destination has been rewritten: ``ct status dnat``."""


class HasMark(RuleValue, frozen=True):
    """All bits of ``bits`` are set in the packet mark; negated: not all of them."""

    bits: int
    negated: bool = False


class Probability(RuleValue, frozen=True):
    """Holds at random, ``part`` times of ``whole``."""

    part: int
    whole: int


class RecentSource(RuleValue, frozen=True):
    """The source address was remembered in the list ``name`` within the last ``seconds`` (iptables' recent match)."""

    name: str
    seconds: int


Match = (
    InNetworks
    | InSet
    | IsLocal
    | IsProtocol
    | IsPort
    | IsPortBetween
    | FromInterface
    | NewConnection
    | MidStream
    | EstablishedConnection
    | RelatedConnection
    | ReplyOfConnection
    | InvalidConnection
    | UnaskedConnection
    | DestinationTranslated
    | HasMark
    | Probability
    | RecentSource
)
