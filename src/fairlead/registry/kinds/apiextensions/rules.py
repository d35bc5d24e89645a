"""``x-kubernetes-validations``: rules in CEL about a value and the one before it.

A rule that names ``oldSelf`` is about a change: it is asked only where there is a value before, which elements of a
list have only when they are told apart by keys. With ``optionalOldSelf`` it is always asked, and ``oldSelf`` is an
optional value. Any other rule is not asked of a value that is as it was. A rule that cannot be compiled, of a
definition that an earlier version has stored, is not enforced. Upstream: apiextensions-apiserver
``pkg/apiserver/schema/cel``.
"""

import re
from collections.abc import Iterator
from functools import cached_property
from typing import Any, NamedTuple

from fairlead.model.document import Doc
from fairlead.registry.cel.budget import Budget, RuleError, TooCostly, Unsupported
from fairlead.registry.cel.expressions import compiled, optional, spelled
from fairlead.registry.field_errors import FieldError, duplicate, forbidden, invalid, required
from fairlead.registry.kinds.apiextensions.field_paths import BadFieldPath, path_below
from fairlead.registry.kinds.apiextensions.values import ABSENT, counterpart, is_same
from fairlead.registry.schemas.extensions import RULES

_BUDGET = "validation failed due to running out of cost budget, no further validation rules will be run"
_OLD = re.compile(r"\boldSelf\b")
_LONGEST = 5 * 1024  # characters of a message


class _Place(NamedTuple):
    """A value, the one before it (``ABSENT`` where there is none), its schema and its path."""

    value: Any
    old: Any
    schema: Doc
    path: str


class _Values:
    """The values of a place as its rules have them, worked out for the first rule that is asked."""

    def __init__(self, place: _Place) -> None:
        self._place = place

    @cached_property
    def new(self) -> Any:
        return spelled(self._place.value, self._place.schema)

    @cached_property
    def old(self) -> Any:
        return spelled(self._place.old, self._place.schema)


def rule_faults(schema: Doc, new: Doc, old: Doc | None) -> list[FieldError]:
    """The faults that the rules of a schema find in an object."""
    budget, found = Budget(), []
    try:
        for place in _places(_Place(new, ABSENT if old is None else old, schema, "")):
            values = _Values(place)
            for rule in place.schema.get(RULES) or ():
                found += _faults(rule, place, values, budget)
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


def _faults(rule: Doc, place: _Place, values: _Values, budget: Budget) -> list[FieldError]:
    text = rule["rule"]
    is_change = is_about_change(text)
    if is_change and place.old is ABSENT and not rule.get("optionalOldSelf"):
        return []
    if not is_change and is_same(place.value, place.old):
        return []
    try:
        expression = compiled(text)
    except Unsupported:
        return []
    variables = {"self": values.new, **_before(rule, place, values)}
    try:
        if expression(variables, budget):
            return []
        return [_fault(rule, place, _message(rule, variables, budget))]
    except RuleError as error:
        return [invalid(place.path, _type_of(place), _no_value(str(error), rule))]


def _no_value(error: str, rule: Doc) -> str:
    name = str(rule.get("message") or rule["rule"]).strip()
    if error.startswith("no such overload"):
        why = "call arguments did not match a supported operator, function or macro signature"
        return f"'{error}': {why} for rule: {name}"
    return f"{error} evaluating rule: {name}"


def is_about_change(text: str) -> bool:
    """Whether a rule compares with the value before."""
    return bool(_OLD.search(text))


def _before(rule: Doc, place: _Place, values: _Values) -> dict[str, Any]:
    if place.old is ABSENT:
        return {"oldSelf": optional()} if rule.get("optionalOldSelf") else {}
    return {"oldSelf": optional(values.old) if rule.get("optionalOldSelf") else values.old}


def _message(rule: Doc, variables: dict[str, Any], budget: Budget) -> str:
    if expression := rule.get("messageExpression"):
        try:
            made = str(compiled(expression)(variables, budget)).strip()
        except (Unsupported, RuleError):
            made = ""
        if made and "\n" not in made and len(made) <= _LONGEST:
            return made  # or else the plain message, as upstream has it
    return str(rule.get("message") or f"failed rule: {rule['rule']}").strip()


def _fault(rule: Doc, place: _Place, message: str) -> FieldError:
    path = f"{place.path}{_path_below(rule, place)}".removeprefix(".")
    match rule.get("reason"):
        case "FieldValueForbidden":
            return forbidden(path, message)
        case "FieldValueRequired":
            return required(path, message)
        case "FieldValueDuplicate":
            return duplicate(path, _type_of(place))
        case _:
            return invalid(path, _type_of(place), message)


def _path_below(rule: Doc, place: _Place) -> str:
    given = rule.get("fieldPath") or ""
    try:
        return path_below(given, place.schema)
    except BadFieldPath:  # of a definition that an earlier version has stored
        return given


def _type_of(place: _Place) -> str:
    return str(place.schema.get("type") or "object")
