"""Reads clusters from files, folders and archives: objects as JSON or YAML, and texts from nodes and Pods."""

from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath
from typing import Any

from fairlead.drivers.sources.archives import ArchivedFile, ClusterFileError, files_of
from fairlead.drivers.sources.documents import UNREADABLE, parse, split_logs
from fairlead.drivers.sources.uncollected import uncollected
from fairlead.explain.cluster import Cluster
from fairlead.explain.observations import IPSET, IPTABLES, LOG, NFT, NFT_JSON, Observation, kind_of
from fairlead.explain.reading import FoundDocument, cluster_of

_DOCUMENTS = (".yaml", ".yml", ".json")


def read_cluster_files(paths: Iterable[str], zone: str = "cluster.local") -> Cluster:
    """The cluster that files describe; ``-`` is standard input.

    Raises:
        SourceError: there is no such file, or one that was named cannot be read. What lies in folders and archives and
            cannot be read becomes a fault of the cluster instead: a dump is seldom clean.
    """
    found: list[FoundDocument] = []
    observations: list[Observation] = []
    with uncollected():
        for path in paths:
            for file in files_of(path):
                _sort(file, found, observations, is_named=path.startswith(file.where))
        return cluster_of(found, observations, zone=zone)


def _sort(file: ArchivedFile, found: list[FoundDocument], observations: list[Observation], *, is_named: bool) -> None:
    text, logs = split_logs(file.text)
    place = PurePosixPath(file.where).parts
    observations += [Observation(LOG, (each.namespace, each.pod), each.text, file.where) for each in logs]
    kind = kind_of(file.where, text)
    if kind is not None:
        observations.append(Observation(kind, place, text, file.where))
        return
    if not is_named and not file.where.endswith(_DOCUMENTS):
        return
    try:
        documents = parse(text)
    except UNREADABLE as error:
        if is_named:
            raise ClusterFileError(f"{file.where}: {error}") from error
        found.append(FoundDocument(file.where, {"kind": "document that is neither JSON nor YAML"}))
        return
    found += _placed(file.where, documents)


def _placed(where: str, documents: list[Any]) -> Iterator[FoundDocument]:
    for number, document in enumerate(documents, 1):
        yield FoundDocument(where if len(documents) == 1 else f"{where}, document {number}", document)


def read_rules_file(path: str) -> Observation:
    """The packet filter rules of a node, as a program printed them.

    Raises:
        SourceError: the file cannot be read, or holds no rules.
    """
    for file in files_of(path):
        kind = kind_of(file.where, file.text)
        if kind in (IPTABLES, IPSET, NFT, NFT_JSON):
            return Observation(kind, PurePosixPath(file.where).parts, file.text, file.where)
    raise ClusterFileError(f"{path}: neither iptables-save, ipset save nor nft list ruleset printed this")


__all__ = ["ClusterFileError", "read_cluster_files", "read_rules_file"]
