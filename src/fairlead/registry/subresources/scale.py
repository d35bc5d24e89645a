"""The ``/scale`` of workloads: the number of replicas under one kind for all of them.

Upstream: ``pkg/registry/apps/*/storage/storage.go``, autoscaling/v1 Scale.
"""

from fairlead.model.document import Doc
from fairlead.registry.field_errors import invalid as invalid_field
from fairlead.registry.status import invalid

_SHOWN_METADATA = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
_OPERATORS = {
    "In": "{key} in ({values})",
    "NotIn": "{key} notin ({values})",
    "Exists": "{key}",
    "DoesNotExist": "!{key}",
}


def scale_of(document: Doc) -> Doc:
    """The Scale of a workload."""
    spec, status = document.get("spec") or {}, document.get("status") or {}
    metadata = document["metadata"]
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {name: metadata[name] for name in _SHOWN_METADATA if name in metadata},
        "spec": {"replicas": spec.get("replicas", 1)},
        "status": {"replicas": status.get("replicas", 0), "selector": _selector_text(_label_selector(document))},
    }


def scaled(document: Doc, scale: Doc) -> Doc:
    """The workload with the replicas, and under the resourceVersion, that a Scale asks for.

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
    return {**document, "metadata": metadata, "spec": {**document["spec"], "replicas": replicas}}


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
