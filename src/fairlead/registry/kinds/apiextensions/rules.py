"""``x-kubernetes-validations``: rules in CEL about a value and the one before it."""

from fairlead.model.document import Doc
from fairlead.registry.field_errors import FieldError


def rule_faults(schema: Doc, new: Doc, old: Doc | None) -> list[FieldError]:
    """The faults that the rules of a schema find in an object."""
    return []
