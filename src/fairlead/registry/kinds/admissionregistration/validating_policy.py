"""ValidatingAdmissionPolicies and their bindings: completed, checked and stored.

The expressions of a policy are held against types in the step that stores it; upstream has a controller for that.
Upstream: pkg/apis/admissionregistration/{v1/defaults.go,validation}.
"""

from collections.abc import Iterator
from typing import Any

from fairlead.model.document import Doc
from fairlead.registry.field_errors import FieldError, duplicate, invalid, not_supported, required
from fairlead.registry.kinds.admissionregistration.match_rules import expression_faults, new_faults
from fairlead.registry.kinds.admissionregistration.policy_rules import (
    BINDING_COLUMNS,
    MISSING,
    POLICY_COLUMNS,
    binding_faults,
    binding_row,
    common_faults,
    declared_names,
    default_binding,
    default_policy,
    is_other,
    shown_kind,
)
from fairlead.registry.kinds.admissionregistration.type_checking import type_checking
from fairlead.registry.kinds.cells import NAME, age, name
from fairlead.registry.kinds.value_rules import one_of
from fairlead.registry.object_meta import qualified_name_errors
from fairlead.registry.strategy import Column, Context, Strategy

_ACTIONS = ("Audit", "Deny", "Warn")
_REASONS = ("Forbidden", "Invalid", "RequestEntityTooLarge", "Unauthorized")
_LEAST = "validations or auditAnnotations must contain at least one item"


def validate(policy: Doc, context: Context) -> list[FieldError]:
    """The faults of a policy."""
    return list(_faults(policy["metadata"].get("name", ""), policy["spec"]))


def _faults(policy: str, spec: Doc) -> Iterator[FieldError]:
    declared = declared_names(spec)
    yield from common_faults(spec, declared)
    if not spec.get("validations") and not spec.get("auditAnnotations"):
        yield from (required(f"spec.{field}", _LEAST) for field in ("validations", "auditAnnotations"))
    for index, validation in enumerate(spec.get("validations") or ()):
        yield from _validation(f"spec.validations[{index}]", validation, declared)
    yield from _annotations(policy, spec.get("auditAnnotations") or [], declared)


def _validation(path: str, validation: Doc, declared: frozenset[str]) -> Iterator[FieldError]:
    text = validation.get("expression", "")
    yield from expression_faults(f"{path}.expression", text, declared, MISSING)
    if message := validation.get("messageExpression"):
        yield from expression_faults(f"{path}.messageExpression", message, declared - {"authorizer"})
    if "\n" in (message := validation.get("message", "")).strip():
        yield invalid(f"{path}.message", message, "message must not contain line breaks")
    if "reason" in validation:
        yield from one_of(f"{path}.reason", validation["reason"], _REASONS)


def _annotations(policy: str, annotations: list[Doc], declared: frozenset[str]) -> Iterator[FieldError]:
    seen: set[str] = set()
    for index, annotation in enumerate(annotations):
        path, key = f"spec.auditAnnotations[{index}]", annotation.get("key", "")
        yield from (invalid(f"{path}.key", key, why) for why in qualified_name_errors(f"{policy}/{key}"))
        if key in seen:
            yield duplicate(f"{path}.key", key)
        seen.add(key)
        yield from expression_faults(f"{path}.valueExpression", annotation.get("valueExpression", ""), declared)


def validate_binding(binding: Doc, context: Context) -> list[FieldError]:
    """The faults of a binding."""
    return list(_binding_faults(binding.get("spec") or {}))


def _binding_faults(spec: Doc) -> Iterator[FieldError]:
    yield from binding_faults(spec)
    yield from _actions("spec.validationActions", spec.get("validationActions") or [])


def _actions(path: str, actions: list[str]) -> Iterator[FieldError]:
    if not actions:
        yield required(path, "at least one validation action is required")
    for index, action in enumerate(actions):
        if action not in _ACTIONS:
            yield not_supported(f"{path}[{index}]", action, _ACTIONS)
        elif action in actions[:index]:
            yield duplicate(f"{path}[{index}]", action)
    if {"Deny", "Warn"} <= set(actions):
        detail = (
            "must not contain both Deny and Warn (repeating the same validation failure information in the API "
            "response and headers serves no purpose)"
        )
        yield invalid(path, actions, detail)


def _examined(policy: Doc, generation: int, context: Context) -> None:
    checked = type_checking(policy["spec"], context.state)
    policy["status"] = {"observedGeneration": generation, "typeChecking": checked}


def _prepare_update(new: Doc, old: Doc, context: Context) -> None:
    _examined(new, old["metadata"].get("generation", 1) + is_other(new, old), context)


def _row(policy: Doc, now: str) -> list[Any]:
    spec = policy["spec"]
    return [name(policy), len(spec.get("validations") or ()), shown_kind(spec), age(policy, now)]


POLICY = Strategy(
    default=default_policy,
    prepare_create=lambda new, context: _examined(new, 1, context),
    prepare_update=_prepare_update,
    validate_create=validate,
    validate_update=lambda new, old, context: new_faults(validate(new, context), old),
    bumps_generation=is_other,
    columns=(NAME, Column("Validations", "integer"), *POLICY_COLUMNS),
    row=_row,
)
BINDING = Strategy(
    default=default_binding,
    validate_create=validate_binding,
    validate_update=lambda new, old, context: validate_binding(new, context),
    bumps_generation=is_other,
    columns=BINDING_COLUMNS,
    row=binding_row,
)
