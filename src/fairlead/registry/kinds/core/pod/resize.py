"""``pods/resize``: changed CPU and memory of running containers.

Upstream: ``ValidatePodResize`` in pkg/apis/core/validation/validation.go, ``podResizeStrategy`` in
pkg/registry/core/pod/strategy.go.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from fairlead.model.document import Doc
from fairlead.registry.field_errors import FieldError, forbidden, invalid
from fairlead.registry.kinds.core.pod.quality import quality
from fairlead.registry.kinds.core.pod.validate_containers import validate_resources
from fairlead.registry.strategy import Side

_LISTS = ("containers", "initContainers")
_TAKEN_OVER = ("resources", "resizePolicy")
_RESIZABLE = ("cpu", "memory")
_MIRROR = "kubernetes.io/config.mirror"


def prepare(new: Doc, old: Doc) -> Doc:
    """Only the containers' resources change; labels do not. Containers are matched by name."""
    result: Doc = msgspec.json.decode(msgspec.json.encode(old))
    for kind in _LISTS:
        wanted = {each.get("name"): each for each in new["spec"].get(kind) or ()}
        for container in result["spec"].get(kind) or ():
            for field in _TAKEN_OVER if container["name"] in wanted else ():
                _take_over(container, wanted[container["name"]], field)
    return result


def _take_over(container: Doc, wanted: Doc, field: str) -> None:
    if field in wanted:
        container[field] = wanted[field]
    else:
        container.pop(field, None)


def validate(new: Doc, old: Doc) -> list[FieldError]:
    """The faults of a Pod with changed resources."""
    if _MIRROR in (old["metadata"].get("annotations") or {}):
        return [forbidden("", "static pods cannot be resized")]
    faults = []
    if (would_be := quality(new["spec"])) != quality(old["spec"]):
        faults.append(invalid("spec", would_be, "Pod QOS Class may not change as a result of resizing"))
    changes_more = False
    for place, kind, after, before in _pairs(new["spec"], old["spec"]):
        if kind == "initContainers" and before.get("restartPolicy") != "Always":
            if after != before:
                why = "resources for non-sidecar init containers are immutable"
                faults.append(forbidden(f"{place}.resources", why))
            continue
        faults += [*validate_resources(place, _resources(after)), *_removed(place, after, before)]
        changes_more = changes_more or _fixed(after) != _fixed(before)
    return [*faults, *([forbidden("spec", "only cpu and memory resources are mutable")] if changes_more else [])]


def _pairs(new: Doc, old: Doc) -> Iterator[tuple[str, str, Doc, Doc]]:
    """Each container: its path and kind, as it is to be, and as it was."""
    for kind in _LISTS:
        for index, (after, before) in enumerate(zip(new.get(kind) or (), old.get(kind) or (), strict=True)):
            yield f"spec.{kind}[{index}]", kind, after, before


def _resources(container: Doc) -> Doc:
    return container.get("resources") or {}


def _removed(place: str, after: Doc, before: Doc) -> list[FieldError]:
    return [
        forbidden(f"{place}.resources.{part}", f"resource {part} cannot be removed")
        for part in ("limits", "requests")
        if (_resources(before).get(part) or {}).keys() - (_resources(after).get(part) or {}).keys()
    ]


def _fixed(container: Doc) -> dict[str, Any]:
    """The immutable part of a container."""
    resources = {
        part: {name: amount for name, amount in amounts.items() if name not in _RESIZABLE}
        if isinstance(amounts, dict)
        else amounts
        for part, amounts in _resources(container).items()
    }
    return {**container, "resources": {part: amounts for part, amounts in resources.items() if amounts}}


RESIZE = Side(prepare, validate)
