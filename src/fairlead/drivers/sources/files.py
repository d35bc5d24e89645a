"""Reads files, folders and archives: ``kubectl get -o yaml|json``, trees of ``cluster-info dump``, texts from nodes.

Archives are read in place and never unpacked, so no member's name can lead anywhere; a bound on what is read keeps a
small archive from filling the memory.
"""

import sys
import tarfile
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import msgspec
import yaml

from fairlead.drivers.sources.uncollected import uncollected
from fairlead.explain.cluster import Cluster
from fairlead.explain.observations import IPSET, IPTABLES, NFT, NFT_JSON, Observation, kind_of
from fairlead.explain.reading import Found, cluster_of

MOST_BYTES = 2 << 30  # of all that is read
MOST_OF_A_FILE = 1 << 30
_DOCUMENTS = (".yaml", ".yml", ".json")
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class SourceError(ValueError):
    """A file that cannot be read; the message names it."""


class _File(NamedTuple):
    where: str
    data: bytes


def read_cluster_files(paths: Iterable[str], zone: str = "cluster.local") -> Cluster:
    """The cluster that files describe; ``-`` is standard input.

    Raises:
        SourceError: there is no such file, or one that was named cannot be read. What lies in folders and archives and
            cannot be read becomes a fault of the cluster instead: a dump is seldom clean.
    """
    found: list[Found] = []
    observations: list[Observation] = []
    with uncollected():
        for path in paths:
            for file in _files(path):
                _sort(file, found, observations, is_named=file.where == path)
        return cluster_of(found, observations, zone=zone)


def _sort(file: _File, found: list[Found], observations: list[Observation], *, is_named: bool) -> None:
    text = file.data.decode(errors="replace")
    kind = kind_of(file.where, text)
    if kind is not None:
        observations.append(Observation(kind, PurePosixPath(file.where).parts, text, file.where))
        return
    if not is_named and not file.where.endswith(_DOCUMENTS):
        return
    try:
        documents = _parse(text)
    except (yaml.YAMLError, msgspec.DecodeError, RecursionError) as error:
        if is_named:
            raise SourceError(f"{file.where}: {error}") from error
        found.append(Found(file.where, {"kind": "document that is neither JSON nor YAML"}))
        return
    found += _placed(file.where, documents)


def _placed(where: str, documents: list[Any]) -> Iterator[Found]:
    for number, document in enumerate(documents, 1):
        yield Found(where if len(documents) == 1 else f"{where}, document {number}", document)


def _parse(text: str) -> list[Any]:
    if text.lstrip().startswith("{"):
        try:
            return [msgspec.json.decode(text)]
        except msgspec.DecodeError:
            pass  # several documents, or YAML in braces
    return [document for document in yaml.load_all(text, Loader=_LOADER) if document is not None]


def _files(path: str) -> Iterator[_File]:
    """A file, or every file below a folder or in an archive, in order of name."""
    if path == "-":
        yield _File("-", sys.stdin.buffer.read())
        return
    root, budget = Path(path), _Budget()
    try:
        if root.is_dir():
            for file in sorted(p for p in root.rglob("*") if p.is_file() and not _is_hidden(p.relative_to(root))):
                yield _File(str(file), budget.spend(str(file), file.read_bytes()))
        elif tarfile.is_tarfile(root):
            yield from _tar(root, budget)
        elif zipfile.is_zipfile(root):
            yield from _zip(root, budget)
        else:
            yield _File(path, budget.spend(path, root.read_bytes()))
    except (OSError, tarfile.TarError, zipfile.BadZipFile, EOFError) as error:
        raise SourceError(f"{path}: {getattr(error, 'strerror', None) or error}") from error


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


class _Budget:
    """How much may still be read."""

    def __init__(self) -> None:
        self._left = MOST_BYTES

    def allow(self, where: str, size: int) -> None:
        if size > min(self._left, MOST_OF_A_FILE):
            raise SourceError(f"{where}: more than {MOST_OF_A_FILE >> 20} MiB, or too much with what came before")

    def spend(self, where: str, data: bytes) -> bytes:
        self.allow(where, len(data))
        self._left -= len(data)
        return data


def _tar(root: Path, budget: _Budget) -> Iterator[_File]:
    with tarfile.open(root) as archive:
        for member in archive:
            where = f"{root}/{member.name}"
            file = archive.extractfile(member) if member.isreg() else None
            if file is not None:
                budget.allow(where, member.size)
                yield _File(where, budget.spend(where, file.read()))


def _zip(root: Path, budget: _Budget) -> Iterator[_File]:
    with zipfile.ZipFile(root) as archive:
        for member in archive.infolist():
            where = f"{root}/{member.filename}"
            if not member.is_dir():
                budget.allow(where, member.file_size)
                yield _File(where, budget.spend(where, archive.read(member)))


def read_rules_file(path: str) -> Observation:
    """The packet filter rules of a node, as a program printed them.

    Raises:
        SourceError: the file cannot be read, or holds no rules.
    """
    for file in _files(path):
        text = file.data.decode(errors="replace")
        kind = kind_of(file.where, text)
        if kind in (IPTABLES, IPSET, NFT, NFT_JSON):
            return Observation(kind, PurePosixPath(file.where).parts, text, file.where)
    raise SourceError(f"{path}: neither iptables-save, ipset save nor nft list ruleset printed this")
