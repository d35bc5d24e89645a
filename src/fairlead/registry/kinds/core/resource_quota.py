"""ResourceQuotas: limits of a namespace's resources. Usage is computed in ``registry.kinds.usage``.

Upstream: pkg/registry/core/resourcequota, ``ValidateResourceQuota``, ``printResourceQuota``.
"""

from typing import Any

from fairlead.model.document import Doc
from fairlead.model.quantities import quantity
from fairlead.registry.field_errors import FieldError, invalid, not_supported
from fairlead.registry.kinds.cells import AGE, NAME, age, name
from fairlead.registry.object_meta import qualified_name_errors
from fairlead.registry.strategy import Column, Context, Strategy

_SCOPES = (
    *("Terminating", "NotTerminating", "BestEffort", "NotBestEffort", "PriorityClass", "CrossNamespacePodAffinity"),
    "VolumeAttributesClass",
)
_OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist")
_LIMITS = "limits."


def prepare_create(quota: Doc, context: Context) -> None:
    """A new quota has no usage."""
    quota["status"] = {}


def validate(quota: Doc, context: Context) -> list[FieldError]:
    """The faults of a quota."""
    spec = quota.get("spec") or {}
    faults = []
    for resource, text in (spec.get("hard") or {}).items():
        path = f"spec.hard[{resource}]"
        faults += [invalid(path, resource, why) for why in qualified_name_errors(resource)]
        if (quantity(str(text)) or 0) < 0:
            faults.append(invalid(path, text, "must be greater than or equal to 0"))
    for index, scope in enumerate(spec.get("scopes") or ()):
        faults += [] if scope in _SCOPES else [not_supported(f"spec.scopes[{index}]", scope, _SCOPES)]
    for index, term in enumerate((spec.get("scopeSelector") or {}).get("matchExpressions") or ()):
        path = f"spec.scopeSelector.matchExpressions[{index}]"
        for field, known in (("scopeName", _SCOPES), ("operator", _OPERATORS)):
            if term.get(field) not in known:
                faults.append(not_supported(f"{path}.{field}", term.get(field, ""), known))
    return faults


def validate_update(quota: Doc, old: Doc, context: Context) -> list[FieldError]:
    """The faults of a changed quota: its scopes must not change."""
    faults = validate(quota, context)
    new_scopes, old_scopes = (sorted((each.get("spec") or {}).get("scopes") or ()) for each in (quota, old))
    if new_scopes != old_scopes:
        faults.append(invalid("spec.scopes", new_scopes, "field is immutable"))
    return faults


def row(quota: Doc, now: str) -> list[Any]:
    """The cells of one quota: how much is used of how much, requests and limits apart."""
    status = quota.get("status") or {}
    hard, used = status.get("hard") or {}, status.get("used") or {}
    texts = {resource: f"{resource}: {used.get(resource, '0')}/{hard[resource]}" for resource in sorted(hard)}
    requests = ", ".join(text for resource, text in texts.items() if not resource.startswith(_LIMITS))
    limits = ", ".join(text for resource, text in texts.items() if resource.startswith(_LIMITS))
    return [name(quota), requests, limits, age(quota, now)]


STRATEGY = Strategy(
    prepare_create=prepare_create,
    validate_create=validate,
    validate_update=validate_update,
    columns=(NAME, Column("Request"), Column("Limit"), AGE),
    row=row,
)
