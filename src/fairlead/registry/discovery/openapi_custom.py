"""The published schema of a custom kind: with the fields that every object has, whether its author wrote
them down or not. Upstream: apiextensions-apiserver ``pkg/controller/openapi/builder``.
"""

from fairlead.model.document import Doc
from fairlead.registry.discovery.openapi_schemas import OF_EVERY_KIND, reference
from fairlead.registry.schemas.extensions import EMBEDDED

OBJECT_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
_OF_OBJECTS: Doc = {
    **{name: {"type": "string", "description": OF_EVERY_KIND[name]} for name in ("apiVersion", "kind")},
    "metadata": {"allOf": [reference(OBJECT_META)], "description": OF_EVERY_KIND["metadata"]},
}


def whole_schema(schema: Doc) -> Doc:
    """The schema of a whole object, from its ``openAPIV3Schema``."""
    return _with_fields_of_objects(_completed(schema))


def _completed(schema: Doc) -> Doc:
    """The schema with all that is embedded in it completed."""
    found = dict(schema)
    if isinstance(properties := schema.get("properties"), dict):
        found["properties"] = {name: _completed(below) for name, below in properties.items()}
    for field in ("items", "additionalProperties"):
        if isinstance(schema.get(field), dict):
            found[field] = _completed(schema[field])
    return _with_fields_of_objects(found) if schema.get(EMBEDDED) else found


def _with_fields_of_objects(schema: Doc) -> Doc:
    return {**schema, "properties": {**(schema.get("properties") or {}), **_OF_OBJECTS}}
