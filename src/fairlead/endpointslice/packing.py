"""Puts endpoints into slices with as few writes as possible.

One call handles endpoints that share a port list and an address family. What is already somewhere stays there; new
endpoints go first where a write is needed anyway; an untouched slice is opened only when it takes all of the rest, and
the fullest such one is; else new slices are made. Slices are never rebalanced: a half-empty slice costs a reader less
than a write costs every watcher.
Upstream: ``staging/src/k8s.io/endpointslice/reconciler.go`` (reconcileByPortMapping), KEP-0752.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from fairlead.model.objects import Endpoint, EndpointSlice

MAX_ENDPOINTS = 100  # per slice; upstream's default, of 1000 that validation allows

Identity = tuple[tuple[str, ...], str]


def identity(endpoint: Endpoint) -> Identity:
    """The identity of an endpoint whatever its conditions: its addresses and its Pod."""
    return endpoint.addresses, endpoint.target_ref.name if endpoint.target_ref else ""


@dataclass
class Bin:
    """One slice while it is being packed; ``origin`` is None for one that must be made."""

    origin: EndpointSlice | None
    endpoints: list[Endpoint]

    def differs(self, labels: Mapping[str, str]) -> bool:
        """Whether the slice must be written: its endpoints or its labels are not what they ought to be."""
        origin = self.origin
        return origin is None or tuple(self.endpoints) != (origin.endpoints or ()) or labels != origin.labels

    def take(self, waiting: list[Endpoint], limit: int) -> None:
        """Move as many endpoints from the front of ``waiting`` as there is room for."""
        room = max(0, limit - len(self.endpoints))
        self.endpoints += waiting[:room]
        del waiting[:room]


def pack(
    wanted: Iterable[Endpoint],
    existing: Sequence[EndpointSlice],
    labels: Mapping[str, str],
    limit: int = MAX_ENDPOINTS,
) -> list[Bin]:
    """The packing of wanted endpoints: one ``Bin`` for every existing slice (empty: not needed) and every new one.

    Every wanted endpoint is in exactly one bin afterwards, and no bin holds more than ``limit``.

    Args:
        labels: those that every slice ought to have; a slice with others is written anyway.
    """
    left = {identity(endpoint): endpoint for endpoint in wanted}
    bins = [Bin(slice_, _keep(slice_, left, limit)) for slice_ in existing]
    waiting = list(left.values())
    for bin_ in _fullest_first(b for b in bins if b.endpoints and b.differs(labels)):
        bin_.take(waiting, limit)
    if waiting and (roomy := _tightest_fit(bins, len(waiting), limit)):
        roomy.take(waiting, limit)
    while waiting:
        bins.append(Bin(None, []))
        bins[-1].take(waiting, limit)
    return bins


def _keep(slice_: EndpointSlice, left: dict[Identity, Endpoint], limit: int) -> list[Endpoint]:
    """The endpoints of a slice that stay, in their order and in their present state; they leave ``left``."""
    found = (left.pop(identity(endpoint), None) for endpoint in slice_.endpoints or ())
    kept = [endpoint for endpoint in found if endpoint is not None]
    left.update((identity(surplus), surplus) for surplus in kept[limit:])
    return kept[:limit]


def _fullest_first(bins: Iterable[Bin]) -> list[Bin]:
    return sorted(bins, key=lambda b: -len(b.endpoints))


def _tightest_fit(bins: Iterable[Bin], count: int, limit: int) -> Bin | None:
    """The fullest slice that takes all ``count`` endpoints, or None."""
    fitting = [b for b in bins if b.endpoints and len(b.endpoints) + count <= limit]
    return max(fitting, key=lambda b: len(b.endpoints), default=None)
