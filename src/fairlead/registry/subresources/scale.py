"""The ``/scale`` of workloads and custom kinds: the number of replicas under one kind for all of them.

Upstream: ``pkg/registry/apps/*/storage/storage.go``, autoscaling/v1 Scale.
"""

from typing import Any

from fairlead.model.document import Doc
from fairlead.registry.defined_kind import ScalePaths
from fairlead.registry.field_errors import invalid as invalid_field
from fairlead.registry.status import invalid

_SHOWN_METADATA = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
_OPERATORS = {
    "In": "{key} in ({values})",
    "NotIn": "{key} notin ({values})",
    "Exists": "{key}",
    "DoesNotExist": "!{key}",
}


WORKLOAD = ScalePaths(".spec.replicas", ".status.replicas", "")


def scale_of(document: Doc, paths: ScalePaths | None = None) -> Doc:
    """The Scale of an object; ``paths`` are those of a custom kind, whose replicas have no default."""
    where, default = paths or WORKLOAD, 0 if paths else 1
    metadata = document["metadata"]
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {name: metadata[name] for name in _SHOWN_METADATA if name in metadata},
        "spec": {"replicas": _at(document, where.spec_replicas, default)},
        "status": {"replicas": _at(document, where.status_replicas, 0), "selector": _selector(document, paths)},
    }


def _selector(document: Doc, paths: ScalePaths | None) -> str:
    if paths is None:
        return _selector_text(_label_selector(document))
    return str(_at(document, paths.selector, "")) if paths.selector else ""


def _at(document: Any, path: str, default: Any) -> Any:
    """The value at a path of plain fields."""
    for name in path.strip(".").split("."):
        document = document.get(name) if isinstance(document, dict) else None
    return default if document is None else document


def _put(document: Doc, path: str, value: int) -> None:
    *holders, last = path.strip(".").split(".")
    for name in holders:
        below = document.get(name)
        document[name] = document = dict(below) if isinstance(below, dict) else {}
    document[last] = value


def scaled(document: Doc, scale: Doc, paths: ScalePaths | None = None) -> Doc:
    """The object with the replicas, and under the resourceVersion, that a Scale asks for.

    Raises:
        ApiError: 422, a negative number of replicas.
    """
    replicas = (scale.get("spec") or {}).get("replicas", 0)
    name = document["metadata"]["name"]
    if replicas < 0:
        fault = invalid_field("spec.replicas", replicas, "must be greater than or equal to 0")
        raise invalid("Scale", name, [fault], "autoscaling")
    version = (scale.get("metadata") or {}).get("resourceVersion", "")
    metadata = {**document["metadata"], "resourceVersion": version or document["metadata"]["resourceVersion"]}
    result = {**document, "metadata": metadata}
    _put(result, (paths or WORKLOAD).spec_replicas, replicas)
    return result


def _label_selector(document: Doc) -> Doc:
    """The selector, which in a ReplicationController is labels alone."""
    selector: Doc = (document.get("spec") or {}).get("selector") or {}
    return {"matchLabels": selector} if document["kind"] == "ReplicationController" else selector


def _selector_text(selector: Doc) -> str:
    terms = [f"{key}={value}" for key, value in sorted((selector.get("matchLabels") or {}).items())]
    for expression in selector.get("matchExpressions") or []:
        values = ",".join(sorted(expression.get("values") or []))
        terms.append(_OPERATORS[expression["operator"]].format(key=expression["key"], values=values))
    return ",".join(terms)
