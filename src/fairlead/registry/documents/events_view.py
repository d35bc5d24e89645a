"""Events in two versions: core/v1, which is stored, and events.k8s.io/v1, which renames some fields.

Upstream: ``pkg/apis/events/v1/conversion.go``.
"""

import msgspec

from fairlead.model.document import Doc

# core/v1 -> events.k8s.io/v1
_RENAMED = {
    "involvedObject": "regarding",
    "message": "note",
    "source": "deprecatedSource",
    "firstTimestamp": "deprecatedFirstTimestamp",
    "lastTimestamp": "deprecatedLastTimestamp",
    "count": "deprecatedCount",
    "reportingComponent": "reportingController",
}
# Fields to select by in events.k8s.io/v1 -> the same in core/v1.
SELECTABLE = {
    **{
        f"regarding.{name}": f"involvedObject.{name}"
        for name in ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")
    },
    "reason": "reason",
    "reportingController": "reportingComponent",
    "type": "type",
}
_BACK = {new: old for old, new in _RENAMED.items()}


def from_core(document: bytes) -> bytes:
    """A stored Event as events.k8s.io/v1 shows it."""
    parsed: Doc = msgspec.json.decode(document)
    renamed = {_RENAMED.get(name, name): value for name, value in parsed.items()}
    return msgspec.json.encode({**renamed, "apiVersion": "events.k8s.io/v1"})


def to_core(document: Doc) -> Doc:
    """An events.k8s.io/v1 Event as it is stored."""
    renamed = {_BACK.get(name, name): value for name, value in document.items()}
    return {**renamed, "apiVersion": "v1"}
