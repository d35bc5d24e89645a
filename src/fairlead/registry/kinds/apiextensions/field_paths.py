"""``fieldPath`` of a rule: the field below its value that the rule's fault is about.

Names after dots or in brackets and quotes, of fields or of keys of a map; nothing below a list. Upstream:
apiextensions-apiserver ``pkg/apiserver/schema/cel/validation.go`` (``ValidFieldPath``).
"""

import re

from fairlead.model.document import Doc

_STEP = re.compile(r"\.(?P<name>[^.\[\]]+)|\['(?P<quoted>(?:[^'\\]|\\.)+)'\]")


class BadFieldPath(ValueError):
    """The path does not lead to a field; the text says why."""


def path_below(text: str, schema: Doc) -> str:
    """The path as messages show it, such as ``.ports.http`` or ``.labels[a.b]``.

    Raises:
        BadFieldPath: no field of the schema is there.
    """
    shown, rest = "", text
    while rest:
        step = _STEP.match(rest)
        if step is None:
            raise BadFieldPath(f"expected [ or . but got: {rest}" if rest[0] not in ".[" else f"bad step: {rest}")
        name = step["name"] or re.sub(r"\\(.)", r"\1", step["quoted"])
        fields, others = schema.get("properties") or {}, schema.get("additionalProperties")
        if name in fields:
            shown, schema = f"{shown}.{name}", fields[name]
        elif isinstance(others, dict):
            shown, schema = f"{shown}[{name}]", others
        else:
            raise BadFieldPath("does not refer to a valid field")
        rest = rest[step.end() :]
    return shown
