"""ValidatingAdmissionPolicies and their bindings: completed, checked and stored.

There are no types to check expressions against before they are evaluated, so ``status.typeChecking`` has no warnings.
Upstream: pkg/apis/admissionregistration/{v1/defaults.go,validation}.
"""

import re
from collections.abc import Iterator
from typing import Any

from fairlead.model.document import Doc
from fairlead.model.names import dns1035_label_errors, dns1123_subdomain_errors
from fairlead.registry.field_errors import FieldError, duplicate, forbidden, invalid, not_supported, required
from fairlead.registry.kinds.admissionregistration.match_rules import (
    ATTEMPT,
    SELECTORS,
    condition_faults,
    expression_faults,
    rule_faults,
    selector_faults,
)
from fairlead.registry.kinds.cells import AGE, NAME, age, name
from fairlead.registry.kinds.value_rules import one_of
from fairlead.registry.object_meta import qualified_name_errors
from fairlead.registry.strategy import Column, Context, Strategy

_ACTIONS = ("Audit", "Deny", "Warn")
_MATCH_POLICIES = ("Equivalent", "Exact")
_REASONS = ("Forbidden", "Invalid", "RequestEntityTooLarge", "Unauthorized")
_RULES = ("resourceRules", "excludeResourceRules")
_IDENTIFIER = re.compile(r"[_a-zA-Z][_a-zA-Z0-9]*")
_MISSING = "expression is not specified"
_LEAST = "validations or auditAnnotations must contain at least one item"


def _default(policy: Doc) -> None:
    spec = policy.setdefault("spec", {})
    spec.setdefault("failurePolicy", "Fail")
    _complete(spec.get("matchConstraints"))


def _default_binding(binding: Doc) -> None:
    _complete(binding.get("spec", {}).get("matchResources"))


def _complete(match: Doc | None) -> None:
    if match is None:
        return
    match.setdefault("matchPolicy", "Equivalent")
    for selector in SELECTORS:
        match.setdefault(selector, {})
    for field in _RULES:
        for rule in match.get(field) or ():
            rule.setdefault("scope", "*")


def validate(policy: Doc, context: Context) -> list[FieldError]:
    """The faults of a policy."""
    return list(_faults(policy["metadata"].get("name", ""), policy["spec"]))


def _faults(policy: str, spec: Doc) -> Iterator[FieldError]:
    yield from one_of("spec.failurePolicy", spec["failurePolicy"], ("Fail", "Ignore"))
    if "paramKind" in spec:
        yield from _kind("spec.paramKind", spec["paramKind"])
    yield from _constraints("spec.matchConstraints", spec.get("matchConstraints"))
    declared = ATTEMPT | {"namespaceObject", *(["params"] if "paramKind" in spec else [])}
    conditions = spec.get("matchConditions") or []
    yield from condition_faults("spec.matchConditions", conditions, declared)
    for index, variable in enumerate(spec.get("variables") or ()):
        path, named = f"spec.variables[{index}]", variable.get("name", "")
        if not named:
            yield required(f"{path}.name", "name is not specified")
        elif not _IDENTIFIER.fullmatch(named):
            yield invalid(f"{path}.name", named, "name is not a valid CEL identifier")
        text = variable.get("expression", "")
        yield from expression_faults(
            f"{path}.expression", text, declared | {"variables"}, "expression is not specified"
        )
    if not spec.get("validations") and not spec.get("auditAnnotations"):
        yield from (required(f"spec.{field}", _LEAST) for field in ("validations", "auditAnnotations"))
    for index, validation in enumerate(spec.get("validations") or ()):
        yield from _validation(f"spec.validations[{index}]", validation, declared | {"variables"})
    yield from _annotations(policy, spec.get("auditAnnotations") or [], declared | {"variables"})


def _kind(path: str, kind: Doc) -> Iterator[FieldError]:
    version = kind.get("apiVersion", "")
    group, _, bare = version.rpartition("/")
    if not version:
        yield required(f"{path}.apiVersion")
    elif version.count("/") > 1:
        yield invalid(f"{path}.apiVersion", version, f"unexpected GroupVersion string: {version}")
    else:
        yield from (
            invalid(f"{path}.apiVersion", group, why) for why in (dns1123_subdomain_errors(group) if group else ())
        )
        yield from (invalid(f"{path}.apiVersion", bare, why) for why in dns1035_label_errors(bare))
    if not kind.get("kind"):
        yield required(f"{path}.kind")
    else:
        errors = dns1035_label_errors(kind["kind"].lower())
        prefix = "may have mixed case, but should otherwise match: "
        yield from (invalid(f"{path}.kind", kind["kind"], f"{prefix}{why}") for why in errors)


def _constraints(path: str, match: Doc | None) -> Iterator[FieldError]:
    if match is None:
        yield required(path)
        return
    yield from _match(path, match)
    if not match.get("resourceRules"):
        yield required(f"{path}.resourceRules")


def _match(path: str, match: Doc) -> Iterator[FieldError]:
    yield from one_of(f"{path}.matchPolicy", match["matchPolicy"], _MATCH_POLICIES)
    for selector in SELECTORS:
        yield from selector_faults(f"{path}.{selector}", match[selector])
    for field in _RULES:
        for index, rule in enumerate(match.get(field) or ()):
            yield from rule_faults(f"{path}.{field}[{index}]", rule)


def _validation(path: str, validation: Doc, declared: frozenset[str]) -> Iterator[FieldError]:
    text = validation.get("expression", "")
    yield from expression_faults(f"{path}.expression", text, declared, _MISSING)
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
    if not (policy := spec.get("policyName", "")):
        yield required("spec.policyName")
    else:
        yield from (invalid("spec.policyName", policy, why) for why in dns1123_subdomain_errors(policy))
    if "paramRef" in spec:
        yield from _reference("spec.paramRef", spec["paramRef"])
    if "matchResources" in spec:
        yield from _match("spec.matchResources", spec["matchResources"])
    yield from _actions("spec.validationActions", spec.get("validationActions") or [])


def _reference(path: str, reference: Doc) -> Iterator[FieldError]:
    given = [field for field in ("name", "selector") if field in reference]
    if len(given) == 2:
        yield forbidden(f"{path}.name", "name and selector are mutually exclusive")
    elif not given:
        yield required(path, "one of name or selector must be specified")
    if not (action := reference.get("parameterNotFoundAction")):
        yield required(f"{path}.parameterNotFoundAction")
    else:
        yield from one_of(f"{path}.parameterNotFoundAction", action, ("Deny", "Allow"))
    yield from selector_faults(f"{path}.selector", reference.get("selector") or {})


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


def _is_other(new: Doc, old: Doc) -> bool:
    return bool(new.get("spec") != old.get("spec"))


def _examined(policy: Doc, generation: int) -> None:
    policy["status"] = {"observedGeneration": generation, "typeChecking": {}}


def _prepare_update(new: Doc, old: Doc, context: Context) -> None:
    _examined(new, old["metadata"].get("generation", 1) + _is_other(new, old))


def _row(policy: Doc, now: str) -> list[Any]:
    spec = policy["spec"]
    kind = spec.get("paramKind")
    shown = f"{kind['apiVersion']}/{kind['kind']}" if kind else "<unset>"
    return [name(policy), len(spec.get("validations") or ()), shown, age(policy, now)]


def _binding_row(binding: Doc, now: str) -> list[Any]:
    spec = binding["spec"]
    reference = spec.get("paramRef") or {}
    shown = (
        "/".join(filter(None, (reference.get("namespace"), reference.get("name") or "*"))) if reference else "<unset>"
    )
    return [name(binding), spec["policyName"], shown, age(binding, now)]


POLICY = Strategy(
    default=_default,
    prepare_create=lambda new, context: _examined(new, 1),
    prepare_update=_prepare_update,
    validate_create=validate,
    validate_update=lambda new, old, context: validate(new, context),
    bumps_generation=_is_other,
    columns=(NAME, Column("Validations", "integer"), Column("ParamKind"), AGE),
    row=_row,
)
BINDING = Strategy(
    default=_default_binding,
    validate_create=validate_binding,
    validate_update=lambda new, old, context: validate_binding(new, context),
    bumps_generation=_is_other,
    columns=(NAME, Column("PolicyName"), Column("ParamRef"), AGE),
    row=_binding_row,
)
