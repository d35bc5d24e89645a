"""The table of all resources, custom ones included.

A table is made again when a definition changes, and of each definition only when that one has changed.
"""

from collections.abc import Mapping

import msgspec

from fairlead.model.document import Doc
from fairlead.model.names import ObjectKey
from fairlead.registry.kinds.apiextensions.custom_kind import resources_of
from fairlead.registry.kinds.apiextensions.definition import read_definition
from fairlead.registry.resources import BUILT_IN, Resource, ResourceTable
from fairlead.registry.strategy import Document

Definitions = Mapping[ObjectKey, Document]


class _Served:
    """The latest table, the definitions it was made from, and the rows of each."""

    def __init__(self) -> None:
        self.definitions: Definitions = {}
        self.table = BUILT_IN
        self.rows: dict[ObjectKey, tuple[Document, tuple[Resource, ...]]] = {}


_served = _Served()


def resource_table(definitions: Definitions) -> ResourceTable:
    """The table of all resources, with those of these definitions."""
    if definitions is not _served.definitions:
        _served.rows = {key: _cached_rows(key, stored) for key, stored in definitions.items()}
        custom = [row for _, rows in _served.rows.values() for row in rows]
        _served.table = BUILT_IN.with_rows(custom) if custom else BUILT_IN
        _served.definitions = definitions
    return _served.table


def _cached_rows(key: ObjectKey, stored: Document) -> tuple[Document, tuple[Resource, ...]]:
    known = _served.rows.get(key)
    return known if known and known[0] is stored else (stored, _rows(stored.document))


def _rows(document: bytes) -> tuple[Resource, ...]:
    parsed: Doc = msgspec.json.decode(document)
    if not _is_established(parsed):
        return ()
    return tuple(resources_of(read_definition(parsed)))


def _is_established(document: Doc) -> bool:
    conditions = (document.get("status") or {}).get("conditions") or ()
    return any(condition["type"] == "Established" and condition["status"] == "True" for condition in conditions)
