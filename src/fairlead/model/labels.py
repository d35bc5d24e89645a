"""Label selectors, in the three forms that they are written in.

A map of pairs (a Service's ``selector``), an object with pairs and expressions (``LabelSelector``, of workloads,
budgets and roles), and the query language of ``?labelSelector=``. The last two become the same ``Requirement`` rows.
Grammar: upstream's apimachinery ``pkg/labels/selector.go``, ``pkg/apis/meta/v1/helpers.go``.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

from fairlead.model.objects import LabelSelector, SelectorTerm

_SET = re.compile(r"\s*(?P<key>[^\s!=,()]+)\s+(?P<op>in|notin)\s*\((?P<values>[^()]*)\)\s*")
_EQUAL = re.compile(r"\s*(?P<key>[^\s!=,()]+)\s*(?P<op>==|=|!=)\s*(?P<value>[^\s!=,()]*)\s*")
_EXISTS = re.compile(r"\s*(?P<op>!?)\s*(?P<key>[^\s!=,()]+)\s*")


class SelectorError(ValueError):
    """A selector that cannot be parsed; the message says where."""


class Requirement(NamedTuple):
    """One term of a selector. ``negated`` also matches objects without the key, as upstream's != and notin do."""

    key: str
    values: frozenset[str] | None
    negated: bool

    def matches(self, labels: Mapping[str, str]) -> bool:
        found = self.key in labels and (self.values is None or labels[self.key] in self.values)
        return found != self.negated


Selector = tuple[Requirement, ...]

# operator -> whether it has values, whether it is negated
_TERMS = {"In": (True, False), "NotIn": (True, True), "Exists": (False, False), "DoesNotExist": (False, True)}
_UNKNOWN = (True, False)  # with no values at all, which no object satisfies


def requirements(selector: LabelSelector) -> Selector:
    """Everything that a label selector asks for."""
    pairs = ((key, frozenset({value})) for key, value in (selector.match_labels or {}).items())
    equal = (Requirement(key, values, negated=False) for key, values in pairs)
    return (*equal, *map(requirement, selector.match_expressions or ()))


def requirement(term: SelectorTerm) -> Requirement:
    """The requirement of one expression. An unknown operator matches nothing: to match everything instead would
    delete, evict or grant too much."""
    has_values, negated = _TERMS.get(term.operator, _UNKNOWN)
    values = frozenset(term.values or ()) if term.operator in _TERMS else frozenset()
    return Requirement(term.key, values if has_values else None, negated)


def matches(selector: Selector, labels: Mapping[str, str]) -> bool:
    """Whether the labels satisfy every requirement; the empty selector matches everything."""
    return all(requirement.matches(labels) for requirement in selector)


def contains(labels: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
    """Whether ``labels`` has every pair of ``wanted``: a Service's selector against a Pod."""
    return all(labels.get(key) == value for key, value in wanted.items())


def parse_selector(text: str) -> Selector:
    """The requirements that ``text`` spells, such as ``app=web,tier in (a,b),!legacy``.

    Raises:
        SelectorError: the text does not follow the grammar.
    """
    if not text.strip():
        return ()
    requirement, position = _parse_term(text, 0)
    requirements = [requirement]
    while position < len(text):
        if text[position] != ",":
            raise SelectorError(f"found {text[position]!r}, expected: ',' or end of string")
        requirement, position = _parse_term(text, position + 1)
        requirements.append(requirement)
    return tuple(requirements)


def _parse_term(text: str, position: int) -> tuple[Requirement, int]:
    if match := _SET.match(text, position):
        values = frozenset(value.strip() for value in match["values"].split(","))
        return Requirement(match["key"], values, match["op"] == "notin"), match.end()
    if match := _EQUAL.match(text, position):
        return Requirement(match["key"], frozenset({match["value"]}), match["op"] == "!="), match.end()
    if match := _EXISTS.match(text, position):
        return Requirement(match["key"], None, match["op"] == "!"), match.end()
    raise SelectorError(f"unable to parse requirement: {text[position:]!r}")
