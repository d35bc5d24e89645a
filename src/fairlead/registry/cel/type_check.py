"""Expressions held against types: fields that are not there, operators between values that do not go together.

Source: cel-go ``checker`` and ``common/errors.go`` for the words and the form of messages.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import lark

from fairlead.registry.cel.field_names import escaped
from fairlead.registry.cel.functions import NAMESPACES
from fairlead.registry.cel.library import parse
from fairlead.registry.cel.macros import MACRO_NAMES, dotted_name, identifier
from fairlead.registry.cel.static_types import (
    BOOL,
    BYTES,
    CONVERSIONS,
    DOUBLE,
    DYN,
    INT,
    NULL,
    NUMBERS,
    STRING,
    STRING_METHODS,
    UINT,
    StaticType,
    common,
    field_of,
    fits,
    list_of,
    map_of,
    result_of,
)
from fairlead.registry.schemas.catalogue import fields_of

Names = Mapping[str, StaticType]
_MOST = 100  # faults of one expression
_LITERALS = {
    "INT_LIT": INT,
    "UINT_LIT": UINT,
    "FLOAT_LIT": DOUBLE,
    "BOOL_LIT": BOOL,
    "NULL_LIT": NULL,
    "STRING_LIT": STRING,
    "MLSTRING_LIT": STRING,
    "BYTES_LIT": BYTES,
}
# Node of the tree -> (the operator as messages name it, as expressions write it)
_OPERATORS = {
    "relation_lt": ("_<_", "<"),
    "relation_le": ("_<=_", "<="),
    "relation_gt": ("_>_", ">"),
    "relation_ge": ("_>=_", ">="),
    "relation_eq": ("_==_", "=="),
    "relation_ne": ("_!=_", "!="),
    "relation_in": ("@in", "in"),
    "addition_add": ("_+_", "+"),
    "addition_sub": ("_-_", "-"),
    "multiplication_mul": ("_*_", "*"),
    "multiplication_div": ("_/_", "/"),
    "multiplication_mod": ("_%_", "%"),
}
_LOGICAL = {"conditionalor": ("_||_", "||"), "conditionaland": ("_&&_", "&&")}
_UNARY = {"unary_not": ("!_", (BOOL,)), "unary_neg": ("-_", (INT, DOUBLE))}
_OF_EACH = ("all", "exists", "exists_one", "existsOne", "filter", "map")


class TypeFault(NamedTuple):
    """A type error, and its position in the text in characters."""

    offset: int
    message: str


class Checked(NamedTuple):
    """The type of an expression, and its faults in the order of their places."""

    type: StaticType
    faults: tuple[TypeFault, ...]


def check_types(text: str, names: Names, variables: Names) -> Checked:
    """Hold an expression, which can be parsed, against types.

    Args:
        names: what the expression knows; other names can be anything.
        variables: the fields of the name ``variables``, of which there are no others.
    """
    checker = _Checker(text, variables)
    found = checker.type_of(parse(text), names)
    return Checked(found, tuple(sorted(checker.faults)[:_MOST]))


def shown(text: str, faults: tuple[TypeFault, ...]) -> str:
    """The faults as a compiler shows them, each with its line of the text and a sign at its column."""
    return "\n".join(_shown(text, fault) for fault in faults)


def _shown(text: str, fault: TypeFault) -> str:
    before = text[: fault.offset]
    line, column = before.count("\n"), len(before) - before.rfind("\n") - 1
    source = text.split("\n")[line].replace("\t", " ")
    return f"ERROR: <input>:{line + 1}:{column + 1}: {fault.message}\n | {source}\n | {'.' * column}^"


class _Checker:
    """One walk over the tree of an expression."""

    def __init__(self, text: str, variables: Names) -> None:
        self._text, self._variables = text, variables
        self.faults: list[TypeFault] = []

    def type_of(self, node: Any, names: Names) -> StaticType:
        """The type of a part of the expression; its faults are added to the others."""
        if isinstance(node, lark.Token):
            return _LITERALS.get(node.type, DYN)
        handler = _HANDLERS.get(node.data)
        if handler is not None:
            return handler(self, node, names)
        types = [self.type_of(child, names) for child in node.children if isinstance(child, lark.Tree)]
        if node.data == "literal":
            return self.type_of(node.children[0], names)
        return types[0] if len(types) == len(node.children) == 1 else DYN

    def _fault(self, offset: int, message: str) -> StaticType:
        self.faults.append(TypeFault(offset, message))
        return DYN

    def _mismatch(self, offset: int, operator: str, types: list[StaticType]) -> StaticType:
        shown = ", ".join(map(str, types))
        return self._fault(offset, f"found no matching overload for '{operator}' applied to '({shown})'")

    def _between(self, left: Any, right: Any, sign: str) -> int:
        return self._text.find(sign, left.meta.end_pos, right.meta.start_pos + len(sign))

    def condition(self, node: Any, names: Names) -> StaticType:
        """``a ? b : c``."""
        if len(node.children) == 1:
            return self.type_of(node.children[0], names)
        asked, *rest = node.children
        types = [self.type_of(child, names) for child in node.children]
        if not (fits(types[0], BOOL) and fits(types[1], types[2])):
            return self._mismatch(self._between(asked, rest[0], "?"), "_?_:_", types)
        return types[1] if types[1] == types[2] else DYN

    def logical(self, node: Any, names: Names) -> StaticType:
        """``a || b``, ``a && b``."""
        if len(node.children) == 1:
            return self.type_of(node.children[0], names)
        left, right = node.children
        return self._binary(left, right, _LOGICAL[node.data], names)

    def operation(self, node: Any, names: Names) -> StaticType:
        """``a < b``, ``a + b`` and the like: the left side stands in a node of its own."""
        if len(node.children) == 1:
            return self.type_of(node.children[0], names)
        left, right = node.children
        return self._binary(left.children[0], right, _OPERATORS[left.data], names)

    def _binary(self, left: Any, right: Any, operator: tuple[str, str], names: Names) -> StaticType:
        types = [self.type_of(left, names), self.type_of(right, names)]
        found = result_of(operator[0], *types)
        if found is None:
            return self._mismatch(self._between(left, right, operator[1]), operator[0], types)
        return found

    def unary(self, node: Any, names: Names) -> StaticType:
        """``!a``, ``-a``."""
        found = self.type_of(node.children[-1], names)
        if len(node.children) == 1:
            return found
        operator, taken = _UNARY[node.children[0].data]
        if not any(fits(found, each) for each in taken):
            return self._mismatch(node.meta.start_pos if not node.meta.empty else 0, operator, [found])
        return found

    def name(self, node: Any, names: Names) -> StaticType:
        """A variable."""
        return names.get(str(node.children[0]), DYN)

    def field(self, node: Any, names: Names) -> StaticType:
        """``a.b``."""
        holder, name = node.children
        if dotted_name(holder) == "variables":
            return self._known(self._variables.get(str(name)), name)
        found = self.type_of(holder, names)
        if found.name == "object":
            return self._known(field_of(found, _spellings(found), str(name)), name)
        if found.name == "map":
            return found.parts[1]
        return (
            found if found == DYN else self._fault(self._dot(name), f"type '{found}' does not support field selection")
        )

    def optional_field(self, node: Any, names: Names) -> StaticType:
        """``a.?b``: what comes after need not be there."""
        holder, name = node.children
        found = self.type_of(holder, names)
        if found.name == "object" and field_of(found, _spellings(found), str(name)) is None:
            self._known(None, name)
        return DYN

    def _known(self, found: StaticType | None, name: Any) -> StaticType:
        return self._fault(self._dot(name), f"undefined field '{name}'") if found is None else found

    def _dot(self, name: Any) -> int:
        return self._text.rfind(".", 0, name.start_pos)

    def element(self, node: Any, names: Names) -> StaticType:
        """``a[b]``."""
        place, index = node.children
        types = [self.type_of(place, names), self.type_of(index, names)]
        holder, key = types
        if holder == DYN:
            return DYN
        wanted = {"list": INT, "map": holder.parts[0] if holder.parts else DYN}.get(holder.name)
        if wanted is None or not (fits(key, wanted) or {key, wanted} <= set(NUMBERS)):
            return self._mismatch(self._between(place, index, "["), "_[_]", types)
        return holder.parts[-1]

    def call(self, node: Any, names: Names) -> StaticType:
        """``f(a)``."""
        name, arguments = str(node.children[0]), _arguments(node.children[1:])
        for argument in arguments:
            self.type_of(argument, names)
        return BOOL if name == "has" else CONVERSIONS.get(name, DYN)

    def method(self, node: Any, names: Names) -> StaticType:
        """``a.f(b)``, macros included."""
        holder, name, *rest = node.children
        subject, arguments = self.type_of(holder, names), _arguments(rest)
        if name in _OF_EACH and len(arguments) == 2:
            return self._of_each(str(name), subject, arguments, names)
        if name in MACRO_NAMES:
            made = {identifier(argument): DYN for argument in arguments[:2]}
            for argument in arguments[1:]:
                self.type_of(argument, {**names, **made})
            return DYN
        types = [self.type_of(argument, names) for argument in arguments]
        if name == "size" and not arguments:
            return INT
        wanted, value = STRING_METHODS.get(str(name), ((), DYN))
        if value == DYN or identifier(holder) in NAMESPACES:
            return DYN
        pairs = zip([subject, *types], [STRING, *wanted], strict=False)
        if len(types) != len(wanted) or not all(fits(*pair) for pair in pairs):
            applied = f"{subject}.({', '.join(map(str, types))})"
            offset = self._text.find("(", name.end_pos)
            return self._fault(offset, f"found no matching overload for '{name}' applied to '{applied}'")
        return value

    def _of_each(self, name: str, subject: StaticType, arguments: list[Any], names: Names) -> StaticType:
        made = {identifier(arguments[0]): subject.parts[0] if subject.parts else DYN}
        found = self.type_of(arguments[1], {**names, **made})
        kept = list_of(subject.parts[0]) if subject.parts else DYN
        return {"map": list_of(found), "filter": kept}.get(name, BOOL)

    def list_literal(self, node: Any, names: Names) -> StaticType:
        """``[a, b]``."""
        return list_of(common([self.type_of(item, names) for items in node.children for item in items.children]))

    def map_literal(self, node: Any, names: Names) -> StaticType:
        """``{a: b}``."""
        items = [item for items in node.children for item in items.children if item.data == "mapinit"]
        keys, values = ([self.type_of(item.children[side], names) for item in items] for side in (0, 1))
        return map_of(common(keys), common(values))


def _spellings(holder: StaticType) -> Mapping[str, str]:
    return {escaped(name): name for name in fields_of(holder.fields_of)}


def _arguments(rest: list[Any]) -> list[Any]:
    return list(rest[0].children) if rest else []


_HANDLERS: Mapping[str, Callable[[_Checker, Any, Names], StaticType]] = {
    "expr": _Checker.condition,
    "conditionalor": _Checker.logical,
    "conditionaland": _Checker.logical,
    "relation": _Checker.operation,
    "addition": _Checker.operation,
    "multiplication": _Checker.operation,
    "unary": _Checker.unary,
    "ident": _Checker.name,
    "member_dot": _Checker.field,
    "member_opt_dot": _Checker.optional_field,
    "member_index": _Checker.element,
    "ident_arg": _Checker.call,
    "member_dot_arg": _Checker.method,
    "list_lit": _Checker.list_literal,
    "map_lit": _Checker.map_literal,
}
