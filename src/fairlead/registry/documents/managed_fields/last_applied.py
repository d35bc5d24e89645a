"""From client-side apply to server-side apply and back: the annotation in which kubectl stores the applied
configuration.

A user who has applied with kubectl and now does so on the server takes over, without a conflict, the fields that are
still as the annotation says; and the annotation then says what was applied, so that the way back is open too.
Upstream: apimachinery ``util/managedfields/internal/{lastappliedmanager,lastappliedupdater}.go``.
"""

from typing import Any

import msgspec

from fairlead.model.document import Doc
from fairlead.registry.documents.managed_fields.leaves import Leaves, leaves_of
from fairlead.registry.documents.managed_fields.paths import EMPTY, FieldSet
from fairlead.registry.schemas.decode import decode
from fairlead.registry.status import ApiError

ANNOTATION = "kubectl.kubernetes.io/last-applied-configuration"
KUBECTL = "kubectl"  # the one manager that is taken for the same user as the annotation's


def still_as_applied(type_name: str, live: Doc, present: Leaves) -> FieldSet:
    """The fields of the live object that have the values of its annotation; none when it has no annotation to read, or
    one that another version was applied by.

    Args:
        present: the live object's fields.
    """
    try:
        document = msgspec.json.decode(_annotations(live)[ANNOTATION], type=dict[str, Any])
        if document.get("apiVersion") != live["apiVersion"]:
            return EMPTY
        document = decode(live["apiVersion"], live["kind"], document).document
        applied = leaves_of(type_name, {"metadata": {}, **document})
    except (KeyError, ValueError, RecursionError, ApiError):
        return EMPTY
    return frozenset(path for path, value in applied.items() if path in present and present[path] == value)


def remember(result: Doc, configuration: Doc) -> None:
    """Update the object's annotation, if it has one, to the applied configuration."""
    if ANNOTATION in _annotations(result):
        metadata = {**configuration["metadata"], "annotations": dict(_annotations(configuration))}
        metadata["annotations"].pop(ANNOTATION, None)
        text = msgspec.json.encode({**configuration, "metadata": metadata}).decode() + "\n"
        result["metadata"] = {**result["metadata"], "annotations": {**_annotations(result), ANNOTATION: text}}


def _annotations(document: Doc) -> Doc:
    annotations: Doc = document["metadata"].get("annotations") or {}
    return annotations
