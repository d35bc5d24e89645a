"""The three ways to patch a document, by content type: JSON patch, JSON merge patch, strategic merge patch."""

from collections.abc import Callable

from fairlead.model.document import Doc
from fairlead.registry.documents.bodies import media_type, parse, unsupported_media_type
from fairlead.registry.documents.patching.json_patch import apply_json_patch
from fairlead.registry.documents.patching.strategic import apply_strategic
from fairlead.registry.schemas.catalogue import OwnType
from fairlead.registry.status import bad_request

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"
STRATEGIC_MERGE_PATCH = "application/strategic-merge-patch+json"
PATCH_TYPES = (JSON_PATCH, MERGE_PATCH, STRATEGIC_MERGE_PATCH)

Patch = Callable[[Doc], Doc]


def parse_patch(body: bytes, content_type: str, type_name: str) -> Patch:
    """The patch in a body, as a function from the old document to a new one; the old one is not changed.

    Args:
        type_name: the type of the documents, by which a strategic merge patch knows how lists are merged. There is
            none for kinds that users define.

    Raises:
        ApiError: 415 for another content type, 400 for a body that is no patch of its type.
    """
    type_ = media_type(content_type)
    served = (JSON_PATCH, MERGE_PATCH, APPLY_PATCH) if isinstance(type_name, OwnType) else PATCH_TYPES
    if type_ not in served:
        raise unsupported_media_type(type_, served)
    patch = parse(body, content_type)
    if type_ == JSON_PATCH:
        if not isinstance(patch, list):
            raise bad_request("a JSON patch must be a list of operations")
        return lambda document: apply_json_patch(document, patch)
    if not isinstance(patch, dict):
        raise bad_request("a merge patch must be a JSON object")
    if type_ == MERGE_PATCH:
        return lambda document: apply_merge_patch(document, patch)
    return lambda document: _of_kind(document, apply_strategic(document, patch, type_name))


def _of_kind(document: Doc, patched: Doc) -> Doc:
    """The kind in a strategic merge patch is ignored: clients send the object's kind to ``/scale``."""
    kept: Doc = {name: document[name] for name in ("apiVersion", "kind") if name in document}
    return {**patched, **kept}


def apply_merge_patch(document: Doc, patch: Doc) -> Doc:
    """The document with a JSON merge patch (RFC 7386) merged into it; null deletes. Neither argument is changed."""
    result = dict(document)
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict):
            current = result.get(key)
            result[key] = apply_merge_patch(current if isinstance(current, dict) else {}, value)
        else:
            result[key] = value
    return result
