"""Selectors as objects write them, as requirements that labels can be held against."""

from fairlead.model.labels import Requirement, Selector
from fairlead.model.objects import LabelSelector, SelectorTerm

# operator -> whether it has values, whether it is negated
_TERMS = {"In": (True, False), "NotIn": (True, True), "Exists": (False, False), "DoesNotExist": (False, True)}


def requirements(selector: LabelSelector) -> Selector:
    """All that a label selector asks for."""
    pairs = ((key, frozenset({value})) for key, value in (selector.match_labels or {}).items())
    equal = (Requirement(key, values, negated=False) for key, values in pairs)
    return (*equal, *map(requirement, selector.match_expressions or ()))


def requirement(term: SelectorTerm) -> Requirement:
    """What one expression asks for; ``operator`` is one of those that labels of all kinds know."""
    has_values, negated = _TERMS[term.operator]
    return Requirement(term.key, frozenset(term.values or ()) if has_values else None, negated)
