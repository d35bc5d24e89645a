"""The requests and limits of a Pod, over all its containers.

Upstream: ``component-helpers/resource/helpers.go`` (PodRequests, PodLimits): containers run together, those that
initialize one after another beside the sidecars that were started before them.
"""

from fractions import Fraction

from fairlead.model.document import Doc
from fairlead.model.quantities import quantity

Amounts = dict[str, Fraction]


def pod_amounts(spec: Doc, field: str) -> Amounts:
    """The sums of ``requests`` or ``limits``, by resource."""
    running: Amounts = {}
    for container in spec.get("containers") or ():
        _add(running, container_amounts(container, field))
    sidecars: Amounts = {}
    highest: Amounts = {}
    for container in spec.get("initContainers") or ():
        needed = container_amounts(container, field)
        if container.get("restartPolicy") == "Always":
            _add(running, needed)
            _add(sidecars, needed)
            continue
        beside = dict(sidecars)
        _add(beside, needed)
        highest |= {name: max(amount, highest.get(name, amount)) for name, amount in beside.items()}
    total = {name: max(running.get(name, Fraction()), highest.get(name, Fraction())) for name in {*running, *highest}}
    if field == "requests":
        _add(total, _read(spec.get("overhead") or {}))
    return total


def container_amounts(container: Doc, field: str) -> Amounts:
    """The requests or limits of one container."""
    return _read((container.get("resources") or {}).get(field) or {})


def _read(amounts: Doc) -> Amounts:
    return {name: quantity(str(text)) or Fraction() for name, text in amounts.items()}


def _add(total: Amounts, more: Amounts) -> None:
    for name, amount in more.items():
        total[name] = total.get(name, Fraction()) + amount
