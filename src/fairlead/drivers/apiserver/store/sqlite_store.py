"""The store as the server uses it: opened once, read once, then written to.

``synchronous=FULL`` makes every commit wait for the disk, so what has been acknowledged survives a power cut; a commit
carries as many writes as are waiting.
"""

import logging
import os
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path

from fairlead.drivers.apiserver.store.checksums import Summary
from fairlead.drivers.apiserver.store.errors import StoreError
from fairlead.drivers.apiserver.store.examination import examine, has_store
from fairlead.drivers.apiserver.store.layout import (
    ALL_ROWS,
    PUT,
    STORE,
    StoredRow,
    make_store,
    migrate,
    pragma,
    set_summary,
)
from fairlead.drivers.apiserver.store.lock import take_lock
from fairlead.drivers.apiserver.store.mark import MarkFile, StoreMark
from fairlead.drivers.apiserver.store.reserve import Reserve
from fairlead.model.names import ObjectKey
from fairlead.registry.store import Change

_CHECKSUM = "SELECT checksum FROM objects WHERE resource = ? AND namespace = ? AND name = ?"
_DELETE = "DELETE FROM objects WHERE resource = ? AND namespace = ? AND name = ?"

log = logging.getLogger(__name__)


class SqliteStore:
    """One store, held by one process at a time. Used by one thread at a time."""

    def __init__(self, directory: Path) -> None:
        """Open the store in a directory, making it when there is none.

        Raises:
            StoreDamaged: it is not what was acknowledged.
            StoreError: it is held by another process, belongs to another program or version, or the disk fails.
        """
        self._path = directory / STORE
        self._has_refused = False  # whether something may be in the log that was refused
        self.is_full = False
        try:
            self._lock = take_lock(directory)
        except OSError as error:
            raise self._failure("cannot be opened", error) from error
        try:
            self._open(directory)
        except (sqlite3.Error, OSError) as error:
            os.close(self._lock)
            raise self._failure("cannot be opened", error) from error
        except StoreError:
            os.close(self._lock)
            raise

    def _open(self, directory: Path) -> None:
        if not has_store(directory):
            make_store(directory)
        summary = examine(directory)
        self._connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        if summary is None:
            marks: list[MarkFile] = []
            migrate(
                self._connection,
                pragma(self._connection, "user_version"),
                lambda found: marks.append(MarkFile(directory, StoreMark(found))),
            )
            summary, self._mark = marks[0].summary, marks[0]
        else:
            self._mark = MarkFile(directory, StoreMark(summary))
        self._summary = summary
        self._reserve = Reserve(directory)

    def trouble(self) -> str:
        """Why nothing new can be written; empty when it can. Looks whether a full disk has room again."""
        if self.is_full and self._reserve.restore():
            self.is_full = False
        return "the disk is full" if self.is_full else "the disk fails" if self._has_refused else ""

    def load(self) -> tuple[int, Iterator[StoredRow]]:
        """The version of the last change, and all objects.

        Raises:
            StoreError: it cannot be read; from the iterator too.
        """
        return self._summary.version, self._rows()

    def _rows(self) -> Iterator[StoredRow]:
        try:
            for resource, namespace, name, version, document in self._connection.execute(ALL_ROWS):
                yield StoredRow(resource, ObjectKey(namespace, name), version, document)
        except sqlite3.Error as error:
            raise self._failure("cannot be read", error) from error

    def write(self, changes: Iterable[Change]) -> None:
        """Make changes durable, all of them or none.

        Raises:
            StoreError: the disk is full or fails; nothing has been written.
        """
        try:
            if self._has_refused:
                self._overwrite_refused()
            self._summary = self._commit(changes)
        except sqlite3.Error as error:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            self._undo(error)
            raise self._failure("cannot be written", error) from error
        self._remember(StoreMark(self._summary))

    def _commit(self, changes: Iterable[Change]) -> Summary:
        summary = self._summary
        self._connection.execute("BEGIN IMMEDIATE")
        for change in changes:
            summary = self._apply(change, summary._replace(version=change.version))
        set_summary(self._connection, summary)
        self._connection.execute("COMMIT")
        return summary

    def _apply(self, change: Change, summary: Summary) -> Summary:
        place = (change.resource, *change.key)
        if before := self._connection.execute(_CHECKSUM, place).fetchone():
            summary = summary.without(before[0])
        if change.deleted:
            self._connection.execute(_DELETE, place)
            return summary
        row = StoredRow(change.resource, change.key, change.version, change.after.document)
        checksum = row.checksum
        self._connection.execute(PUT, (*place, row.version, row.document, checksum))
        return summary.including(checksum)

    def _undo(self, error: sqlite3.Error) -> None:
        """Ensure that a refused commit does not reappear after a restart.

        When the disk refuses to flush a commit, its frames are in the log already, complete, and the next process to
        read the log would take them for written. A commit that changes no object takes their place in the file; if that
        fails to be flushed as well, it has still taken it. A full disk never had the last frame.
        """
        if error.sqlite_errorcode == sqlite3.SQLITE_FULL:
            self.is_full = True
            self._reserve.release()
            return
        self._has_refused = True
        self._remember(StoreMark(self._summary, is_suspect=True))
        try:
            self._overwrite_refused()
        except sqlite3.Error as another:
            log.error("%s", self._failure("cannot be written", another))

    def _overwrite_refused(self) -> None:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            # A row that is given the values that it has is not written at all.
            self._connection.execute("UPDATE counter SET refusals = refusals + 1")
            self._connection.execute("COMMIT")
        except sqlite3.Error:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise
        self._has_refused = False
        self._remember(StoreMark(self._summary))

    def _remember(self, mark: StoreMark) -> None:
        try:
            self._mark.write(mark)
        except OSError as error:  # what is committed is; only a later loss would be found out less surely
            log.error("the mark beside %s cannot be written: %s", self._path, error)

    def close(self) -> None:
        self._connection.close()
        self._mark.close()
        os.close(self._lock)

    def _failure(self, what: str, error: Exception) -> StoreError:
        return StoreError(f"the store {self._path} {what}: {error}")
