"""Label selectors: the ``matchLabels`` of a Service and the query language of ``?labelSelector=``.

Grammar: upstream's apimachinery ``pkg/labels/selector.go``.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

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
