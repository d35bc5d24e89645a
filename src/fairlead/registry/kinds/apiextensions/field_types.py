"""The fields of a custom kind as the catalogue has those of built-in kinds, so that server-side apply merges by them.

Upstream: apimachinery ``pkg/util/managedfields``, which builds its parser from the same schema.
"""

from collections.abc import Iterator, Mapping

from fairlead.model.document import Doc
from fairlead.registry.schemas.catalogue import Cardinality, FieldType, OwnType
from fairlead.registry.schemas.extensions import EMBEDDED, KEYS, LIST_TYPE, MAP_TYPE, PRESERVE

_META = FieldType("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta", Cardinality.NONE, False)
_TEXT = FieldType("string", Cardinality.NONE, False)
_SCALARS = {"string": "string", "boolean": "boolean", "integer": "int64", "number": "number"}


class _Fields(Mapping[str, FieldType]):
    """The fields of an object that can have additional, unspecified fields."""

    def __init__(self, known: Mapping[str, FieldType]) -> None:
        self._known = known

    def __getitem__(self, name: str) -> FieldType:
        return self._known.get(name) or FieldType(ANYTHING, Cardinality.NONE, False)

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known) + 1


ANYTHING = OwnType("anything", _Fields({}), {}, frozenset(), frozenset())
"""A value that nobody specifies: of an object each field is owned by itself, however deep; a list is one whole."""


def type_of_object(name: str, schema: Doc) -> OwnType:
    """The type of a whole object."""
    return _object(name, {**schema, EMBEDDED: True})


def _object(name: str, schema: Doc) -> OwnType:
    properties: Doc = schema.get("properties") or {}
    fields: Mapping[str, FieldType] = {field: _field(f"{name}.{field}", below) for field, below in properties.items()}
    if schema.get(EMBEDDED):
        fields = {**fields, "apiVersion": _TEXT, "kind": _TEXT, "metadata": _META}
    if schema.get(PRESERVE):
        fields = _Fields(fields)
    lists = {field: below for field, below in properties.items() if below.get("type") == "array"}
    return OwnType(
        name,
        fields,
        keys={field: tuple(below[KEYS]) for field, below in lists.items() if below.get(LIST_TYPE) == "map"},
        sets=frozenset(field for field, below in lists.items() if below.get(LIST_TYPE) == "set"),
        atomic=frozenset(field for field, below in properties.items() if below.get(MAP_TYPE) == "atomic"),
    )


def _field(name: str, schema: Doc) -> FieldType:
    if schema.get("type") == "array":
        return FieldType(_element(name, schema.get("items") or {}), Cardinality.LIST, False)
    if schema.get("type") == "object" and isinstance(others := schema.get("additionalProperties"), dict):
        return FieldType(_element(name, others), Cardinality.MAP, False)
    return FieldType(_element(name, schema), Cardinality.NONE, False)


def _element(name: str, schema: Doc) -> str:
    if schema.get("type") == "object" and (schema.get("properties") or schema.get(EMBEDDED)):
        return _object(name, schema)
    return _SCALARS.get(schema.get("type", ""), ANYTHING)
