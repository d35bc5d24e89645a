"""Roles and their bindings, whose names are all that is checked here: any that a path can hold, ``system:node`` too.

What they allow is in ``registry.authorization``. Upstream: pkg/apis/rbac/validation, apimachinery
``pkg/api/validation/path``.
"""

from fairlead.registry.strategy import Strategy


def _name_errors(name: str) -> list[str]:
    if name in (".", ".."):
        return [f"may not be '{name}'"]
    return [f"may not contain '{sign}'" for sign in "/%" if sign in name]


STRATEGY = Strategy(name_errors=_name_errors)
