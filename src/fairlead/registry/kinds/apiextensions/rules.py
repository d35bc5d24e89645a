"""``x-kubernetes-validations``: rules in CEL about a value and the one before it.

A rule that names ``oldSelf`` is about a change: it is asked only where there is a value before, which elements of a
list have only when they are told apart by keys. Any other rule is not asked of a value that is as it was. A definition
with a rule that cannot be compiled is refused, unless it is stored with that rule already (by an earlier version): such
a rule is not enforced. Upstream: apiextensions-apiserver ``pkg/apiserver/schema/cel``.
"""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from fairlead.model.document import Doc
from fairlead.registry.cel.budget import Budget, RuleError, TooCostly, Unsupported
from fairlead.registry.cel.expressions import compiled, spelled, undeclared
from fairlead.registry.field_errors import FieldError, duplicate, forbidden, invalid, not_supported, required
from fairlead.registry.kinds.apiextensions.values import ABSENT, counterpart, is_same

RULES = "x-kubernetes-validations"
_BUDGET = "validation failed due to running out of cost budget, no further validation rules will be run"
_OLD = re.compile(r"\boldSelf\b")
_NAMES = frozenset({"self", "oldSelf"})
_REASONS = ("FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired")


class _Place(NamedTuple):
    """A value, the one before it (``ABSENT`` where there is none), its schema and its path."""

    value: Any
    old: Any
    schema: Doc
    path: str


def rule_faults(schema: Doc, new: Doc, old: Doc | None) -> list[FieldError]:
    """The faults that the rules of a schema find in an object."""
    budget, found = Budget(), []
    try:
        for place in _places(_Place(new, ABSENT if old is None else old, schema, "")):
            for rule in place.schema.get(RULES) or ():
                found += _faults(rule, place, budget)
    except TooCostly:
        found.append(invalid("", "object", _BUDGET))
    return found


def _places(place: _Place) -> Iterator[_Place]:
    """A value and everything below it that the schema specifies."""
    yield place
    value, old, schema, path = place
    if isinstance(value, dict):
        before = old if isinstance(old, dict) else {}
        properties, others = schema.get("properties") or {}, schema.get("additionalProperties")
        for name, item in value.items():
            below = properties.get(name) or (others if isinstance(others, dict) else None)
            if below:
                yield from _places(_Place(item, before.get(name, ABSENT), below, f"{path}.{name}" if path else name))
    elif isinstance(value, list) and (below := schema.get("items")):
        for index, item in enumerate(value):
            yield from _places(_Place(item, counterpart(item, old, schema), below, f"{path}[{index}]"))


def _faults(rule: Doc, place: _Place, budget: Budget) -> list[FieldError]:
    text = rule["rule"]
    is_change = bool(_OLD.search(text))
    if is_change and place.old is ABSENT and not rule.get("optionalOldSelf"):
        return []
    if not is_change and is_same(place.value, place.old):
        return []
    try:
        expression = compiled(text)
    except Unsupported:
        return []
    before = {} if place.old is ABSENT else {"oldSelf": spelled(place.old)}
    variables = {"self": spelled(place.value), **before}
    try:
        if expression(variables, budget):
            return []
        return [_fault(rule, place, _message(rule, variables, budget))]
    except RuleError as error:
        return [_fault(rule, place, f"{error} evaluating rule: {rule.get('message') or text}")]


def _message(rule: Doc, variables: dict[str, Any], budget: Budget) -> str:
    if expression := rule.get("messageExpression"):
        try:
            return str(compiled(expression)(variables, budget)).strip()
        except (Unsupported, RuleError):
            pass  # the plain message, as upstream has it
    return str(rule.get("message") or f"failed rule: {rule['rule']}").strip()


def _fault(rule: Doc, place: _Place, message: str) -> FieldError:
    path = f"{place.path}{rule.get('fieldPath') or ''}".removeprefix(".")
    match rule.get("reason"):
        case "FieldValueForbidden":
            return forbidden(path, message)
        case "FieldValueRequired":
            return required(path, message)
        case "FieldValueDuplicate":
            return duplicate(path, _type_of(place))
        case _:
            return invalid(path, _type_of(place), message)


def _type_of(place: _Place) -> str:
    return str(place.schema.get("type") or "object")


def uncompiled_rules(schema: Doc, path: str, known: frozenset[str] = frozenset()) -> Iterator[FieldError]:
    """The faults of the rules of a schema: those that no expression can be made of, and reasons that there are not.

    Args:
        known: expressions that are stored already; they are not compiled again.
    """
    for index, rule in enumerate(schema.get(RULES) or ()):
        yield from _rule_faults(rule, f"{path}.{RULES}[{index}]", known)
    for name, below in (schema.get("properties") or {}).items():
        if isinstance(below, dict):
            yield from uncompiled_rules(below, f"{path}.properties[{name}]", known)
    for field in ("items", "additionalProperties"):
        if isinstance(schema.get(field), dict):
            yield from uncompiled_rules(schema[field], f"{path}.{field}", known)


def expressions_of(schema: Doc) -> Iterator[str]:
    """The texts of all expressions of a schema that is stored."""
    for rule in schema.get(RULES) or ():
        yield from filter(None, (rule.get("rule"), rule.get("messageExpression")))
    below = [*(schema.get("properties") or {}).values(), schema.get("items"), schema.get("additionalProperties")]
    for part in below:
        if isinstance(part, dict):
            yield from expressions_of(part)


def _rule_faults(rule: Doc, path: str, known: frozenset[str]) -> Iterator[FieldError]:
    text, reason = rule.get("rule") or "", rule.get("reason")
    if not text.strip():
        yield required(f"{path}.rule", "rule is not specified")
    elif why := _uncompiled(text, known):
        yield invalid(f"{path}.rule", text, f"compilation failed: ERROR: {why}")
    if (message := rule.get("messageExpression") or "") and (why := _uncompiled(message, known)):
        yield invalid(f"{path}.messageExpression", message, f"messageExpression compilation failed: ERROR: {why}")
    if "\n" in (said := (rule.get("message") or "").strip()):
        yield invalid(f"{path}.message", said, "message must not contain line breaks")
    if reason is not None and reason not in _REASONS:
        yield not_supported(f"{path}.reason", reason, _REASONS)


def _uncompiled(text: str, known: frozenset[str]) -> str:
    """Why no expression can be made of a text; empty when one can, or when the text is known."""
    if text in known:
        return ""
    try:
        compiled(text)
        unknown = undeclared(text, _NAMES)
    except Unsupported as error:
        return str(error).splitlines()[0]
    return f"undeclared reference to '{unknown}' (in container '')" if unknown else ""
