"""How a store is laid out in its file, and how older layouts become this one.

The file says which program and which layout it belongs to. A new store is made beside its place and moved there whole,
so an empty file at that place is never a store that was just begun.
"""

import os
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from fairlead.drivers.apiserver.store.checksums import Summary, checksum_of
from fairlead.drivers.apiserver.store.errors import StoreError
from fairlead.model.names import ObjectKey

APPLICATION_ID = 0x666C6472  # "fldr"
LAYOUT = 2
SUMMARIZED = 2  # the first layout with checksums
STORE = "store.sqlite"
LOG_SUFFIXES = ("-wal", "-shm", "-journal")

_IDENTITY = f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {LAYOUT};"
_SCHEMA = """
CREATE TABLE objects (
    resource TEXT NOT NULL,
    namespace TEXT NOT NULL,
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    document BLOB NOT NULL,
    checksum INTEGER NOT NULL,
    PRIMARY KEY (resource, namespace, name)
);
CREATE TABLE counter (
    version INTEGER NOT NULL,
    objects INTEGER NOT NULL,
    digest INTEGER NOT NULL,
    checksum INTEGER NOT NULL,
    refusals INTEGER NOT NULL
);
INSERT INTO counter VALUES (0, 0, 0, 0, 0);
"""
# From a layout to the next one: index 0 leads from layout 1 to 2.
_MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        "ALTER TABLE objects ADD COLUMN checksum INTEGER NOT NULL DEFAULT 0",
        "UPDATE objects SET checksum = checksum_of(resource, namespace, name, version, document)",
        "ALTER TABLE counter ADD COLUMN objects INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE counter ADD COLUMN digest INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE counter ADD COLUMN checksum INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE counter ADD COLUMN refusals INTEGER NOT NULL DEFAULT 0",
    ),
)
SET_SUMMARY = "UPDATE counter SET version = ?, objects = ?, digest = ?, checksum = ?"
PUT = "INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?, ?, ?)"
ALL_ROWS = "SELECT resource, namespace, name, version, document FROM objects"


class StoredRow(NamedTuple):
    """One stored object."""

    resource: str
    key: ObjectKey
    version: int
    document: bytes

    @property
    def checksum(self) -> int:
        return checksum_of(self.resource, *self.key, self.version, self.document)


def pragma(connection: sqlite3.Connection, name: str) -> int:
    """The number that a setting of the file has."""
    value: int = connection.execute(f"PRAGMA {name}").fetchone()[0]
    return value


def check_identity(connection: sqlite3.Connection, path: Path) -> int:
    """The layout of a file.

    Raises:
        StoreError: the file is not a store, or not one of this version or an older one.
    """
    layout = pragma(connection, "user_version")
    if pragma(connection, "application_id") != APPLICATION_ID:
        raise StoreError(f"{path} is not a Fairlead store; move it away or choose another data directory")
    if layout > LAYOUT:
        raise StoreError(
            f"{path} was written by a newer Fairlead (layout {layout}, this one knows {LAYOUT}); "
            "use that version, or restore a backup made by this one"
        )
    return layout


def migrate(connection: sqlite3.Connection, layout: int, told: Callable[[Summary], None]) -> None:
    """Bring a store of an older layout to this one, whole or not at all.

    Args:
        told: what the store holds, just before that is committed.
    """
    connection.create_function("checksum_of", 5, checksum_of, deterministic=True)
    connection.execute("BEGIN IMMEDIATE")
    for statement in (statement for step in _MIGRATIONS[layout - 1 :] for statement in step):
        connection.execute(statement)
    summary = _added_up(connection)
    set_summary(connection, summary)
    connection.execute(f"PRAGMA user_version = {LAYOUT}")
    told(summary)
    connection.execute("COMMIT")


def _added_up(connection: sqlite3.Connection) -> Summary:
    summary = Summary(connection.execute("SELECT version FROM counter").fetchone()[0])
    for (checksum,) in connection.execute("SELECT checksum FROM objects"):
        summary = summary.including(checksum)
    return summary


def set_summary(connection: sqlite3.Connection, summary: Summary) -> None:
    connection.execute(SET_SUMMARY, (*summary, summary.checksum))


def make_store(directory: Path, version: int = 0, rows: Iterable[StoredRow] = ()) -> Summary:
    """Make a store with these rows, and say what it holds; it appears in its place whole.

    Raises:
        OSError, sqlite3.Error: the disk is full or fails.
    """
    temporary = directory / f".{STORE}.{os.getpid()}"
    temporary.unlink(missing_ok=True)
    os.close(os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    with closing(sqlite3.connect(temporary)) as connection:
        connection.executescript(_IDENTITY + _SCHEMA)
        summary = Summary(version)
        for row in rows:
            connection.execute(PUT, (row.resource, *row.key, row.version, row.document, row.checksum))
            summary = summary.including(row.checksum)
        set_summary(connection, summary)
        connection.commit()
    os.replace(temporary, directory / STORE)
    sync_directory(directory)
    return summary


def sync_directory(directory: Path) -> None:
    """Flush the entries of a directory to disk."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
