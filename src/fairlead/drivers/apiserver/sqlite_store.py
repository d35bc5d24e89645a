"""The API server's memory on disk: one SQLite file in WAL mode.

``synchronous=FULL`` makes every commit wait for the disk, so what has been acknowledged survives a power cut; a commit
carries as many writes as are waiting. The file says which program and which layout it belongs to; a newer layout or a
damaged file is refused at start, with a message that says what to do.
"""

import fcntl
import os
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from fairlead.model.names import ObjectKey
from fairlead.registry.store import Change

APPLICATION_ID = 0x666C6472  # "fldr"
LAYOUT = 1
STORE = "store.sqlite"

_SCHEMA = """
CREATE TABLE objects (
    resource TEXT NOT NULL,
    namespace TEXT NOT NULL,
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    document BLOB NOT NULL,
    PRIMARY KEY (resource, namespace, name)
);
CREATE TABLE counter (version INTEGER NOT NULL);
INSERT INTO counter VALUES (0);
"""
# From a layout to the next one: index 0 leads from layout 1 to 2.
_MIGRATIONS: tuple[str, ...] = ()

_PUT = "INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?, ?)"
_DELETE = "DELETE FROM objects WHERE resource = ? AND namespace = ? AND name = ?"


class StoreError(Exception):
    """The store cannot be opened or written; the message says why and what to do."""


class Row(NamedTuple):
    """One stored object."""

    resource: str
    key: ObjectKey
    version: int
    document: bytes


class SqliteStore:
    """One store, held by one process at a time. Used by one thread at a time."""

    def __init__(self, directory: Path) -> None:
        """Open the store in a directory, making it when there is none.

        Raises:
            StoreError: it is held by another process, belongs to another program or version, or is damaged.
        """
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path = directory / STORE
        self._lock = _lock(directory / "store.lock")
        try:
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600))
            self._connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
            self._open()
        except (sqlite3.Error, OSError) as error:
            raise self._failure("cannot be opened", error) from error

    def _open(self) -> None:
        # The identity is looked at before anything is written: the file might be somebody else's.
        identity = self._pragma("application_id"), self._pragma("user_version")
        empty = self._connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0
        if not empty and identity[0] != APPLICATION_ID:
            raise StoreError(f"{self._path} is not a Fairlead store; move it away or choose another data directory")
        if identity[1] > LAYOUT:
            raise StoreError(
                f"{self._path} was written by a newer Fairlead (layout {identity[1]}, this one knows {LAYOUT}); "
                "use that version, or restore a backup made by this one"
            )
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        if empty:
            self._run_script(f"PRAGMA application_id = {APPLICATION_ID};{_SCHEMA}", LAYOUT)
        for layout in range(identity[1] if not empty else LAYOUT, LAYOUT):
            self._run_script(_MIGRATIONS[layout - 1], layout + 1)
        fault = self._connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if fault != "ok":
            raise sqlite3.DatabaseError(fault)

    def _pragma(self, name: str) -> int:
        value: int = self._connection.execute(f"PRAGMA {name}").fetchone()[0]
        return value

    def _run_script(self, script: str, layout: int) -> None:
        self._connection.executescript(f"BEGIN;{script}PRAGMA user_version = {layout};COMMIT;")

    def load(self) -> tuple[int, Iterator[Row]]:
        """The version of the last change, and all objects.

        Raises:
            StoreError: it cannot be read.
        """
        try:
            version = self._connection.execute("SELECT version FROM counter").fetchone()[0]
            rows = self._connection.execute("SELECT resource, namespace, name, version, document FROM objects")
        except sqlite3.Error as error:
            raise self._failure("cannot be read", error) from error
        return version, (Row(r[0], ObjectKey(r[1], r[2]), r[3], r[4]) for r in rows)

    def write(self, changes: Iterable[Change]) -> None:
        """Make changes durable, all of them or none.

        Raises:
            StoreError: the disk is full or fails; nothing has been written.
        """
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            version = 0
            for change in changes:
                version = change.version
                if change.deleted:
                    self._connection.execute(_DELETE, (change.resource, *change.key))
                else:
                    self._connection.execute(_PUT, (change.resource, *change.key, version, change.after.document))
            self._connection.execute("UPDATE counter SET version = ?", (version,))
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise self._failure("cannot be written", error) from error

    def close(self) -> None:
        self._connection.close()
        os.close(self._lock)

    def _failure(self, what: str, error: Exception) -> StoreError:
        return StoreError(f"the store {self._path} {what}: {error}")


def _lock(path: Path) -> int:
    """Hold the store for this process; the kernel lets go of it however the process ends."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise StoreError(f"{path.parent} is in use by another API server") from error
    return descriptor


def copy_store(directory: Path, file: Path) -> None:
    """Copy the store in a directory to a new file, as it is at one moment; a server may be writing to it.

    Raises:
        StoreError: there is no store, the file exists, or the disk fails; no half-written file is left.
    """
    source = directory / STORE
    if not source.exists():
        raise StoreError(f"there is no store in {directory}")
    if file.exists():
        raise StoreError(f"{file} exists already; choose another name")
    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        _copy_pages(source, temporary)
        os.replace(temporary, file)
    except (sqlite3.Error, OSError) as error:
        temporary.unlink(missing_ok=True)
        raise StoreError(f"{source} cannot be copied to {file}: {error}") from error


def _copy_pages(source: Path, target: Path) -> None:
    with (
        closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True)) as reader,
        closing(sqlite3.connect(target)) as writer,
    ):
        reader.backup(writer)
        # One file is the whole copy: nothing of it stays in a log beside it.
        writer.execute("PRAGMA journal_mode = DELETE")


def restore_store(file: Path, directory: Path) -> None:
    """Put a copied store in place of what a directory holds, which is kept as ``store.sqlite.replaced``.

    Raises:
        StoreError: the file is no store of this version, a server is running there, or the disk fails.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = _lock(directory / "store.lock")
    try:
        with tempfile.TemporaryDirectory(dir=directory) as folder:
            candidate = Path(folder)
            _copy_pages(file, candidate / STORE)
            SqliteStore(candidate).close()
            if (directory / STORE).exists():
                _copy_pages(directory / STORE, directory / f"{STORE}.replaced")
            for leftover in (f"{STORE}-wal", f"{STORE}-shm"):
                (directory / leftover).unlink(missing_ok=True)
            os.replace(candidate / STORE, directory / STORE)
    except (sqlite3.Error, OSError) as error:
        raise StoreError(f"{file} cannot be restored to {directory}: {error}") from error
    finally:
        os.close(lock)
