"""The objects of a list, watch or collection delete: label and field selectors over stored objects.

Grammar of field selectors: upstream's apimachinery ``pkg/fields/selector.go``; which fields a kind has is in its
``Strategy.fields``, and every kind has metadata.name and metadata.namespace.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import msgspec

from fairlead.model.document import Doc
from fairlead.model.labels import Selector, SelectorError, matches, parse_selector
from fairlead.model.names import ObjectKey
from fairlead.registry.documents.events_view import SELECTABLE
from fairlead.registry.requests import Request, RequestTarget
from fairlead.registry.status import bad_request
from fairlead.registry.store import FieldGetters, Stored

# Each object of a list is compared with each of them.
MAX_REQUIREMENTS = 256
_TERM = re.compile(r"(?P<field>[^=!,\\]+)(?P<op>==|!=|=)(?P<value>(?:[^\\,=]|\\[\\,=])*)")


class FieldTerm(NamedTuple):
    """One term of a field selector: whether the field at ``position`` of ``Stored.fields`` has the value.

    Attributes:
        read: of a custom kind, what finds the value in a document instead: another version of the kind, or an earlier
            definition, has other fields to select by.
    """

    position: int
    value: str
    negated: bool
    read: Callable[[Doc], str] | None = None

    def holds(self, stored: Stored) -> bool:
        found = self.read(msgspec.json.decode(stored.document)) if self.read else stored.fields[self.position]
        return (found == self.value) != self.negated


@dataclass(frozen=True)
class Selection:
    """The selected objects of one resource.

    Attributes:
        namespace: empty for all.
        name: the single possible object, if the request is limited to one; else empty.
    """

    namespace: str = ""
    name: str = ""
    labels: Selector = ()
    names: tuple[tuple[Callable[[ObjectKey], str], str, bool], ...] = ()
    fields: tuple[FieldTerm, ...] = ()

    @property
    def is_narrowed(self) -> bool:
        """Whether there is a selector of labels or fields."""
        return bool(self.labels or self.names or self.fields)

    def wants_key(self, key: ObjectKey) -> bool:
        if self.namespace and key.namespace != self.namespace:
            return False
        return all((getter(key) == value) != negated for getter, value, negated in self.names)

    def candidates(self, objects: Mapping[ObjectKey, Stored]) -> list[ObjectKey]:
        """The keys that are not excluded by themselves, in the order of lists. If the selection is not narrowed, it
        wants them all."""
        if self.name and self.namespace:
            only = ObjectKey(self.namespace, self.name)
            return [only] if only in objects else []
        keys = [key for key in objects if key.namespace == self.namespace] if self.namespace else list(objects)
        # As texts they are compared in a third of the time. A namespace has no character below the separator.
        keys.sort(key="\0".join)
        return keys

    def selected(self, objects: Mapping[ObjectKey, Stored]) -> list[ObjectKey]:
        """The keys of the objects that it wants, in the order of lists."""
        keys = self.candidates(objects)
        return [key for key in keys if self.wants(key, objects[key])] if self.is_narrowed else keys

    def wants(self, key: ObjectKey, stored: Stored) -> bool:
        if not self.wants_key(key) or not matches(self.labels, stored.labels):
            return False
        return all(term.holds(stored) for term in self.fields)


_KEY_FIELDS: dict[str, Callable[[ObjectKey], str]] = {
    "metadata.name": lambda key: key.name,
    "metadata.namespace": lambda key: key.namespace,
}


def selection_of(request: Request, target: RequestTarget, fields: FieldGetters) -> Selection:
    """The selection of a request on a collection; a watch of one object selects its name.

    Raises:
        ApiError: 400, a selector that cannot be parsed or a field that cannot be selected by.
    """
    try:
        labels = parse_selector(request.query.get("labelSelector", ""))
    except SelectorError as error:
        raise bad_request(str(error)) from error
    if len(labels) > MAX_REQUIREMENTS:
        raise bad_request(f"the label selector has more than {MAX_REQUIREMENTS} requirements")
    terms = _parse_fields(request.query.get("fieldSelector", ""))
    if target.name:
        terms.append(("metadata.name", target.name, False))
    known = list(fields)
    terms = _as_stored(terms) if target.resource.view_of == "events" else terms
    names = tuple((_KEY_FIELDS[field], value, negated) for field, value, negated in terms if field in _KEY_FIELDS)
    others = [term for term in terms if term[0] not in _KEY_FIELDS]
    for field, _, _ in others:
        if field not in known:
            raise bad_request(f"field label not supported: {field}")
    return Selection(
        target.namespace,
        next((value for field, value, negated in terms if field == "metadata.name" and not negated), ""),
        labels,
        names,
        tuple(
            FieldTerm(known.index(field), value, negated, fields[field] if target.resource.defined else None)
            for field, value, negated in others
        ),
    )


def _as_stored(terms: list[tuple[str, str, bool]]) -> list[tuple[str, str, bool]]:
    """Terms on Events of events.k8s.io/v1 as terms on what is stored."""
    for field, _, _ in terms:
        if field not in SELECTABLE and field not in _KEY_FIELDS:
            raise bad_request(f"field label not supported: {field}")
    return [(SELECTABLE.get(field, field), value, negated) for field, value, negated in terms]


def _parse_fields(text: str) -> list[tuple[str, str, bool]]:
    terms = []
    position = 0
    while position < len(text):
        if text[position] == ",":
            position += 1
            continue
        match = _TERM.match(text, position)
        if match is None or (match.end() < len(text) and text[match.end()] != ","):
            raise bad_request(f"invalid field selector: {text}")
        value = re.sub(r"\\(.)", r"\1", match["value"])
        terms.append((match["field"].strip(), value, match["op"] == "!="))
        position = match.end()
    return terms
