"""The sets of addresses in rules, their members, and the sets that might contain a given Pod.

Policies with the same selector share one set. Sets are indexed by a label that their Pods must have, so a change of one
Pod looks only at the sets under its own labels.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

import msgspec
from immutables import Map

from fairlead.model.labels import Requirement, Selector, matches
from fairlead.netfilter.ruleset import Key
from fairlead.netpolicy.census import NOBODY, Census, Labels, PolicySubject
from fairlead.netpolicy.reading import Members


class Ports(msgspec.Struct, frozen=True, gc=False, cache_hash=True):
    """The ports of this name, each with its Pod's address.

    Attributes:
        node: only its Pods count, for rules about ingress; "" for those of all nodes.
    """

    protocol: str
    name: str
    node: str = ""


Selection = Members | Ports


def holds(selection: Selection, subject: PolicySubject, census: Census) -> bool:
    """Whether a set has elements of a Pod."""
    if isinstance(selection, Ports):
        return selection.node in ("", subject.node) and any(_is_meant(selection, p) for p in subject.ports)
    if not matches(selection.pods, subject.labels):
        return False
    if selection.namespace:
        return subject.key.namespace == selection.namespace
    return matches(selection.namespaces, census.labels_of(subject.key.namespace))


def _is_meant(selection: Ports, port: tuple[str, str, int]) -> bool:
    return port[:2] == (selection.protocol, selection.name)


def keys_of(selection: Selection, subject: PolicySubject, address: str) -> Iterator[Key]:
    """The keys in a set for one address of a Pod."""
    if isinstance(selection, Members):
        yield (address,)
        return
    for number in sorted({port.number for port in subject.ports if _is_meant(selection, port)}):
        yield (address, selection.protocol, number)


def described(selection: Selection) -> str:
    """A set in a few words, different for each set."""
    if isinstance(selection, Ports):
        where = f" on {selection.node}" if selection.node else ""
        return f"ports named {selection.name} ({selection.protocol}){where}"
    pods = f"Pods {_text(selection.pods)}" if selection.pods else "all Pods"
    if selection.namespace:
        return f"{pods} in {selection.namespace}"
    return f"{pods} in Namespaces {_text(selection.namespaces)}" if selection.namespaces else f"{pods} anywhere"


def _text(selector: Selector) -> str:
    return ",".join(map(_term, selector))


def _term(term: Requirement) -> str:
    if term.values is None:
        return f"{'!' if term.negated else ''}{term.key}"
    values = "|".join(sorted(term.values)) if term.values else "()"
    return f"{term.key}{'!=' if term.negated else '='}{values}"


# The index entry of a set: a type, and a key and value, one of which each Pod in the set must have.
Heading = tuple[str, str, str]
_EVERYBODY: Heading = ("", "", "")


def _pairs(selector: Selector, kind: str) -> list[Heading]:
    """The labels of which a Pod must have one; none if no requirement says so."""
    for term in selector:
        if term.values and not term.negated:
            return [(kind, term.key, value) for value in sorted(term.values)]
    return []


def _headings(selection: Selection) -> list[Heading]:
    if isinstance(selection, Ports):
        return [("port", selection.protocol, selection.name)]
    if selection.namespace:
        kind = f"pod in {selection.namespace}"
        return _pairs(selection.pods, kind) or [("namespace", "", selection.namespace)]
    return _pairs(selection.pods, "pod") or _pairs(selection.namespaces, "namespace label") or [_EVERYBODY]


def _headings_of(subject: PolicySubject, labels: Labels) -> Iterator[Heading]:
    namespace = subject.key.namespace
    yield from (_EVERYBODY, ("namespace", "", namespace))
    for key, value in subject.labels.items():
        yield from (("pod", key, value), (f"pod in {namespace}", key, value))
    yield from (("namespace label", key, value) for key, value in labels.items())
    yield from {("port", port.protocol, port.name) for port in subject.ports}


Filed = Map[Heading, frozenset[Selection]]
_NONE: frozenset[Selection] = frozenset()


@dataclass(frozen=True)
class Selections:
    """The sets that are in use, with the number of policies that use each."""

    users: Map[Selection, int] = field(default_factory=Map)
    filed: Filed = field(default_factory=Map)

    def recounted(self, gone: Iterable[Selection], come: Iterable[Selection]) -> "Selections":
        """The selections after policies have stopped using some sets and started using others."""
        users, filed = self.users, self.filed
        for selection, step in (*((s, 1) for s in come), *((s, -1) for s in gone)):
            count = users.get(selection, 0)
            if count == 0 or count + step == 0:
                filed = _refiled(filed, selection, is_there=step > 0)
            users = users.set(selection, count + step) if count + step else users.delete(selection)
        return replace(self, users=users, filed=filed)

    def holding(self, subject: PolicySubject, census: Census) -> Iterator[Selection]:
        """The sets with elements of a Pod."""
        labels = census.labels_of(subject.key.namespace)
        for heading in _headings_of(subject, labels):
            for selection in self.filed.get(heading, _NONE):
                if holds(selection, subject, census):
                    yield selection


def _refiled(filed: Filed, selection: Selection, *, is_there: bool) -> Filed:
    for heading in _headings(selection):
        known = filed.get(heading, _NONE)
        known = known | {selection} if is_there else known - {selection}
        filed = filed.set(heading, known) if known else filed.delete(heading)
    return filed


def members(selection: Selection, census: Census) -> Iterator[PolicySubject]:
    """Every Pod that has elements in a set."""
    place = selection.namespace if isinstance(selection, Members) else ""
    for name in [place] if place else list(census.in_namespace):
        for subject in census.in_namespace.get(name, NOBODY).values():
            if holds(selection, subject, census):
                yield subject
