"""MutatingAdmissionPolicies and their bindings: completed, checked and stored.

Upstream: pkg/apis/admissionregistration/{v1/defaults.go,validation}.
"""

from collections.abc import Iterator
from typing import Any

from fairlead.model.document import Doc
from fairlead.registry.cel.type_names import TYPES
from fairlead.registry.field_errors import FieldError, not_supported, required
from fairlead.registry.kinds.admissionregistration.match_rules import OPERATIONS, expression_faults, new_faults
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
from fairlead.registry.kinds.cells import NAME, age, name
from fairlead.registry.strategy import Column, Context, Strategy

_OPERATIONS = tuple(each for each in OPERATIONS if each != "DELETE")  # there is nothing to change then
_REINVOCATIONS = ("IfNeeded", "Never")
# Type of a patch -> the field that has it.
_PATCHES = {"ApplyConfiguration": "applyConfiguration", "JSONPatch": "jsonPatch"}
_LEAST = "mutations must contain at least one item"


def validate(policy: Doc, context: Context) -> list[FieldError]:
    """The faults of a policy."""
    return list(_faults(policy["spec"]))


def _faults(spec: Doc) -> Iterator[FieldError]:
    declared = declared_names(spec)
    yield from common_faults(spec, declared, _OPERATIONS)
    mutations = spec.get("mutations") or []
    if not mutations:
        yield required("spec.mutations", _LEAST)
    for index, mutation in enumerate(mutations):
        yield from _mutation(f"spec.mutations[{index}]", mutation, declared | TYPES)
    if not (reinvocation := spec.get("reinvocationPolicy")):
        yield required("spec.reinvocationPolicy")
    elif reinvocation not in _REINVOCATIONS:
        yield not_supported("spec.reinvocationPolicy", reinvocation, _REINVOCATIONS)


def _mutation(path: str, mutation: Doc, declared: frozenset[str]) -> Iterator[FieldError]:
    if not (type_ := mutation.get("patchType")):
        yield required(f"{path}.patchType")
    elif type_ not in _PATCHES:
        yield not_supported(f"{path}.patchType", type_, tuple(_PATCHES))
    else:
        field = _PATCHES[type_]
        patch = mutation.get(field)
        if patch is None:
            yield required(f"{path}.{field}", f"must be specified when patchType is {type_}")
        else:
            yield from expression_faults(f"{path}.{field}.expression", patch.get("expression", ""), declared, MISSING)


def validate_binding(binding: Doc, context: Context) -> list[FieldError]:
    """The faults of a binding."""
    return list(binding_faults(binding.get("spec") or {}, _OPERATIONS))


def _row(policy: Doc, now: str) -> list[Any]:
    spec = policy["spec"]
    return [name(policy), len(spec.get("mutations") or ()), shown_kind(spec), age(policy, now)]


POLICY = Strategy(
    default=default_policy,
    validate_create=validate,
    validate_update=lambda new, old, context: new_faults(validate(new, context), old),
    bumps_generation=is_other,
    columns=(NAME, Column("Mutations", "integer"), *POLICY_COLUMNS),
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
