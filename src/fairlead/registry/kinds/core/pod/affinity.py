"""Affinities of a Pod: what is wrong with them, and what a new Pod's terms say when its own labels are put into them.

Upstream: ``validateAffinity`` in pkg/apis/core/validation/validation.go, ``applyMatchLabelKeysAndMismatchLabelKeys`` in
pkg/registry/core/pod/strategy.go.
"""

from collections.abc import Iterator

from fairlead.model.document import Doc
from fairlead.model.names import dns1123_label_errors
from fairlead.registry.field_errors import FieldError, forbidden, invalid, required
from fairlead.registry.object_meta import qualified_name_errors

REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
_OF_PODS = ("podAffinity", "podAntiAffinity")
# Field of a term that names labels of the Pod itself -> the operator by which others are held against their values.
_OWN_LABELS = {"matchLabelKeys": "In", "mismatchLabelKeys": "NotIn"}
_SETS, _PRESENCE, _ORDER = ("In", "NotIn"), ("Exists", "DoesNotExist"), ("Gt", "Lt")


def name_own_labels(pod: Doc) -> None:
    """Put the values of the Pod's labels that its terms name into their selectors: later changes of labels count no
    more."""
    labels, spec = pod["metadata"].get("labels") or {}, pod["spec"]
    terms = [term for _, term in _terms(spec["affinity"], "")] if spec.get("affinity") else []
    for term in (*terms, *(spec.get("topologySpreadConstraints") or ())):
        selector = term.get("labelSelector")
        if not isinstance(selector, dict):
            continue
        added = [
            {"key": key, "operator": operator, "values": [labels[key]]}
            for field, operator in _OWN_LABELS.items()
            for key in term.get(field) or ()
            if key in labels
        ]
        if added:
            selector["matchExpressions"] = [*(selector.get("matchExpressions") or ()), *added]


def affinity_faults(spec: Doc, path: str) -> list[FieldError]:
    """The faults of the affinities of a Pod's spec."""
    if not (affinity := spec.get("affinity")):
        return []
    place = f"{path}.affinity"
    return [*_of_nodes(affinity.get("nodeAffinity") or {}, f"{place}.nodeAffinity"), *_of_pods(affinity, place)]


def _of_nodes(affinity: Doc, path: str) -> Iterator[FieldError]:
    if (wanted := affinity.get(REQUIRED)) is not None:
        terms, place = wanted.get("nodeSelectorTerms") or (), f"{path}.{REQUIRED}.nodeSelectorTerms"
        if not terms:
            yield required(place, "must have at least one node selector term")
        for index, term in enumerate(terms):
            yield from _node_term(term, f"{place}[{index}]")
    for index, each in enumerate(affinity.get(PREFERRED) or ()):
        place = f"{path}.{PREFERRED}[{index}]"
        yield from _weight(each, place)
        yield from _node_term(each.get("preference") or {}, f"{place}.preference")


def _weight(each: Doc, path: str) -> Iterator[FieldError]:
    weight = each.get("weight", 0)
    if not 1 <= weight <= 100:
        yield invalid(f"{path}.weight", weight, "must be in the range 1-100")


def _node_term(term: Doc, path: str) -> Iterator[FieldError]:
    for index, expression in enumerate(term.get("matchExpressions") or ()):
        yield from _expression(expression, f"{path}.matchExpressions[{index}]", orders=True)
    for index, expression in enumerate(term.get("matchFields") or ()):
        place, values = f"{path}.matchFields[{index}]", expression.get("values") or []
        if expression.get("operator") not in _SETS:
            yield invalid(f"{place}.operator", expression.get("operator", ""), "not a valid selector operator")
        elif len(values) != 1:
            detail = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"
            yield required(f"{place}.values", detail)
        if expression.get("key") != "metadata.name":
            yield invalid(f"{place}.key", expression.get("key", ""), "not a valid field selector key")


def _expression(expression: Doc, path: str, orders: bool = False) -> Iterator[FieldError]:
    key, operator = expression.get("key", ""), expression.get("operator", "")
    values = expression.get("values") or []
    if operator in _SETS and not values:
        yield required(f"{path}.values", "must be specified when `operator` is 'In' or 'NotIn'")
    elif operator in _PRESENCE and values:
        yield forbidden(f"{path}.values", "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")
    elif operator in _ORDER and orders and len(values) != 1:
        yield required(f"{path}.values", "must be specified single value when `operator` is 'Lt' or 'Gt'")
    elif operator not in (*_SETS, *_PRESENCE, *(_ORDER if orders else ())):
        yield invalid(f"{path}.operator", operator, "not a valid selector operator")
    yield from (invalid(f"{path}.key", key, why) for why in qualified_name_errors(key))


def _of_pods(affinity: Doc, path: str) -> Iterator[FieldError]:
    for kind in _OF_PODS:
        for index, each in enumerate((affinity.get(kind) or {}).get(PREFERRED) or ()):
            yield from _weight(each, f"{path}.{kind}.{PREFERRED}[{index}]")
    for place, term in _terms(affinity, path):
        yield from _pod_term(term, place)


def _terms(affinity: Doc, path: str) -> Iterator[tuple[str, Doc]]:
    for kind in _OF_PODS:
        chosen = affinity.get(kind) or {}
        for index, term in enumerate(chosen.get(REQUIRED) or ()):
            yield f"{path}.{kind}.{REQUIRED}[{index}]", term
        for index, each in enumerate(chosen.get(PREFERRED) or ()):
            yield f"{path}.{kind}.{PREFERRED}[{index}].podAffinityTerm", each.get("podAffinityTerm") or {}


def _pod_term(term: Doc, path: str) -> Iterator[FieldError]:
    for field in ("labelSelector", "namespaceSelector"):
        for index, expression in enumerate((term.get(field) or {}).get("matchExpressions") or ()):
            yield from _expression(expression, f"{path}.{field}.matchExpressions[{index}]")
    for index, namespace in enumerate(term.get("namespaces") or ()):
        yield from (invalid(f"{path}.namespaces[{index}]", namespace, why) for why in dns1123_label_errors(namespace))
    if not (key := term.get("topologyKey", "")):
        yield required(f"{path}.topologyKey", "can not be empty")
    else:
        yield from (invalid(f"{path}.topologyKey", key, why) for why in qualified_name_errors(key))
    yield from _own_labels(term, path)


def _own_labels(term: Doc, path: str) -> Iterator[FieldError]:
    for field in _OWN_LABELS:
        keys = term.get(field) or ()
        if keys and term.get("labelSelector") is None:
            yield forbidden(f"{path}.{field}", "must not be specified when labelSelector is not set")
        for index, key in enumerate(keys):
            yield from (invalid(f"{path}.{field}[{index}]", key, why) for why in qualified_name_errors(key))
    for index, key in enumerate(term.get("mismatchLabelKeys") or ()):
        if key in (term.get("matchLabelKeys") or ()):
            yield invalid(f"{path}.matchLabelKeys[{index}]", key, "exists in both matchLabelKeys and mismatchLabelKeys")
