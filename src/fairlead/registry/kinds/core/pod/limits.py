"""The effect of a namespace's LimitRanges: defaults for a new Pod, and refusals of Pods and claims.

Upstream: plugin/pkg/admission/limitranger/admission.go.
"""

from collections.abc import Iterator
from fractions import Fraction

import msgspec

from fairlead.model.document import Doc
from fairlead.model.quantities import quantity, spelled
from fairlead.registry.kinds.core.pod.amounts import Amounts, container_amounts, pod_amounts
from fairlead.registry.status import forbidden
from fairlead.registry.strategy import ClusterState, Context

RANGES = "limitranges"
_ANNOTATION = "kubernetes.io/limit-ranger"
_CONTAINER_LISTS = ("containers", "initContainers")
_DEFAULTS = (("requests", "defaultRequest", "request"), ("limits", "default", "limit"))


def fill_limits(pod: Doc, context: Context) -> None:
    """Fill in missing limits and requests of the containers, and refuse values outside of the ranges.

    Raises:
        ApiError: 403, the Pod asks for too little or too much.
    """
    items = _items(context.state, pod["metadata"].get("namespace", ""))
    if not items:
        return
    said = [text for item in items if item.get("type") == "Container" for text in _fill(pod["spec"], item)]
    if said:
        annotations = pod["metadata"].get("annotations") or {}
        text = f"LimitRanger plugin set: {'; '.join(said)}"
        pod["metadata"]["annotations"] = {**annotations, _ANNOTATION: text}
    _refuse("pods", pod, [fault for item in items for fault in _pod_faults(pod["spec"], item)])


def check_claim(claim: Doc, context: Context) -> None:
    """Refuse a claim of less or more storage than the ranges of its namespace allow.

    Raises:
        ApiError: 403.
    """
    items = _items(context.state, claim["metadata"].get("namespace", ""))
    amounts = container_amounts(claim["spec"], "requests")
    faults = [
        fault
        for item in items
        if item.get("type") == "PersistentVolumeClaim"
        for fault in _bound_faults(item, amounts, amounts)
    ]
    _refuse("persistentvolumeclaims", claim, faults)


def _items(state: ClusterState, namespace: str) -> list[Doc]:
    found: list[Doc] = []
    for key, stored in state.of(RANGES).items():
        if key.namespace == namespace:
            document = msgspec.json.decode(stored.document, type=Doc)
            found += (document.get("spec") or {}).get("limits") or ()
    return found


def _fill(spec: Doc, item: Doc) -> Iterator[str]:
    """Fill in missing values of the containers; returns the annotation's text about them."""
    for place in _CONTAINER_LISTS:
        for container in spec.get(place) or ():
            kind = "container" if place == "containers" else "init container"
            resources = container.setdefault("resources", {})
            for field, source, word in _DEFAULTS:
                missing = {k: v for k, v in (item.get(source) or {}).items() if k not in (resources.get(field) or {})}
                if missing:
                    resources[field] = {**(resources.get(field) or {}), **missing}
                    yield f"{', '.join(sorted(missing))} {word} for {kind} {container.get('name', '')}"


def _pod_faults(spec: Doc, item: Doc) -> Iterator[str]:
    if item.get("type") == "Pod":
        yield from _bound_faults(item, pod_amounts(spec, "requests"), pod_amounts(spec, "limits"))
    elif item.get("type") == "Container":
        for place in _CONTAINER_LISTS:
            for container in spec.get(place) or ():
                requests, limits = (container_amounts(container, field) for field in ("requests", "limits"))
                yield from _bound_faults(item, requests, limits)


def _bound_faults(item: Doc, requests: Amounts, limits: Amounts) -> Iterator[str]:
    type_ = item.get("type", "")
    sides = [("minimum", "min", "request", requests)]
    # A claim has only requests.
    sides.append(("maximum", "max", "request" if type_ == "PersistentVolumeClaim" else "limit", limits))
    for word, field, what, given in sides:
        for resource, text in (item.get(field) or {}).items():
            bound, amount = quantity(str(text)) or Fraction(), given.get(resource)
            head = f"{word} {resource} usage per {type_} is {text}"
            if amount is None:
                yield f"{head}.  No {what} is specified"
            elif amount < bound if field == "min" else amount > bound:
                yield f"{head}, but {what} is {spelled(amount, str(text))}"
            elif field == "min" and limits.get(resource, bound) < bound:
                yield f"{head}, but limit is {spelled(limits[resource], str(text))}"
    for resource, text in (item.get("maxLimitRequestRatio") or {}).items():
        yield from _ratio_faults(resource, str(text), type_, requests.get(resource), limits.get(resource))


def _ratio_faults(
    resource: str, text: str, type_: str, request: Fraction | None, limit: Fraction | None
) -> Iterator[str]:
    head = f"{resource} max limit to request ratio per {type_} is {text}"
    if not request or not limit:
        lacks = "limit" if request else "request"
        yield f"{head}, but no {lacks} is specified or {lacks} is 0"
    elif limit / request > (quantity(text) or 0):
        yield f"{head}, but provided ratio is {float(limit / request):f}"


def _refuse(plural: str, document: Doc, faults: list[str]) -> None:
    if faults:
        why = faults[0] if len(faults) == 1 else f"[{', '.join(faults)}]"
        raise forbidden(plural, document["metadata"].get("name", ""), why)
