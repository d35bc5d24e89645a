"""The state of the API server, as an immutable value: a write makes a new state and a change.

One counter gives every change of every object its resourceVersion. Documents are kept as the JSON bytes that clients
receive, with that version already in them; besides the bytes there are only the fields that lists and watches select
by. Each resource has a bounded log of its latest changes, from which watches are served; for a watch from before its
beginning the version has expired, as with upstream's watch cache.

States share structure (persistent hash tries), so an older state, for a paged list or for writes that are not on disk
yet, costs only the difference.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple

import msgspec
from immutables import Map

from fairlead.model.document import Doc
from fairlead.model.names import ObjectKey
from fairlead.registry.strategy import NO_EFFECTS, SideEffects

FieldGetters = Mapping[str, Callable[[Doc], str]]

# A log keeps this many changes of one resource, and fewer when their documents are large.
LOG_CHANGES = 4096
LOG_BYTES = 16 << 20
# Pods are found by their node too; ``spec.nodeName`` is the first of their selectable fields (``kinds.pod``).
PODS, NODE_NAME = "pods", 0
NO_LABELS: Mapping[str, str] = MappingProxyType({})
MAX_SHARED_LABELS = 8  # larger sets of labels are not shared between objects


class Stored(NamedTuple):
    """One object at one version.

    Attributes:
        document: JSON text, ``metadata.resourceVersion`` included.
        fields: the values of the kind's selectable fields, in the order of its ``Strategy.fields``.
    """

    document: bytes
    version: int
    labels: Mapping[str, str]
    fields: tuple[str, ...]


class Change(NamedTuple):
    """One change of an object. For a deletion, ``after`` is the last document, at the version of the deletion."""

    resource: str
    key: ObjectKey
    before: Stored | None
    after: Stored
    deleted: bool

    @property
    def version(self) -> int:
        return self.after.version


class Log(NamedTuple):
    """The latest changes of one resource; ``compacted`` is the version of the last one forgotten."""

    changes: Map[int, Change] = Map()
    first: int = 0
    end: int = 0
    size: int = 0
    compacted: int = 0

    def append(self, change: Change) -> "Log":
        size = self.size + len(change.after.document)
        log = Log(self.changes.set(self.end, change), self.first, self.end + 1, size, self.compacted)
        while log.end - log.first > LOG_CHANGES or (log.size > LOG_BYTES and log.end - log.first > 1):
            log = log._forget_first()
        return log

    def since(self, version: int) -> Iterator[Change]:
        """The changes after ``version``, oldest first; the caller has checked that none of them is forgotten."""
        for index in range(self._index_after(version), self.end):
            yield self.changes[index]

    def _index_after(self, version: int) -> int:
        low, high = self.first, self.end
        while low < high:
            middle = (low + high) // 2
            if self.changes[middle].version <= version:
                low = middle + 1
            else:
                high = middle
        return low

    def _forget_first(self) -> "Log":
        gone = self.changes[self.first]
        size = self.size - len(gone.after.document)
        return Log(self.changes.delete(self.first), self.first + 1, self.end, size, gone.version)


_NOTHING: Map[ObjectKey, Stored] = Map()
_NOBODY: frozenset[ObjectKey] = frozenset()


class State(NamedTuple):
    """All objects, the logs of their changes, the owners of virtual IPs and node ports, and the Pods of each node.

    Attributes:
        version: the resourceVersion of the latest change.
        origin: the version at which this process began; earlier changes are in no log.
    """

    version: int = 0
    origin: int = 0
    objects: Map[str, Map[ObjectKey, Stored]] = Map()
    logs: Map[str, Log] = Map()
    ips: Map[str, ObjectKey] = Map()
    ports: Map[int, ObjectKey] = Map()
    placed: Map[str, frozenset[ObjectKey]] = Map()

    def of(self, resource: str) -> Map[ObjectKey, Stored]:
        return self.objects.get(resource, _NOTHING)

    def get(self, resource: str, key: ObjectKey) -> Stored | None:
        return self.of(resource).get(key)

    def log(self, resource: str) -> Log:
        return self.logs.get(resource) or Log(compacted=self.origin)

    def ip_owner(self, ip: str) -> ObjectKey | None:
        return self.ips.get(ip)

    def port_owner(self, port: int) -> ObjectKey | None:
        return self.ports.get(port)

    def pods_on(self, node: str) -> frozenset[ObjectKey]:
        """The Pods that are bound to a node."""
        return self.placed.get(node, _NOBODY)


class Step(NamedTuple):
    """A state and the changes that led to it, in order."""

    state: State
    changes: tuple[Change, ...] = ()


def put(step: Step, resource: str, key: ObjectKey, document: Doc, fields: FieldGetters) -> Step:
    """Write the document under the next version, which is put into it."""
    version = step.state.version + 1
    document["metadata"]["resourceVersion"] = str(version)
    after = seal(document, version, fields)
    objects = step.state.of(resource)
    change = Change(resource, key, objects.get(key), after, deleted=False)
    return _record(step, change, objects.set(key, after))


def remove(step: Step, resource: str, key: ObjectKey, document: Doc, fields: FieldGetters) -> Step:
    """Delete the object; ``document`` is its last form, which watchers get with the deletion's version."""
    version = step.state.version + 1
    document["metadata"]["resourceVersion"] = str(version)
    objects = step.state.of(resource)
    change = Change(resource, key, objects[key], seal(document, version, fields), deleted=True)
    return _record(step, change, objects.delete(key))


def allocate(step: Step, owner: ObjectKey, effects: SideEffects) -> Step:
    """Allocate and release virtual IPs and node ports in the same step as their object."""
    if effects == NO_EFFECTS:
        return step
    ips, ports = step.state.ips.mutate(), step.state.ports.mutate()
    for ip in effects.free_ips:
        ips.pop(ip, None)
    for port in effects.free_ports:
        ports.pop(port, None)
    for ip in effects.take_ips:
        ips[ip] = owner
    for port in effects.take_ports:
        ports[port] = owner
    s = step.state
    state = State(s.version, s.origin, s.objects, s.logs, ips.finish(), ports.finish(), s.placed)
    return Step(state, step.changes)


def seal(document: Doc, version: int, fields: FieldGetters) -> Stored:
    """The stored form of a document."""
    labels = document["metadata"].get("labels")
    values = tuple(getter(document) for getter in fields.values())
    return Stored(msgspec.json.encode(document), version, shared(labels) if labels else NO_LABELS, values)


def shared(labels: dict[str, str]) -> Mapping[str, str]:
    """The labels, as one mapping for all objects that have the same ones, as those of one owner have: a mapping takes
    half as much memory as a document."""
    return _shared(tuple(labels.items())) if len(labels) <= MAX_SHARED_LABELS else labels


@lru_cache(maxsize=512)
def _shared(labels: tuple[tuple[str, str], ...]) -> Mapping[str, str]:
    return dict(labels)


def _record(step: Step, change: Change, objects: Map[ObjectKey, Stored]) -> Step:
    before = step.state
    log = before.log(change.resource).append(change)
    state = State(
        change.version,
        before.origin,
        before.objects.set(change.resource, objects),
        before.logs.set(change.resource, log),
        before.ips,
        before.ports,
        _placed(before.placed, change) if change.resource == PODS else before.placed,
    )
    return Step(state, (*step.changes, change))


def _placed(placed: Map[str, frozenset[ObjectKey]], change: Change) -> Map[str, frozenset[ObjectKey]]:
    before = change.before.fields[NODE_NAME] if change.before else ""
    after = "" if change.deleted else change.after.fields[NODE_NAME]
    if before == after:
        return placed
    if before:
        others = placed.get(before, _NOBODY) - {change.key}
        placed = placed.set(before, others) if others else placed.delete(before)
    return placed.set(after, placed.get(after, _NOBODY) | {change.key}) if after else placed


def placement(pods: Mapping[ObjectKey, Stored]) -> Map[str, frozenset[ObjectKey]]:
    """Which Pods each node has, of all these."""
    found: dict[str, set[ObjectKey]] = {}
    for key, pod in pods.items():
        if node := pod.fields[NODE_NAME]:
            found.setdefault(node, set()).add(key)
    return Map({node: frozenset(keys) for node, keys in found.items()})
