"""How well a Pod is served when resources run short. Upstream: pkg/apis/core/helper/qos."""

from fractions import Fraction

from fairlead.model.document import Doc
from fairlead.model.quantities import quantity

_RESOURCES = ("cpu", "memory")


def qos_class(spec: Doc) -> str:
    """``Guaranteed``: each container has all it may use; ``BestEffort``: none asks for anything; else ``Burstable``."""
    containers = [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]
    requests = [_amounts(container, "requests") for container in containers]
    limits = [_amounts(container, "limits") for container in containers]
    if not any(requests) and not any(limits):
        return "BestEffort"
    full = all(len(limit) == len(_RESOURCES) for limit in limits)
    return "Guaranteed" if full and requests == limits else "Burstable"


def _amounts(container: Doc, which: str) -> dict[str, Fraction]:
    amounts = (container.get("resources") or {}).get(which) or {}
    parsed = ((name, quantity(amounts[name])) for name in _RESOURCES if name in amounts)
    return {name: amount for name, amount in parsed if amount}
