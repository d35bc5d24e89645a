"""The fields of a custom kind as the catalogue has those of built-in kinds, so that server-side apply merges by them.

Upstream: apimachinery ``pkg/util/managedfields``, which builds its parser from the same schema.
"""

from fairlead.model.document import Doc
from fairlead.registry.kinds.apiextensions.structural import EMBEDDED, PRESERVE
from fairlead.registry.schemas.catalogue import Cardinality, FieldType, OwnType

_META = FieldType("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta", Cardinality.NONE, False)
_TEXT = FieldType("string", Cardinality.NONE, False)
_SCALARS = {"string": "string", "boolean": "boolean", "integer": "int64", "number": "number"}
_OPAQUE = "opaque"  # no fields: one value, whatever is in it


def type_of_object(name: str, schema: Doc) -> OwnType:
    """The type of a whole object."""
    return _object(name, {**schema, EMBEDDED: True})


def _object(name: str, schema: Doc) -> OwnType:
    properties: Doc = schema.get("properties") or {}
    fields = {field: _field(f"{name}.{field}", below) for field, below in properties.items()}
    if schema.get(EMBEDDED):
        fields |= {"apiVersion": _TEXT, "kind": _TEXT, "metadata": _META}
    lists = {field: below for field, below in properties.items() if below.get("type") == "array"}
    return OwnType(
        name,
        fields,
        keys={
            field: tuple(below["x-kubernetes-list-map-keys"])
            for field, below in lists.items()
            if below.get("x-kubernetes-list-type") == "map"
        },
        sets=frozenset(field for field, below in lists.items() if below.get("x-kubernetes-list-type") == "set"),
        atomic=frozenset(
            field for field, below in properties.items() if below.get("x-kubernetes-map-type") == "atomic"
        ),
    )


def _field(name: str, schema: Doc) -> FieldType:
    if schema.get("type") == "array":
        return FieldType(_element(name, schema.get("items") or {}), Cardinality.LIST, False)
    if schema.get("type") == "object" and isinstance(others := schema.get("additionalProperties"), dict):
        return FieldType(_element(name, others), Cardinality.MAP, False)
    return FieldType(_element(name, schema), Cardinality.NONE, False)


def _element(name: str, schema: Doc) -> str:
    is_open = schema.get(PRESERVE) and not schema.get("properties")
    if schema.get("type") == "object" and not is_open and (schema.get("properties") or schema.get(EMBEDDED)):
        return _object(name, schema)
    return _SCALARS.get(schema.get("type", ""), _OPAQUE)
