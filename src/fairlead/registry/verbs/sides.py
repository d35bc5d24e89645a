"""The parts of an object that a write can change: the object itself, its status, its finalizers, or its approval."""

from collections.abc import Callable

import msgspec

from fairlead.model.document import Doc
from fairlead.registry.resources import Resource


def _prepare_object(new: Doc, old: Doc, resource: Resource) -> Doc:
    if resource.subresource("status"):
        new.pop("status", None)
        if "status" in old:
            new["status"] = msgspec.to_builtins(old["status"])
    return new


def _prepare_status(new: Doc, old: Doc, resource: Resource) -> Doc:
    kept = {key: value for key, value in old.items() if key != "status"}
    result: Doc = msgspec.json.decode(msgspec.json.encode(kept))
    # Owners and finalizers belong to the main resource; labels and annotations may be written through either.
    owners = result["metadata"].get("ownerReferences")
    result["metadata"] = new["metadata"]
    if owners:
        result["metadata"]["ownerReferences"] = owners
    if "status" in new:
        result["status"] = new["status"]
    return result


def _prepare_finalize(new: Doc, old: Doc, resource: Resource) -> Doc:
    result: Doc = msgspec.json.decode(msgspec.json.encode(old))
    spec = new.get("spec")
    finalizers = spec.get("finalizers") if isinstance(spec, dict) else None
    result["spec"] = {"finalizers": finalizers} if finalizers else {}
    return result


# What a write to each side of an object may change.
PREPARE: dict[str, Callable[[Doc, Doc, Resource], Doc]] = {
    "": _prepare_object,
    "status": _prepare_status,
    "finalize": _prepare_finalize,
    "approval": _prepare_status,
}
