"""Roles and their bindings. Names may be any that a path can hold, ``system:node`` too; what a binding is of never
changes, or whoever may write its subjects could hand out another role.

What they allow is in ``registry.access.rbac``. Upstream: pkg/apis/rbac/validation, apimachinery
``pkg/api/validation/path``.
"""

from fairlead.model.document import Doc
from fairlead.registry.field_errors import FieldError, invalid
from fairlead.registry.strategy import Context, Strategy


def _name_errors(name: str) -> list[str]:
    if name in (".", ".."):
        return [f"may not be '{name}'"]
    return [f"may not contain '{sign}'" for sign in "/%" if sign in name]


def _validate_update(new: Doc, old: Doc, context: Context) -> list[FieldError]:
    if new.get("roleRef") == old.get("roleRef"):
        return []
    return [invalid("roleRef", new.get("roleRef"), "cannot change roleRef")]


ROLE = Strategy(name_errors=_name_errors)
BINDING = Strategy(name_errors=_name_errors, validate_update=_validate_update)
