"""The language of expressions: the library ``cel-python``, and Kubernetes' additions.

Optional values (``a.?b``, ``a[?k]``, ``[?x]``, ``{?k: v}``, ``optMap``), macros with two variables, and a bound on the
steps of an evaluation, those of macros included. The grammar is the library's, with rules put into it. Source: the CEL
specification (``doc/langdef.md``), cel-go ``ext`` and ``cel/library.go`` (optional types).
"""

import pkgutil
import re
from collections.abc import Callable, Iterable
from typing import Any

import lark
from celpy import celtypes
from celpy.celparser import CELParser
from celpy.evaluation import Activation, CELEvalError, Evaluator, base_functions

from fairlead.registry.cel.budget import Budget, RuleError
from fairlead.registry.cel.functions import FUNCTIONS, NAMESPACES
from fairlead.registry.cel.functions.optionals import NONE, Optional
from fairlead.registry.cel.macros import MACROS, dotted_name, error_in, identifier
from fairlead.registry.cel.made_objects import JsonPatch, MadeObject, misnamed
from fairlead.registry.cel.type_names import JSON_PATCH, TYPES

_MORE_RULES = r"""
mapinits         : mapinit ("," mapinit)* ","?
mapinit          : expr ":" expr
                 | "?" expr ":" expr -> mapinit_opt
listinits        : listinit ("," listinit)* ","?
listinit         : expr
                 | "?" expr -> listinit_opt
fieldinits       : fieldinit ("," fieldinit)* ","?
fieldinit        : IDENT ":" expr
                 | "?" IDENT ":" expr -> fieldinit_opt
member_opt_dot   : member "." "?" IDENT
member_opt_index : member "[" "?" expr "]"
"""
# (a rule of the library's grammar, what stands in its place)
_CHANGES = (
    ("member         : member_dot |", "member         : member_opt_dot | member_opt_index | member_dot |"),
    ('list_lit       : "[" [exprlist] "]"', 'list_lit       : "[" [listinits] "]"'),
    ('fieldinits     : IDENT ":" expr ("," IDENT ":" expr)*', ""),
    ('mapinits       : expr ":" expr ("," expr ":" expr)*', _MORE_RULES),
)


def _parser() -> lark.Lark:
    data = pkgutil.get_data("celpy", "cel.lark")
    assert data is not None
    grammar = data.decode()
    for rule, replacement in _CHANGES:
        if rule not in grammar:
            raise RuntimeError(f"the grammar of cel-python has changed: no {rule!r}")
        grammar = grammar.replace(rule, replacement)
    return lark.Lark(
        grammar,
        parser="lalr",
        start="expr",
        g_regex_flags=re.M,
        lexer_callbacks={"IDENT": CELParser.ambiguous_literals},
        propagate_positions=True,
        maybe_placeholders=False,
        priority="invert",
    )


PARSER = _parser()
"""The parser of expressions. Made once: it takes a tenth of a second."""


_ABSENT = object()


class Bounded(Evaluator):  # type: ignore[misc]  # the library is not typed
    """Evaluates an expression within a budget."""

    def __init__(self, ast: Any, activation: Activation, budget: Budget) -> None:
        super().__init__(ast, activation)
        self._budget = budget

    def sub_evaluator(self, ast: Any) -> "Bounded":
        return Bounded(ast, self.activation, self._budget)

    def visit_children(self, tree: Any) -> Any:
        self._budget.spend()
        return super().visit_children(tree)

    def ident_value(self, name: str, root_scope: bool = False) -> Any:
        """``type(x) == string``: the name of a type is the type, whatever function converts to it."""
        found = super().ident_value(name, root_scope)
        return base_functions[name] if found is FUNCTIONS.get(name, _ABSENT) and name in base_functions else found

    def member_dot(self, tree: Any) -> Any:
        member = self.visit(tree.children[0])
        return member if isinstance(member, CELEvalError) else _field(member, str(tree.children[1]), tree)

    def member_opt_dot(self, tree: Any) -> Any:
        member = self.visit(tree.children[0])
        return member if isinstance(member, CELEvalError) else _optional_at(member, str(tree.children[1]), tree)

    def member_index(self, tree: Any) -> Any:
        member, index = self.visit_children(tree)
        if error := error_in((member, index)):
            return error
        if isinstance(member, Optional):
            return _optional_at(member, index, tree)
        found = _at(member, index)
        return _no_such_key(index, tree) if found is _ABSENT else found

    def member_opt_index(self, tree: Any) -> Any:
        member, index = self.visit_children(tree)
        return error_in((member, index)) or _optional_at(member, index, tree)

    def member_object(self, tree: Any) -> Any:
        """``Object.spec{replicas: 3}``: a part of an object, of the type that its path names."""
        type_name = dotted_name(tree.children[0])
        if type_name.partition(".")[0] not in TYPES:
            return super().member_object(tree)
        made: Any = JsonPatch() if type_name == JSON_PATCH else MadeObject(type_name)
        if len(tree.children) == 1:
            return made
        return self._collected(tree.children[1], made, self._field_item)

    def _field_item(self, made: Any, item: Any) -> Any:
        name, value = str(item.children[0]), self.visit(item.children[1])
        if isinstance(value, CELEvalError):
            return value
        if item.data == "fieldinit_opt" and isinstance(value, Optional):
            if not value.has_value:
                return None
            value = value.value
        if why := misnamed(made, name, value):
            return CELEvalError(why, TypeError, None, tree=item)
        made[celtypes.StringType(name)] = value
        return value

    def listinits(self, tree: Any) -> Any:
        return self._collected(tree, celtypes.ListType(), self._list_item)

    def _list_item(self, items: Any, item: Any) -> Any:
        (value,) = self.visit_children(item)
        if item.data == "listinit_opt" and isinstance(value, Optional):
            items.extend([value.value] if value.has_value else [])
        else:
            items.append(value)
        return value

    def mapinits(self, tree: Any) -> Any:
        return self._collected(tree, celtypes.MapType(), self._map_item)

    def _map_item(self, items: Any, item: Any) -> Any:
        key, value = self.visit_children(item)
        if error := error_in((key, value)):
            return error
        if item.data == "mapinit_opt" and isinstance(value, Optional):
            if not value.has_value:
                return None
            value = value.value
        if key in items:
            return CELEvalError(f"Duplicate key {key!r}", ValueError, None, tree=item)
        items[key] = value
        return value

    def _collected(self, tree: Any, items: Any, add: Callable[[Any, Any], Any]) -> Any:
        for item in tree.children:
            self._budget.spend()
            if isinstance(error := add(items, item), CELEvalError):
                return error
        return items

    def macro_has_eval(self, exprlist: Any) -> Any:
        """``has(a.b)``: whether ``a``, which must exist, has ``b``."""
        place = exprlist.children[0]
        while place.data not in ("member_dot", "member_opt_dot") and len(place.children) == 1:
            place = place.children[0]
        if getattr(place, "data", "") not in ("member_dot", "member_opt_dot"):
            return CELEvalError("invalid argument to has() macro", TypeError, None, tree=exprlist)
        holder = self.visit(place.children[0])
        if isinstance(holder, CELEvalError):
            return holder
        found = _optional_at(holder, str(place.children[1]), place)
        return found if isinstance(found, CELEvalError) else celtypes.BoolType(found.has_value)

    def member_dot_arg(self, tree: Any) -> Any:
        holder, name = tree.children[0], str(tree.children[1])
        arguments = list(tree.children[2].children) if len(tree.children) > 2 else []
        if (space := identifier(holder)) in NAMESPACES and f"{space}.{name}" in self.activation.functions:
            return self.function_eval(lark.Token("IDENT", f"{space}.{name}"), self._values(arguments))
        macro = MACROS.get((name, len(arguments)))
        if macro is not None:
            subject = self.visit(holder)
            return subject if isinstance(subject, CELEvalError) else macro(self, subject, arguments)
        return super().member_dot_arg(tree)

    def _values(self, expressions: Iterable[Any]) -> list[Any]:
        return [self.visit(expression) for expression in expressions]

    def with_variables(self, expression: Any, **variables: Any) -> Any:
        """The value of an expression in which more variables have values; errors are values too."""
        self._budget.spend()
        try:
            return self.sub_evaluator(expression).evaluate(variables)
        except CELEvalError as error:
            return error


def _at(holder: Any, key: Any) -> Any:
    """The value in a map or list at a key or index."""
    if isinstance(holder, celtypes.MapType):
        return holder.get(key, _ABSENT)
    if isinstance(holder, celtypes.ListType) and isinstance(key, int) and not isinstance(key, celtypes.BoolType):
        return holder[key] if 0 <= key < len(holder) else _ABSENT
    return _ABSENT


def _field(holder: Any, name: str, tree: Any) -> Any:
    if isinstance(holder, Optional):
        return _optional_at(holder, name, tree)
    if isinstance(holder, celtypes.MapType):
        found = holder.get(name, _ABSENT)
        return _no_such_key(name, tree) if found is _ABSENT else found
    if (read := getattr(holder, "cel_fields", {}).get(name)) is not None:
        try:
            return read(holder)
        except RuleError as error:
            return CELEvalError(str(error), ValueError, None, tree=tree)
    return CELEvalError(f"no such key: {name}", TypeError, None, tree=tree)


def _optional_at(holder: Any, key: Any, tree: Any) -> Any:
    if isinstance(holder, Optional):
        return _optional_at(holder.value, key, tree) if holder.has_value else NONE
    if not isinstance(holder, celtypes.MapType | celtypes.ListType):
        return CELEvalError(f"no such key: {key}", TypeError, None, tree=tree)
    found = _at(holder, key)
    return NONE if found is _ABSENT else Optional(found)


def _no_such_key(key: Any, tree: Any) -> CELEvalError:
    what = "index out of bounds" if isinstance(key, int) else "no such key"
    return CELEvalError(f"{what}: {key}", KeyError, None, tree=tree)
