"""The Table of a custom kind: its name, then the columns that its definition adds, or its age where it adds none.

Upstream: apiextensions-apiserver ``pkg/registry/customresource/tableconvertor``.
"""

from collections.abc import Callable
from datetime import datetime
from itertools import takewhile
from typing import Any

import msgspec

from fairlead.model.document import Doc
from fairlead.registry.kinds.apiextensions.definition import PrinterColumn
from fairlead.registry.kinds.apiextensions.json_path import BadPath, found_at, steps_of
from fairlead.registry.kinds.cells import NAME, since
from fairlead.registry.strategy import Column

_AGE = PrinterColumn("Age", "date", ".metadata.creationTimestamp", "", "", 0)
Cell = Callable[[list[Any], str], Any]
Row = Callable[[Doc, str], list[Any]]


def table(added: tuple[PrinterColumn, ...]) -> tuple[tuple[Column, ...], Row]:
    """The columns of a kind, and the function from (document, now) to its cells. A column whose path cannot be read
    ends them: upstream takes such a definition, too."""
    columns = tuple(takewhile(_is_readable, added)) if added else (_AGE,)
    shown = (NAME, *(Column(c.name, c.type, c.format, c.description, c.priority) for c in columns))

    def row(document: Doc, now: str) -> list[Any]:
        return [document["metadata"]["name"], *(_cell(document, column, now) for column in columns)]

    return shown, row


def _is_readable(column: PrinterColumn) -> bool:
    try:
        steps_of(column.path)
    except BadPath:
        return False
    return True


def _cell(document: Doc, column: PrinterColumn, now: str) -> Any:
    found = found_at(document, column.path)
    if not found:
        return None
    cell: Cell = _CELLS.get(column.type, _text)
    return cell(found, now)


def _text(found: list[Any], now: str) -> str:
    """Several values stand side by side, as they do in upstream's output."""
    return " ".join(value if isinstance(value, str) else msgspec.json.encode(value).decode() for value in found)


def _whole(found: list[Any], now: str) -> int | None:
    value = found[0]
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _number(found: list[Any], now: str) -> float | None:
    value = found[0]
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _truth(found: list[Any], now: str) -> bool | None:
    return found[0] if isinstance(found[0], bool) else None


def _date(found: list[Any], now: str) -> str | None:
    try:
        datetime.fromisoformat(found[0])
    except (TypeError, ValueError):
        return None
    return since(found[0], now)


_CELLS: dict[str, Cell] = {
    "integer": _whole,
    "number": _number,
    "boolean": _truth,
    "date": _date,
}
