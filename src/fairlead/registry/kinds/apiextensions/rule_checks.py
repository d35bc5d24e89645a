"""Rules of a definition before they are in force: each must compile, by the types of its schema.

A text that is stored already is not compiled again, so that a definition that an earlier version let pass can still be
changed. Upstream: apiextensions-apiserver ``pkg/apiserver/schema/cel/compilation.go``,
``pkg/apis/apiextensions/validation``. Costs are not estimated in advance here; each evaluation has a budget.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from fairlead.model.document import Doc
from fairlead.registry.cel.budget import Unsupported
from fairlead.registry.cel.expressions import checked, compiled, undeclared, unreadable_pattern
from fairlead.registry.cel.static_types import BOOL, STRING, StaticType, fits
from fairlead.registry.field_errors import FieldError, invalid, not_supported, required
from fairlead.registry.kinds.apiextensions.field_paths import BadFieldPath, path_below
from fairlead.registry.kinds.apiextensions.rule_types import names_of
from fairlead.registry.kinds.apiextensions.rules import is_about_change
from fairlead.registry.schemas.extensions import EMBEDDED, LIST_TYPE, RULES

_REASONS = ("FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired")
_TEXTS = ("message", "messageExpression", "fieldPath")


class _Role(NamedTuple):
    """What an expression is for: the start of messages about it, its type, and what is said of any other type."""

    prefix: str
    type: StaticType
    otherwise: str


_RULE = _Role("", BOOL, "cel expression must evaluate to a bool")
_MESSAGE = _Role("messageExpression ", STRING, "messageExpression must evaluate to a string")


def uncompiled_rules(schema: Doc, path: str, known: frozenset[str] = frozenset()) -> Iterator[FieldError]:
    """The faults of the rules of the schema of a whole object.

    Args:
        known: expressions that are stored already; they are not compiled again.
    """
    yield from _below(schema, path, known, is_whole=True)


def _below(schema: Doc, path: str, known: frozenset[str], is_whole: bool, mixed: str = "") -> Iterator[FieldError]:
    """``mixed`` is the path of the elements that the schema is of or belongs to, if nothing tells them apart."""
    for index, rule in enumerate(schema.get(RULES) or ()):
        names = names_of(schema, rule, is_whole or bool(schema.get(EMBEDDED)))
        place = f"{path}.{RULES}[{index}]"
        yield from _rule_faults(rule, schema, names, known, place)
        if rule.get("rule") not in known:
            yield from _change_faults(rule, place, mixed)
    for below, name in _parts(schema):
        is_mixed = name == "items" and schema.get(LIST_TYPE) != "map"
        yield from _below(below, f"{path}.{name}", known, False, mixed or (f"{path}.{name}" if is_mixed else ""))


def _change_faults(rule: Doc, path: str, mixed: str) -> Iterator[FieldError]:
    text = rule.get("rule") or ""
    if mixed and is_about_change(text):
        why = f"oldSelf cannot be used on the uncorrelatable portion of the schema within {mixed}"
        yield invalid(f"{path}.rule", text, why)
    if "optionalOldSelf" in rule and not is_about_change(text):
        why = "may not be set if oldSelf is not used in rule"
        yield invalid(f"{path}.optionalOldSelf", rule["optionalOldSelf"], why)


def _parts(schema: Doc) -> Iterator[tuple[Doc, str]]:
    places = {f"properties[{name}]": below for name, below in (schema.get("properties") or {}).items()}
    places |= {field: schema.get(field) for field in ("items", "additionalProperties")}
    yield from ((below, place) for place, below in places.items() if isinstance(below, dict))


def expressions_of(schema: Doc) -> Iterator[str]:
    """The texts of all expressions of a schema that is stored."""
    for rule in schema.get(RULES) or ():
        yield from filter(None, (rule.get("rule"), rule.get("messageExpression")))
    for below, _ in _parts(schema):
        yield from expressions_of(below)


def _rule_faults(
    rule: Doc, schema: Doc, names: Mapping[str, StaticType], known: frozenset[str], path: str
) -> Iterator[FieldError]:
    text, reason = rule.get("rule") or "", rule.get("reason")
    if not text.strip():
        yield required(f"{path}.rule", "rule is not specified")
    elif why := _uncompiled(text, _RULE, names, known):
        yield invalid(f"{path}.rule", text, why)
    if (message := rule.get("messageExpression") or "") and (why := _uncompiled(message, _MESSAGE, names, known)):
        yield invalid(f"{path}.messageExpression", message, why)
    yield from _text_faults(rule, path)
    if reason is not None and reason not in _REASONS:
        yield not_supported(f"{path}.reason", reason, _REASONS)
    try:
        path_below(rule.get("fieldPath") or "", schema)
    except BadFieldPath as error:
        yield invalid(f"{path}.fieldPath", rule["fieldPath"], f"fieldPath must be a valid path: {error}")


def _text_faults(rule: Doc, path: str) -> Iterator[FieldError]:
    given = {field: rule.get(field) or "" for field in _TEXTS}
    for field, text in given.items():
        if text and not text.strip():
            yield invalid(f"{path}.{field}", text, f"{field} must be non-empty if specified")
    for field in ("message", "fieldPath"):
        if "\n" in given[field].strip():
            yield invalid(f"{path}.{field}", given[field].strip(), f"{field} must not contain line breaks")
    if "\n" in (rule.get("rule") or "").strip() and not (given["message"] or given["messageExpression"]):
        yield required(f"{path}.message", "message must be specified if rule contains line breaks")


def _uncompiled(text: str, role: _Role, names: Mapping[str, StaticType], known: frozenset[str]) -> str:
    """Why an expression cannot be used; empty when it can, or when it is known."""
    if text in known:
        return ""
    try:
        compiled(text)
        unknown = undeclared(text, frozenset(names))
    except Unsupported as error:
        return f"{role.prefix}compilation failed: ERROR: {str(error).splitlines()[0]}"
    if unknown:
        return f"{role.prefix}compilation failed: ERROR: undeclared reference to '{unknown}' (in container '')"
    found, faults = checked(text, names)
    if faults:
        return f"{role.prefix}compilation failed: {faults}"
    if not fits(found, role.type):
        return role.otherwise
    why = unreadable_pattern(text)
    return f"{role.prefix}program instantiation failed: {why}" if why else ""
