"""The cells of ``kubectl get`` that several kinds share: ages, label lists, short lists with "more".

Upstream: pkg/printers/internalversion, apimachinery ``pkg/util/duration``.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from fairlead.model.document import Doc
from fairlead.registry.strategy import Column

NONE = "<none>"
UNSET = "<unset>"
UNKNOWN = "<unknown>"

NAME = Column("Name", format="name", description="Name must be unique within a namespace.")
AGE = Column("Age", description="Time since the object was created.")

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_YEAR = 365 * _DAY
_LISTED = 3


def wide(name: str, type: str = "string", format: str = "") -> Column:  # noqa: A002 - the field names of the API
    """A column that only ``-o wide`` shows."""
    return Column(name, type, format, priority=1)


def human_duration(seconds: int) -> str:
    """A time span in at most two units, coarser the longer it is, as Go's HumanDuration writes it.

    Each row: up to which length it applies, the larger unit, and the smaller unit that is shown beside it, if any.
    """
    if seconds < -1:
        return "<invalid>"
    if seconds < 2 * _MINUTE:
        return f"{max(seconds, 0)}s"
    for limit, unit, smaller in _DURATION_STEPS:
        if seconds < limit:
            return _two_units(seconds, unit, smaller)
    return f"{seconds // _YEAR}y"


_UNITS = {"s": 1, "m": _MINUTE, "h": _HOUR, "d": _DAY, "y": _YEAR}
_DURATION_STEPS = (
    (10 * _MINUTE, "m", "s"),
    (3 * _HOUR, "m", ""),
    (8 * _HOUR, "h", "m"),
    (48 * _HOUR, "h", ""),
    (8 * _DAY, "d", "h"),
    (2 * _YEAR, "d", ""),
    (8 * _YEAR, "y", "d"),
)


def _two_units(seconds: int, unit: str, smaller: str) -> str:
    whole, rest = divmod(seconds, _UNITS[unit])
    fine = rest // _UNITS[smaller] if smaller else 0
    return f"{whole}{unit}{fine}{smaller}" if fine else f"{whole}{unit}"


def since(timestamp: str | None, now: str) -> str:
    """The time since a moment; both are RFC 3339."""
    if not timestamp:
        return UNKNOWN
    passed = datetime.fromisoformat(now) - datetime.fromisoformat(timestamp)
    return human_duration(int(passed.total_seconds()))


def age(document: Doc, now: str) -> str:
    """The age of the object."""
    return since(document["metadata"].get("creationTimestamp"), now)


def name(document: Doc) -> str:
    """The object's name."""
    return str(document["metadata"]["name"])


def labels_text(labels: Mapping[str, str] | None) -> str:
    """Labels as a selector: ``a=1,b=2`` in the order of the keys."""
    return ",".join(f"{key}={value}" for key, value in sorted((labels or {}).items())) or NONE


def some(items: Sequence[str], empty: str) -> str:
    """The first three items, and how many there are besides."""
    listed = ",".join(items[:_LISTED]) or empty
    return f"{listed} + {len(items) - _LISTED} more..." if len(items) > _LISTED else listed


def joined(items: Iterable[Any], empty: str = NONE) -> str:
    """All items with commas between them."""
    return ",".join(str(item) for item in items) or empty


def host_port(ip: str, port: int) -> str:
    """An endpoint as text; IPv6 addresses stand in brackets."""
    return f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}"
