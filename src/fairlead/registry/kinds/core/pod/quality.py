"""The QoS class of a Pod, from its document."""

from fairlead.model.document import Doc
from fairlead.model.qos import AskedResources, qos_class


def quality(spec: Doc) -> str:
    """``Guaranteed``, ``Burstable`` or ``BestEffort``."""
    containers = (*(spec.get("containers") or ()), *(spec.get("initContainers") or ()))
    return qos_class(map(_resources_of, containers), _resources_of(spec))


def _resources_of(of: Doc) -> AskedResources:
    resources = of.get("resources") or {}
    return AskedResources(resources.get("requests"), resources.get("limits"))
