"""The common part of the two back ends, and the interface of each.

A packet that a node forwards meets the policies of its sender first, if that is a Pod of the node, then those of its
receiver. An isolated address leads to the chain of its ``Isolation``, which calls the chain of each policy in turn and
ends in the chain that denies. A policy's chain accepts what the policy allows.
"""

from base64 import b32encode
from collections.abc import Iterable, Mapping
from functools import lru_cache
from hashlib import sha256
from typing import Protocol

import msgspec

from fairlead.model.addresses import IPFamily
from fairlead.model.names import ObjectKey
from fairlead.netfilter.ruleset import Element, ElementId, Field, Jump, NamedSet, Rule, RuleOrigin, Statement, Table
from fairlead.netpolicy.reading import Direction
from fairlead.netpolicy.selections import Selection, described


class Isolation(msgspec.Struct, frozen=True, order=True, gc=False, cache_hash=True):
    """The policies, in order, that isolate a Pod in a direction; Pods with the same isolation share a chain."""

    direction: Direction
    policies: tuple[ObjectKey, ...]

    def __str__(self) -> str:
        return f"{self.direction} of {', '.join(map(str, self.policies))}"


# The isolation of each isolated address: for ingress, for egress or both.
Isolated = Mapping[str, tuple[Isolation, ...]]


class Backend(Protocol):
    """Writes policies as rules for one IP family."""

    family: IPFamily

    def policy_chain(self, direction: Direction, policy: ObjectKey, *parts: int) -> str:
        """The name of a policy's chain for a direction, or of one that it jumps to, which has parts."""

    def set_name(self, selection: Selection) -> str:
        """The name of a selection's set."""

    def set_of(self, selection: Selection) -> NamedSet:
        """The declaration of that set."""

    def allow(self, direction: Direction) -> Statement:
        """The statement for packets that a policy allows."""

    def isolation(self, isolation: Isolation) -> Table:
        """The chains and sets of an isolation, shared by all Pods that have it."""

    def isolate(self, address: str, isolation: Isolation, origin: RuleOrigin) -> Mapping[ElementId, Element]:
        """The elements that give an address these isolations."""

    def frame(self, isolations: Iterable[Isolation], isolated: Isolated) -> Table:
        """The chains and sets that all isolations need."""


# The other end of a connection, seen from the Pod that a policy selects.
PEER = {Direction.INGRESS: Field.SOURCE, Direction.EGRESS: Field.DESTINATION}
OWN = {Direction.INGRESS: Field.DESTINATION, Direction.EGRESS: Field.SOURCE}
SERVED = (Field.DESTINATION, Field.PROTOCOL, Field.PORT)


def origin_of(selection: Selection) -> RuleOrigin:
    return RuleOrigin("", described(selection))


def asking(isolation: Isolation, backend: Backend, denial: Statement) -> tuple[Rule, ...]:
    """The rules of an isolation: each policy, then the denial."""
    asked = (
        Rule(
            (),
            (Jump(backend.policy_chain(isolation.direction, policy)),),
            RuleOrigin(f"{isolation.direction} {policy}"),
        )
        for policy in isolation.policies
    )
    return (*asked, Rule((), (denial,), RuleOrigin("", "no policy lets it through")))


@lru_cache(maxsize=8192)
def key_of(selection: Selection) -> str:
    """Sixteen characters that identify a set, equal in every process."""
    return digest(described(selection))


def digest(*parts: str) -> str:
    """Sixteen characters that identify a text."""
    return b32encode(sha256("\n".join(parts).encode()).digest()).decode()[:16]
