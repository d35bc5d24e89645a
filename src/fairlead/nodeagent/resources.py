"""A container's resources in its variables and files (``resourceFieldRef``).

Upstream: ``pkg/api/v1/resource/helpers.go``.
"""

import math
from collections.abc import Mapping

from fairlead.model.document import Doc
from fairlead.model.quantities import quantity
from fairlead.nodeagent.manifest import Resources, ResourceSelector, RunPod
from fairlead.nodeagent.sources import SourceError


def reported_resources(pod: RunPod, container: str) -> Doc:
    """The resources in a container's status: those that the Pod requests now, since a lab enforces only some limits."""
    spec = pod.spec
    containers = (*spec.containers, *(spec.init_containers or ()))
    resources = next((found.resources for found in containers if found.name == container), Resources())
    if not (resources.limits or resources.requests):
        return {}
    told = {"limits": resources.limits, "requests": resources.requests}
    has = {part: dict(amounts) for part, amounts in told.items() if amounts}
    return {"resources": has, **({"allocatedResources": has["requests"]} if "requests" in has else {})}


def resource_field(selector: ResourceSelector, container: str, pod: RunPod, allocatable: Mapping[str, str]) -> str:
    """A whole number of the divisor, rounded up.

    Args:
        container: whose resources are meant when the selector names none.
        allocatable: what the node has, which is the limit of who has none; quantities by resource.

    Raises:
        SourceError: there is no such container or field.
    """
    name = selector.container_name or container
    containers = (*pod.spec.containers, *(pod.spec.init_containers or ()))
    resources = next((found.resources for found in containers if found.name == name), None)
    if resources is None:
        raise SourceError(f"container {name} not found")
    kind, _, resource = selector.resource.partition(".")
    given = {"limits": resources.limits or {}, "requests": resources.requests or {}}.get(kind)
    if given is None or not resource:
        raise SourceError(f"unsupported container resource : {selector.resource}")
    fallback = allocatable.get(resource, "0") if kind == "limits" else "0"
    amount = quantity(given.get(resource, fallback)) or 0
    return str(math.ceil(amount / (quantity(selector.divisor) or 1)))
