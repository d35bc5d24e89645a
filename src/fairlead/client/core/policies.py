"""Policies: which of the candidates a request goes to.

A policy is given the candidates in order of address, so the order in which DNS lists them never matters. One policy
serves one balancer.
"""

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import blake2b
from operator import attrgetter
from typing import Protocol

from fairlead.client.core.endpoint import Endpoint, Place, Wanted
from fairlead.client.core.member import Member, Members

Chance = Callable[[int], int]  # a number below the argument, which is at least 1


class Policy(Protocol):
    """How to choose."""

    def choose(self, candidates: Members, wanted: Wanted, chance: Chance) -> Member:
        """One of the candidates, of which there is at least one."""


def _place(member: Member) -> Place:
    return member.endpoint.place


class RoundRobin:
    """Each in turn: the next address after the last one used. Clients start at different ones, by chance."""

    def __init__(self) -> None:
        self._last: dict[str | None, Place] = {}  # by role

    def choose(self, candidates: Members, wanted: Wanted, chance: Chance) -> Member:
        """The next one in turn, of those that may be chosen now."""
        last = self._last.get(wanted.role)
        at = chance(len(candidates)) if last is None else bisect_right(candidates, last, key=_place)
        chosen = candidates[at % len(candidates)]
        self._last[wanted.role] = chosen.endpoint.place
        return chosen


class LeastInFlight:
    """The one with fewer open requests, of two chosen at random.

    Nearly as even as looking at all of them, at the cost of looking at two, and clients that know nothing of each
    other do not all rush to the same one. Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing", 2001.
    """

    def choose(self, candidates: Members, wanted: Wanted, chance: Chance) -> Member:
        """Choose the one with fewer open requests, of two at random."""
        count = len(candidates)
        first = chance(count)
        second = (first + 1 + chance(count - 1)) % count if count > 1 else first
        return min(candidates[first], candidates[second], key=attrgetter("in_flight"))


class ConsistentHash:
    """Choose the same endpoint for the same key, by rendezvous hashing.

    When an endpoint leaves, its keys alone move, evenly to all others; when one joins, it takes its share alone. An
    endpoint that has a name keeps its keys wherever it comes back.
    Thaler and Ravishankar, "Using Name-Based Mappings to Increase Hit Rates", 1998.
    """

    def choose(self, candidates: Members, wanted: Wanted, chance: Chance) -> Member:
        """The candidate that the key likes best.

        Raises:
            ValueError: the request has no key.
        """
        key = wanted.key
        if key is None:
            raise ValueError("ConsistentHash needs a key: pick(key=…)")
        return max(candidates, key=lambda member: _liking(key, member.endpoint.identity))


def _liking(key: str, identity: str) -> bytes:
    return blake2b(f"{key}\n{identity}".encode(), digest_size=8).digest()


@dataclass
class PreferZone:
    """Endpoints of one zone while it has any that may be used, else all.

    Attributes:
        zone: usually the zone of the client's own Node.
        then: chooses among those.
        zone_of: returns an endpoint's zone. EndpointSlices have it; for DNS, pass a function.
    """

    zone: str
    then: Policy = field(default_factory=RoundRobin)
    zone_of: Callable[[Endpoint], str | None] = attrgetter("zone")
    _all: Members = field(default=(), init=False, repr=False)
    _near: Members = field(default=(), init=False, repr=False)

    def choose(self, candidates: Members, wanted: Wanted, chance: Chance) -> Member:
        """One in the zone while it has any, else one of all."""
        if candidates is not self._all:  # the same object until the set changes
            self._all = candidates
            self._near = [member for member in candidates if self.zone_of(member.endpoint) == self.zone]
        return self.then.choose(self._near or candidates, wanted, chance)
