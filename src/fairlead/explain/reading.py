"""From documents of an API server or of files to a ``Cluster``: one bad object never stops the rest."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import count
from typing import Any, NamedTuple, TypeVar

import msgspec

from fairlead.explain.cluster import Cluster, DocumentFault, Ref
from fairlead.explain.documents import name_of, namespace_of, rows
from fairlead.explain.observations import Observation
from fairlead.explain.shapes import SHAPES
from fairlead.explain.soundness import problems_of
from fairlead.model.decode import KINDS, DecodeError, decode
from fairlead.model.document import Doc
from fairlead.model.network_policies import NetworkPolicy
from fairlead.model.objects import Namespace
from fairlead.model.snapshot import ClusterSnapshot, Member

T = TypeVar("T", bound=msgspec.Struct)

CLUSTER_SCOPED = frozenset({"Namespace", "Node", "ServiceCIDR", "IPAddress", "PersistentVolume", "StorageClass"})
MOST_PARTS, DEEPEST = 1_000_000, 100  # of one object; etcd's limit is 1.5 MiB
MOST_LISTS = 4  # within each other; YAML's aliases can put a list into itself
NEVER_READ = frozenset({"Secret"})  # no explanation needs one


class FoundDocument(NamedTuple):
    """A document, and its place in a file."""

    where: str
    document: Any


class ReadItem(NamedTuple):
    """One object of a document, with its kind and place."""

    where: str
    kind: str
    document: Doc


def cluster_of(
    found: Iterable[FoundDocument],
    observations: Iterable[Observation] = (),
    kinds: Iterable[str] = (),
    zone: str = "cluster.local",
) -> Cluster:
    """The cluster that documents describe.

    Args:
        kinds: kinds that were read completely, even if they have no objects.
    """
    documents: dict[Ref, Doc] = {}
    sources: dict[Ref, str] = {}
    faults: list[DocumentFault] = []
    read: dict[Ref, Member] = {}
    seen = set(kinds)
    for each in found:
        seen |= _listed_kind(each.document)
        for where, kind, document in _objects(each):
            ref = _ref(kind, document)
            if ref is None:
                faults.append(DocumentFault(where, f"a {kind or 'document'} without a name"))
                continue
            seen.add(kind)
            documents[ref], sources[ref] = _located(ref, document), where
            _decode(ref, documents[ref], where, read, faults)
    snapshot = ClusterSnapshot.of((*_implied_namespaces(documents), *read.values()))
    return Cluster(snapshot, documents, sources, frozenset(seen), tuple(faults), tuple(observations), zone)


def _listed_kind(document: Any) -> set[str]:
    """The kind that a typed list contains completely, even if it is empty."""
    kind = str(document.get("kind", "")) if isinstance(document, Mapping) else ""
    return {kind.removesuffix("List")} - {"", *NEVER_READ} if kind.endswith("List") else set()


def _objects(found: FoundDocument, depth: int = 0) -> Iterator[ReadItem]:
    """The objects of a document: itself, or the items of a list, which can omit their kind."""
    document = found.document
    if isinstance(document, list):  # such as ``jq .items`` makes of a list
        document = {"kind": "List", "items": document}
    if not isinstance(document, dict) or depth > MOST_LISTS:
        return
    kind = str(document.get("kind") or "")
    if not kind.endswith("List"):
        if kind not in NEVER_READ:
            yield ReadItem(found.where, kind, document)
        return
    for item in rows(document, "items"):
        own = item.get("kind") or kind.removesuffix("List")
        yield from _objects(FoundDocument(found.where, {**item, "kind": own}), depth + 1)


def _ref(kind: str, document: Doc) -> Ref | None:
    if not kind or not name_of(document):
        return None
    namespace = "" if kind in CLUSTER_SCOPED else namespace_of(document) or "default"
    return Ref(kind, namespace, name_of(document))


def _located(ref: Ref, document: Doc) -> Doc:
    """The document with its Namespace; without one, kubectl would apply it to ``default``."""
    if namespace_of(document) == ref.namespace:
        return document
    return {**document, "metadata": {**document["metadata"], "namespace": ref.namespace}}


def _decode(ref: Ref, document: Doc, where: str, read: dict[Ref, Member], faults: list[DocumentFault]) -> None:
    """Add an object to the snapshot if it can be read; any problem becomes a fault."""
    found = [*_add_object(ref, document, read)] or [*_misshapen(ref, document)]
    faults += [DocumentFault(where, f"{ref}: {problem}", ref) for problem in found[:1]]


def _add_object(ref: Ref, document: Doc, read: dict[Ref, Member]) -> Iterator[str]:
    type_ = KINDS.get(ref.kind)
    if type_ is None:
        return
    try:
        member = decoded(type_, document)
    except (ValueError, RecursionError) as error:
        yield str(error)
        return
    problems = [*problems_of(member)]
    # A policy's block that cannot be read allows nothing; the policy still isolates Pods.
    if not problems or isinstance(member, NetworkPolicy):
        read[ref] = member
    yield from problems


def _misshapen(ref: Ref, document: Doc) -> Iterator[str]:
    """Fields with a wrong type, of those that explanations read from the document itself."""
    try:
        if shape := SHAPES.get(ref.kind):
            decoded(shape, document)
    except (ValueError, RecursionError) as error:
        yield str(error)


def decoded(type_: type[T], document: Doc) -> T:
    """The slim object of a document.

    Nulls are rare, and a search for them costs more than all the rest, so it is made only if decoding fails.

    Raises:
        DecodeError: the document is not such an object.
    """
    try:
        return decode(type_, dict(document))
    except DecodeError:
        return decode(type_, without_nulls(document))


def without_nulls(value: Any) -> Any:
    """The value without null fields, which are equivalent to absent ones.

    Raises:
        DecodeError: it has more parts than an object can have: YAML's aliases can expand without limit.
    """
    return _copy(value, count(), 0)


def _copy(value: Any, parts: "count[int]", depth: int) -> Any:
    if next(parts) > MOST_PARTS or depth > DEEPEST:
        raise DecodeError("the object has no end")
    if isinstance(value, Mapping):
        return {key: _copy(each, parts, depth + 1) for key, each in value.items() if each is not None}
    return [_copy(each, parts, depth + 1) for each in value] if isinstance(value, list) else value


def _implied_namespaces(documents: Iterable[Ref]) -> list[Namespace]:
    """Namespaces that are only referred to: files rarely contain them."""
    listed = {ref.name for ref in documents if ref.kind == "Namespace"}
    mentioned = {ref.namespace for ref in documents} - {""} - listed
    return [decode(Namespace, {"metadata": {"name": name}}) for name in sorted(mentioned)]
