"""How well a Pod is served when resources run short: its QoS class.

Upstream: ``pkg/apis/core/v1/helper/qos``, ``ComputePodQOS``.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import NamedTuple

from fairlead.model.quantities import quantity

GUARANTEED, BURSTABLE, BEST_EFFORT = "Guaranteed", "Burstable", "BestEffort"
_COUNTED = ("cpu", "memory")  # what else a container asks for does not matter here

Quantities = Mapping[str, str] | None


class AskedResources(NamedTuple):
    """The requests and limits of a container or of a whole Pod: quantities by resource."""

    requests: Quantities
    limits: Quantities


def qos_class(containers: Iterable[AskedResources], of_pod: AskedResources | None = None) -> str:
    """``Guaranteed``: everything has limits, and asks for all that it may use; ``BestEffort``: nothing asks for
    anything; else ``Burstable``.

    Args:
        containers: all of them, init containers included.
        of_pod: what the Pod says for all of them together, which then counts instead (KEP-2837).
    """
    counted = [of_pod] if of_pod and (of_pod.requests or of_pod.limits) else list(containers)
    requests, limits = _sum(each.requests for each in counted), _sum(each.limits for each in counted)
    if not requests and not limits:
        return BEST_EFFORT
    is_limited = all(len(_positive(each.limits)) == len(_COUNTED) for each in counted)
    return GUARANTEED if is_limited and requests == limits else BURSTABLE


def _sum(lists: Iterable[Quantities]) -> dict[str, Fraction]:
    total: dict[str, Fraction] = defaultdict(Fraction)
    for quantities in lists:
        for name, amount in _positive(quantities).items():
            total[name] += amount
    return dict(total)


def _positive(quantities: Quantities) -> dict[str, Fraction]:
    if not quantities:
        return {}
    found = ((name, quantity(quantities[name])) for name in _COUNTED if name in quantities)
    return {name: amount for name, amount in found if amount and amount > 0}
