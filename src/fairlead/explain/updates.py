"""A cluster's next state, from the previous one and the changed objects."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from fairlead.explain.cluster import Cluster, DocumentFault, Ref
from fairlead.explain.reading import FoundDocument, cluster_of, decoded
from fairlead.model.decode import KINDS, DecodeError
from fairlead.model.document import Doc
from fairlead.model.snapshot import ClusterSnapshot

_MANY = 500  # changes; from there on a full rebuild is cheaper

Changes = Mapping[Ref, Doc | None]  # None for what has been deleted


def updated(cluster: Cluster, changes: Changes, kinds: Iterable[str], where: str) -> Cluster:
    """The cluster after these changes; the cost depends on their number, beside two copies of tables.

    Args:
        kinds: those completely read by now.
        where: the changes were read.
    """
    documents, sources = dict(cluster.documents), dict(cluster.sources)
    for ref, document in changes.items():
        if document is None:
            documents.pop(ref, None)
            sources.pop(ref, None)
        else:
            documents[ref], sources[ref] = document, where
    if len(changes) >= _MANY or not cluster.documents:
        found = (FoundDocument(sources[ref], {**document, "kind": ref.kind}) for ref, document in documents.items())
        whole = cluster_of(found, cluster.observations, kinds, cluster.zone)
        return replace(whole, kinds=frozenset(kinds))
    snapshot, faults = cluster.snapshot, [f for f in cluster.faults if f.ref not in changes]
    for ref in changes.keys() & _typed(changes):
        snapshot = _stepped(snapshot, ref, cluster.documents.get(ref), changes[ref], where, faults)
    return replace(
        cluster, snapshot=snapshot, documents=documents, sources=sources, kinds=frozenset(kinds), faults=tuple(faults)
    )


def _typed(changes: Changes) -> set[Ref]:
    return {ref for ref in changes if ref.kind in KINDS}


def _stepped(
    snapshot: ClusterSnapshot, ref: Ref, old: Doc | None, new: Doc | None, where: str, faults: list[DocumentFault]
) -> ClusterSnapshot:
    if new is not None:
        try:
            return snapshot.with_object(decoded(KINDS[ref.kind], new))
        except (DecodeError, RecursionError) as error:
            faults.append(DocumentFault(where, f"{ref}: {error}", ref))
    if old is None:
        return snapshot
    try:
        return snapshot.without_object(decoded(KINDS[ref.kind], old))
    except (DecodeError, RecursionError):
        return snapshot  # it has never been in it
