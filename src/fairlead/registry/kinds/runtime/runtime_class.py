"""RuntimeClasses. All classes mean the same runtime here.

Upstream: pkg/registry/node/runtimeclass, pkg/apis/node/validation.
"""

from typing import Any

from fairlead.model.document import Doc
from fairlead.model.names import dns1123_label_errors
from fairlead.registry.field_errors import FieldError, invalid, required
from fairlead.registry.kinds.cells import AGE, NAME, age, name
from fairlead.registry.strategy import Column, Context, Strategy


def validate_create(runtime_class: Doc, context: Context) -> list[FieldError]:
    """The faults of a class."""
    handler = runtime_class.get("handler", "")
    return (
        [invalid("handler", handler, why) for why in dns1123_label_errors(handler)]
        if handler
        else [required("handler")]
    )


def validate_update(runtime_class: Doc, old: Doc, context: Context) -> list[FieldError]:
    """The faults of a changed class."""
    if runtime_class.get("handler") == old.get("handler"):
        return []
    return [invalid("handler", runtime_class.get("handler"), "field is immutable")]


def row(runtime_class: Doc, now: str) -> list[Any]:
    """The cells of one class."""
    return [name(runtime_class), runtime_class.get("handler", ""), age(runtime_class, now)]


STRATEGY = Strategy(
    validate_create=validate_create,
    validate_update=validate_update,
    columns=(NAME, Column("Handler"), AGE),
    row=row,
)
