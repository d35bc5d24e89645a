"""JSON merge patch, RFC 7386."""

from fairlead.model.document import Doc


def apply_merge_patch(document: Doc, patch: Doc) -> Doc:
    """The document with the patch merged into it; null deletes. Neither argument is changed."""
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
