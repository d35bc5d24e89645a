"""The common part of both types of admission policies, and of their bindings: defaults, validation, columns.

Upstream: pkg/apis/admissionregistration/{v1/defaults.go,validation}.
"""

import re
from collections.abc import Iterator
from typing import Any

from fairlead.model.document import Doc
from fairlead.model.names import dns1035_label_errors, dns1123_subdomain_errors
from fairlead.registry.field_errors import FieldError, forbidden, invalid, required
from fairlead.registry.kinds.admissionregistration.match_rules import (
    ATTEMPT,
    OPERATIONS,
    SELECTORS,
    condition_faults,
    expression_faults,
    rule_faults,
    selector_faults,
)
from fairlead.registry.kinds.cells import AGE, NAME, age, name
from fairlead.registry.kinds.value_rules import one_of
from fairlead.registry.strategy import Column

MISSING = "expression is not specified"
POLICY_COLUMNS = (Column("ParamKind"), AGE)
BINDING_COLUMNS = (NAME, Column("PolicyName"), Column("ParamRef"), AGE)
_MATCH_POLICIES = ("Equivalent", "Exact")
_RULES = ("resourceRules", "excludeResourceRules")
_IDENTIFIER = re.compile(r"[_a-zA-Z][_a-zA-Z0-9]*")


def default_policy(policy: Doc) -> None:
    """Fill in missing fields."""
    spec = policy.setdefault("spec", {})
    spec.setdefault("failurePolicy", "Fail")
    _complete(spec.get("matchConstraints"))


def default_binding(binding: Doc) -> None:
    """Fill in missing fields."""
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


def declared_names(spec: Doc) -> frozenset[str]:
    """The names that the expressions of a policy know, its own variables included."""
    return ATTEMPT | {"namespaceObject", "variables", *(["params"] if "paramKind" in spec else [])}


def common_faults(
    spec: Doc, declared: frozenset[str], operations: tuple[str, ...] = OPERATIONS
) -> Iterator[FieldError]:
    """The faults of everything but what a policy does; ``operations`` are those that its rules may name."""
    yield from one_of("spec.failurePolicy", spec["failurePolicy"], ("Fail", "Ignore"))
    if "paramKind" in spec:
        yield from _kind("spec.paramKind", spec["paramKind"])
    yield from _constraints("spec.matchConstraints", spec.get("matchConstraints"), operations)
    yield from condition_faults("spec.matchConditions", spec.get("matchConditions") or [], declared - {"variables"})
    for index, variable in enumerate(spec.get("variables") or ()):
        path, named = f"spec.variables[{index}]", variable.get("name", "")
        if not named:
            yield required(f"{path}.name", "name is not specified")
        elif not _IDENTIFIER.fullmatch(named):
            yield invalid(f"{path}.name", named, "name is not a valid CEL identifier")
        text = variable.get("expression", "")
        yield from expression_faults(f"{path}.expression", text, declared, MISSING)


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


def _constraints(path: str, match: Doc | None, operations: tuple[str, ...]) -> Iterator[FieldError]:
    if match is None:
        yield required(path)
        return
    yield from _match(path, match, operations)
    if not match.get("resourceRules"):
        yield required(f"{path}.resourceRules")


def _match(path: str, match: Doc, operations: tuple[str, ...]) -> Iterator[FieldError]:
    yield from one_of(f"{path}.matchPolicy", match["matchPolicy"], _MATCH_POLICIES)
    for selector in SELECTORS:
        yield from selector_faults(f"{path}.{selector}", match[selector])
    for field in _RULES:
        for index, rule in enumerate(match.get(field) or ()):
            yield from rule_faults(f"{path}.{field}[{index}]", rule, operations)


def binding_faults(spec: Doc, operations: tuple[str, ...] = OPERATIONS) -> Iterator[FieldError]:
    """The faults of a binding."""
    if not (policy := spec.get("policyName", "")):
        yield required("spec.policyName")
    else:
        yield from (invalid("spec.policyName", policy, why) for why in dns1123_subdomain_errors(policy))
    if "paramRef" in spec:
        yield from _reference("spec.paramRef", spec["paramRef"])
    if "matchResources" in spec:
        yield from _match("spec.matchResources", spec["matchResources"], operations)


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


def shown_kind(spec: Doc) -> str:
    """The kind of a policy's parameters, as a cell."""
    kind = spec.get("paramKind")
    return f"{kind['apiVersion']}/{kind['kind']}" if kind else "<unset>"


def is_other(new: Doc, old: Doc) -> bool:
    """Whether the specification has changed."""
    return bool(new.get("spec") != old.get("spec"))


def binding_row(binding: Doc, now: str) -> list[Any]:
    """The cells of one binding."""
    spec = binding["spec"]
    reference = spec.get("paramRef") or {}
    shown = (
        "/".join(filter(None, (reference.get("namespace"), reference.get("name") or "*"))) if reference else "<unset>"
    )
    return [name(binding), spec["policyName"], shown, age(binding, now)]
