"""Validation of the matching criteria of webhooks and policies: rules, selectors, conditions.

Upstream: pkg/apis/admissionregistration/validation/validation.go.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from fairlead.model.document import Doc
from fairlead.registry.cel.budget import Unsupported
from fairlead.registry.cel.expressions import compiled, undeclared
from fairlead.registry.field_errors import FieldError, duplicate, invalid, not_supported, required, too_many
from fairlead.registry.kinds.value_rules import one_of
from fairlead.registry.object_meta import label_value_errors, qualified_name_errors

SELECTORS = ("namespaceSelector", "objectSelector")
ATTEMPT = frozenset({"object", "oldObject", "request", "authorizer"})  # the names that every expression knows
OPERATIONS = ("*", "CREATE", "UPDATE", "DELETE", "CONNECT")
_SCOPES = ("*", "Cluster", "Namespaced")
_MOST_CONDITIONS = 64
_UNCOMPILED = "compilation failed"
_TEXTS = ("expression", "messageExpression", "valueExpression")
_WITH_VALUES = {"In": True, "NotIn": True, "Exists": False, "DoesNotExist": False}


def rule_faults(path: str, rule: Doc, known: tuple[str, ...] = OPERATIONS) -> Iterator[FieldError]:
    """The faults of a rule, which may name the ``known`` operations."""
    for field in ("operations", "apiGroups", "apiVersions", "resources"):
        given = rule.get(field) or []
        if not given:
            yield required(f"{path}.{field}")
        elif "*" in given and len(given) > 1 and field != "resources":
            yield invalid(f"{path}.{field}", given, "if '*' is present, must not specify other values")
    yield from _resource_faults(f"{path}.resources", rule.get("resources") or [])
    for index, operation in enumerate(rule.get("operations") or ()):
        if operation not in known:
            yield not_supported(f"{path}.operations[{index}]", operation, known)
    yield from one_of(f"{path}.scope", rule["scope"], _SCOPES)


def _resource_faults(path: str, resources: list[str]) -> Iterator[FieldError]:
    if "*/*" in resources and len(resources) > 1:
        yield invalid(path, resources, "if '*/*' is present, must not specify other resources")
    if "*" in resources and any("/" not in each and each != "*" for each in resources):
        yield invalid(path, resources, "if '*' is present, must not specify other resources without subresources")
    yield from (required(f"{path}[{index}]") for index, each in enumerate(resources) if not each)


def selector_faults(path: str, selector: Doc) -> Iterator[FieldError]:
    """The faults of a LabelSelector."""
    for key, value in sorted((selector.get("matchLabels") or {}).items()):
        yield from (invalid(f"{path}.matchLabels", key, why) for why in qualified_name_errors(key))
        yield from (invalid(f"{path}.matchLabels", value, why) for why in label_value_errors(value))
    for index, term in enumerate(selector.get("matchExpressions") or ()):
        yield from _term_faults(f"{path}.matchExpressions[{index}]", term)


def _term_faults(path: str, term: Doc) -> Iterator[FieldError]:
    operator, values = term.get("operator", ""), term.get("values") or []
    if operator not in _WITH_VALUES:
        yield invalid(f"{path}.operator", operator, "not a valid selector operator")
    elif _WITH_VALUES[operator] and not values:
        yield required(f"{path}.values", "must be specified when `operator` is 'In' or 'NotIn'")
    elif not _WITH_VALUES[operator] and values:
        yield invalid(f"{path}.values", values, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")
    yield from (invalid(f"{path}.key", term.get("key", ""), why) for why in qualified_name_errors(term.get("key", "")))


def condition_faults(path: str, conditions: list[Doc], declared: frozenset[str]) -> Iterator[FieldError]:
    """The faults of ``matchConditions``; ``declared`` are the names that their expressions know."""
    if len(conditions) > _MOST_CONDITIONS:
        yield too_many(path, len(conditions), _MOST_CONDITIONS)
    seen: set[str] = set()
    for index, condition in enumerate(conditions):
        where, name = f"{path}[{index}]", condition.get("name", "")
        yield from expression_faults(f"{where}.expression", condition.get("expression", ""), declared)
        if not name:
            yield required(f"{where}.name")
        elif name in seen:
            yield duplicate(f"{where}.name", name)
        else:
            yield from (invalid(f"{where}.name", name, why) for why in qualified_name_errors(name))
        seen.add(name)


def expression_faults(path: str, text: str, declared: frozenset[str], detail: str = "") -> Iterator[FieldError]:
    """The faults of an expression; ``detail`` says more about one that is missing."""
    if not text.strip():
        yield required(path, detail)
        return
    try:
        compiled(text)
        unknown = undeclared(text, declared)
    except Unsupported as error:
        yield invalid(path, text, f"{_UNCOMPILED}: {error}")
        return
    if unknown:
        yield invalid(path, text, f"{_UNCOMPILED}: undeclared reference to '{unknown}' (in container '')")


def new_faults(found: Iterable[FieldError], old: Doc) -> list[FieldError]:
    """The faults of an object without those of expressions that are stored already: what an earlier version let pass
    can be updated and put right part by part."""
    stored = set(_expressions(old))
    return [fault for fault in found if not (fault.detail.startswith(_UNCOMPILED) and fault.value in stored)]


def _expressions(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _expressions(item)
    elif isinstance(value, dict):
        for name, item in value.items():
            if isinstance(item, str) and name in _TEXTS:
                yield item
            yield from _expressions(item)
