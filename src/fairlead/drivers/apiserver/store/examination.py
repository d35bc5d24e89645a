"""Whether a store is what was acknowledged; looked at without writing a byte of it.

The connection is read-only: SQLite then reads its write-ahead log without emptying it, so what a damaged log still
holds stays there to be looked into.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec

from fairlead.drivers.apiserver.store.checksums import Summary, checksum_of
from fairlead.drivers.apiserver.store.errors import StoreDamaged
from fairlead.drivers.apiserver.store.layout import LOG_SUFFIXES, STORE, SUMMARIZED, check_identity
from fairlead.drivers.apiserver.store.mark import MARK, StoreMark, read_mark

_ROWS = "SELECT resource, namespace, name, version, document, checksum FROM objects"
_OLD_ROWS = "SELECT resource, namespace, name, version, document, NULL FROM objects"


@contextmanager
def read_only(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that leaves the file and its log as they are."""
    with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, isolation_level=None)) as connection:
        yield connection


def has_store(directory: Path) -> bool:
    """Whether there is a store, or what is left of one."""
    names = (STORE, MARK, *(STORE + suffix for suffix in LOG_SUFFIXES))
    return any((directory / name).exists() for name in names)


def examine(directory: Path) -> Summary | None:
    """The content of the store in a directory; None for a layout without checksums.

    Raises:
        StoreDamaged: it is not what was acknowledged.
        StoreError: it is not a store, or a newer one.
        OSError: the disk fails.
    """
    path, mark = directory / STORE, read_mark(directory)
    reached = f"; {MARK} says that it reached version {mark.summary.version}" if mark else ""
    if not path.exists():
        raise StoreDamaged(path, f"the file is missing{reached}")
    if path.stat().st_size == 0:
        raise StoreDamaged(path, f"the file is empty (0 bytes){reached}")
    summary = examine_file(path)
    if summary is not None:
        _compare(path, summary, mark)
    return summary


def examine_file(path: Path) -> Summary | None:
    """Like ``examine``, for one file without a mark."""
    try:
        with read_only(path) as connection:
            layout = check_identity(connection, path)
            fault = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
            if fault != "ok":
                raise StoreDamaged(path, fault)
            return _added_up(path, connection, layout)
    except (sqlite3.Error, ValueError, TypeError, OverflowError) as error:
        raise StoreDamaged(path, str(error)) from error


def _added_up(path: Path, connection: sqlite3.Connection, layout: int) -> Summary | None:
    """The summary of the rows, each of which is what it was when it was written."""
    if layout < SUMMARIZED:
        for row in connection.execute(_OLD_ROWS):
            _check_readable(path, row)
        return None
    *summary, checksum = connection.execute("SELECT version, objects, digest, checksum FROM counter").fetchone()
    told = Summary(*summary)
    if checksum != told.checksum:
        raise StoreDamaged(path, "the number of its last change is not what was written")
    found = Summary(told.version)
    for row in connection.execute(_ROWS):
        if not is_intact(row):
            raise StoreDamaged(path, f"{named(row)} is not what was written")
        found = found.including(row[-1])
    if found != told:
        raise StoreDamaged(path, f"it holds {found.objects} objects that are not the {told.objects} that were written")
    return told


def is_intact(row: tuple[Any, ...]) -> bool:
    """Whether a row's columns are those of its last one, the checksum."""
    return bool(checksum_of(*row[:-1]) == row[-1])


def named(row: tuple[Any, ...]) -> str:
    """An object, for people."""
    resource, namespace, name = (str(column)[:253] for column in row[:3])
    return f"{resource} {namespace}/{name}" if namespace else f"{resource} {name}"


def is_document(content: Any) -> bool:
    """Whether the content of a row is an object's JSON."""
    try:
        return isinstance(msgspec.json.decode(content)["metadata"], dict)
    except (msgspec.DecodeError, KeyError, TypeError, ValueError):
        return False


def _check_readable(path: Path, row: tuple[Any, ...]) -> None:
    if not is_document(row[4]):
        raise StoreDamaged(path, f"{named(row)} is no document")


def _compare(path: Path, summary: Summary, mark: StoreMark | None) -> None:
    if mark is None:
        if summary.version:
            raise StoreDamaged(path, f"{MARK} is missing, which says what was acknowledged")
        return
    if summary.version < mark.summary.version:
        raise StoreDamaged(
            path,
            f"changes were acknowledged up to version {mark.summary.version}, but it reaches only version "
            f"{summary.version}; the end of its write-ahead log is missing or damaged",
        )
    if summary.version == mark.summary.version and summary != mark.summary:
        raise StoreDamaged(path, f"it holds something else at version {summary.version} than was acknowledged")
    if mark.is_suspect and summary.version > mark.summary.version:
        raise StoreDamaged(
            path,
            f"the disk failed after version {mark.summary.version}, and changes that were refused then may be in it",
        )
