"""Events. Upstream: pkg/registry/core/event, ``printEvent``."""

from collections.abc import Callable
from typing import Any

from fairlead.model.document import Doc
from fairlead.registry.field_errors import FieldError, invalid
from fairlead.registry.kinds.cells import NAME, UNKNOWN, name, since, wide
from fairlead.registry.strategy import Column, Context, Strategy

_CLUSTER_SCOPED = ("default", "kube-system")

COLUMNS = (
    Column("Last Seen"),
    Column("Type"),
    Column("Reason"),
    Column("Object"),
    wide("Subobject"),
    wide("Source"),
    Column("Message"),
    wide("First Seen"),
    wide("Count"),
    wide(NAME.name, format=NAME.format),
)


def validate_create(event: Doc, context: Context) -> list[FieldError]:
    """The faults of an Event: it must be in the namespace of its object, or, if that has none, in a system
    namespace."""
    namespace, target = event["metadata"].get("namespace", ""), _target(event).get("namespace", "")
    if namespace == target or (not target and namespace in _CLUSTER_SCOPED):
        return []
    return [invalid("involvedObject.namespace", target, "does not match event.namespace")]


def row(event: Doc, now: str) -> list[Any]:
    """The cells of one Event, of the old form (first and last time, count) or the new (one time, a series)."""
    target = _target(event)
    first = since(event.get("firstTimestamp") or event.get("eventTime"), now)
    last = since(event.get("lastTimestamp"), now)
    count = event.get("count") or 1
    if series := event.get("series"):
        last, count = since(series.get("lastObservedTime"), now), series.get("count", 0)
    return [
        first if last == UNKNOWN else last,
        event.get("type", ""),
        event.get("reason", ""),
        "/".join(filter(None, (target.get("kind", "").lower(), target.get("name")))),
        target.get("fieldPath", ""),
        _source(event),
        event.get("message", "").strip(),
        first,
        count,
        name(event),
    ]


def _target(event: Doc) -> Doc:
    target: Doc = event.get("involvedObject") or {}
    return target


def _source(event: Doc) -> str:
    source = event.get("source") or {}
    component = source.get("component") or event.get("reportingComponent") or ""
    host = source.get("host") or event.get("reportingInstance") or ""
    return f"{component}, {host}" if host else component


def _target_field(field: str) -> Callable[[Doc], str]:
    return lambda event: str(_target(event).get(field, ""))


STRATEGY = Strategy(
    validate_create=validate_create,
    fields={
        **{
            f"involvedObject.{field}": _target_field(field)
            for field in ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")
        },
        "reason": lambda event: str(event.get("reason", "")),
        "reportingComponent": lambda event: str(event.get("reportingComponent", "")),
        "source": lambda event: str((event.get("source") or {}).get("component", "")),
        "type": lambda event: str(event.get("type", "")),
    },
    columns=COLUMNS,
    row=row,
)
