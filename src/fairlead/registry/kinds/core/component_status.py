"""ComponentStatuses, which are not stored: the only component that the server reports is its store.

Upstream: pkg/registry/core/componentstatus.
"""

from typing import Any

import msgspec

from fairlead.model.document import Doc
from fairlead.registry.kinds.cells import NAME, name
from fairlead.registry.strategy import Column, Strategy

_STORE = "etcd-0"  # the name of the first store in upstream
_HEALTH = {"True": "Healthy", "False": "Unhealthy"}


def component_statuses() -> dict[str, bytes]:
    """Name -> document. The store is healthy, since otherwise no request would be answered."""
    condition = {"type": "Healthy", "status": "True", "message": "ok"}
    document: Doc = {"apiVersion": "v1", "kind": "ComponentStatus", "metadata": {"name": _STORE}}
    return {_STORE: msgspec.json.encode({**document, "conditions": [condition]})}


def _row(status: Doc, now: str) -> list[Any]:
    condition: Doc = next(iter(status.get("conditions") or ()), {})
    health = _HEALTH.get(condition.get("status", ""), "Unknown")
    return [name(status), health, condition.get("message", ""), condition.get("error", "")]


STRATEGY = Strategy(columns=(NAME, Column("Status"), Column("Message"), Column("Error")), row=_row)
