"""How connections are distributed over endpoints if a Service's annotations request more than an even choice.

``fairlead.dev/endpoint-weights: canary-*=1, *=9`` gives each endpoint a weight: the first pattern counts that
matches its Pod's name, or its address if it names no Pod; without a match, its weight is 1. An endpoint with weight 0
gets no connections while another one has more.

``fairlead.dev/balancing: source-hash`` chooses by a hash of the client's address, not at random, so that a client
keeps the same endpoint on every node, without state. Slots are distributed by weighted rendezvous hashing (Thaler
and Ravishankar 1998, Schindelhauer and Schomaker 2005): a removed endpoint gives its slots to the others and moves no
other slot, and a new endpoint takes slots from the others and moves no other slot. Maglev's table, the usual choice,
spreads a little more evenly, but moves some clients without need.
"""

import re
from array import array
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from functools import lru_cache
from hashlib import shake_128
from math import gcd, log
from typing import NamedTuple

import msgspec

from fairlead.netfilter.ruleset import Target

WEIGHTS_ANNOTATION = "fairlead.dev/endpoint-weights"
BALANCING_ANNOTATION = "fairlead.dev/balancing"
SOURCE_HASH = "source-hash"
GREATEST_WEIGHT = 100
HASH_SLOTS = 1024  # the shares of n endpoints are even within about sqrt(n / 1024) of a share
_WEIGHT = re.compile(r"([A-Za-z0-9.:*?-]+)=(\d{1,3})")


class Balancing(msgspec.Struct, frozen=True, gc=False):
    """The settings in the annotations.

    Attributes:
        by_source: whether a hash of the client's address chooses the endpoint.
        weights: (pattern, weight) pairs, the first that matches counts.
    """

    by_source: bool = False
    weights: tuple[tuple[str, int], ...] = ()

    def weight_of(self, name: str) -> int:
        """The weight of an endpoint, by its Pod's name or its address."""
        return next((weight for pattern, weight in self.weights if fnmatchcase(name, pattern)), 1)


EVEN = Balancing()


class Complaint(NamedTuple):
    """Why an annotation is ignored: a reason in CamelCase and a message, as in Events."""

    reason: str
    message: str


def balancing_of(annotations: Mapping[str, str]) -> Balancing:
    """The balancing that the annotations request; unreadable annotations are ignored."""
    weights = annotations.get(WEIGHTS_ANNOTATION)
    kind = annotations.get(BALANCING_ANNOTATION)
    if weights is None and kind is None:
        return EVEN
    return Balancing(kind == SOURCE_HASH, _weights(weights or "") or ())


def complaints(annotations: Mapping[str, str], *, can_hash: bool) -> list[Complaint]:
    """Complaints about ignored annotations. ``can_hash``: the back end can choose endpoints by a hash."""
    found = []
    weights, kind = annotations.get(WEIGHTS_ANNOTATION), annotations.get(BALANCING_ANNOTATION, "random")
    if weights is not None and _weights(weights) is None:
        expected = f"expected PATTERN=WEIGHT pairs such as 'canary-*=1, *=9', with weights up to {GREATEST_WEIGHT}"
        found.append(Complaint("InvalidAnnotation", f"{WEIGHTS_ANNOTATION}: {weights!r}: {expected}"))
    if kind not in ("random", SOURCE_HASH):
        expected = f"supported values: 'random', {SOURCE_HASH!r}"
        found.append(Complaint("InvalidAnnotation", f"{BALANCING_ANNOTATION}: {kind!r}: {expected}"))
    if kind == SOURCE_HASH and not can_hash:
        instead = "endpoints are drawn at random; sessionAffinity: ClientIP keeps a client with its endpoint"
        found.append(Complaint("BalancingNotSupported", f"iptables cannot draw by a hash of the source: {instead}"))
    return found


def _weights(text: str) -> tuple[tuple[str, int], ...] | None:
    """The pairs of an annotation; None when it cannot be read."""
    matches = [_WEIGHT.fullmatch(part.strip()) for part in text.split(",")]
    pairs = tuple((match[1], int(match[2])) for match in matches if match)
    if len(pairs) < len(matches) or any(weight > GREATEST_WEIGHT for _, weight in pairs):
        return None
    return pairs


def even_slots(targets: Sequence[Target], weights: Sequence[int]) -> tuple[Target, ...]:
    """The smallest list of slots that expresses the weights; each slot is equally likely."""
    divisor = gcd(*weights)
    return tuple(t for t, weight in zip(targets, weights, strict=True) for _ in range(weight // divisor))


def hashed_slots(targets: Sequence[Target], weights: Sequence[int]) -> tuple[Target, ...]:
    """``HASH_SLOTS`` slots, each held by the target that scores most for it."""
    scores = [_scores(target, weight) for target, weight in zip(targets, weights, strict=True)]
    return tuple(targets[bids.index(max(bids))] for bids in zip(*scores, strict=True))


@lru_cache(maxsize=4096)
def _scores(target: Target, weight: int) -> "array[float]":
    """What a target bids for each slot, whatever the others bid: -w / ln(u), with u uniform in (0, 1)."""
    digest = shake_128(f"{target.address} {target.port}".encode()).digest(4 * HASH_SLOTS)
    draws = (int.from_bytes(digest[i : i + 4], "big") for i in range(0, len(digest), 4))
    return array("d", (-weight / log((draw + 0.5) / (1 << 32)) for draw in draws))
