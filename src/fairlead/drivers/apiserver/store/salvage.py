"""Going on with what is intact of a damaged store, when its owner accepts the loss."""

import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from fairlead.drivers.apiserver.store.checksums import checksum_of
from fairlead.drivers.apiserver.store.copies import set_aside
from fairlead.drivers.apiserver.store.errors import StoreDamaged, StoreError
from fairlead.drivers.apiserver.store.examination import examine, has_store, is_document, is_intact, named, read_only
from fairlead.drivers.apiserver.store.layout import STORE, SUMMARIZED, StoredRow, make_store, pragma, sync_directory
from fairlead.drivers.apiserver.store.lock import locked
from fairlead.drivers.apiserver.store.mark import MarkFile, StoreMark, read_mark
from fairlead.model.names import ObjectKey

# From both ends: a page that cannot be read hides what is behind it from one side only.
_SCANS = (" ORDER BY rowid", " ORDER BY rowid DESC")
_OLD_ROWS = "SELECT resource, namespace, name, version, document FROM objects"
_ROWS = "SELECT resource, namespace, name, version, document, checksum FROM objects"
_TOLD = 20  # names of lost objects


class Salvage(NamedTuple):
    """The result of a salvage.

    Attributes:
        expected: how many objects there were when a change was last acknowledged; None if nothing says so.
        lost: names of objects that are known to be damaged.
        aside: where the damaged store is kept; None when there was no file.
    """

    damage: str
    kept: int
    expected: int | None
    lost: tuple[str, ...]
    aside: Path | None

    def __str__(self) -> str:
        of = "" if self.expected is None else f" of {self.expected}"
        names = ", ".join(self.lost[:_TOLD]) + (" and others" if len(self.lost) > _TOLD else "")
        lost = f"; damaged: {names}" if names else ""
        aside = f"; the damaged store is kept as {self.aside}" if self.aside else ""
        return f"kept {self.kept}{of} objects{lost}{aside}"


def salvage_store(directory: Path) -> Salvage | None:
    """Replace a damaged store by one of its intact rows; None when nothing is damaged.

    Versions go on above all that were ever told, so that no client takes a new object for one that it knows.

    Raises:
        StoreError: it is in use, it is not a store of this version, or the disk fails.
    """
    try:
        with locked(directory):
            if not has_store(directory):
                return None
            try:
                examine(directory)
            except StoreDamaged as damage:
                return _salvage(directory, str(damage))
        return None
    except (sqlite3.Error, OSError) as error:
        raise StoreError(f"{directory} cannot be salvaged: {error}") from error


def _salvage(directory: Path, damage: str) -> Salvage:
    mark = None
    with suppress(StoreDamaged):
        mark = read_mark(directory)
    intact, lost = _sorted_out(directory / STORE)
    versions = [row.version for row in intact.values()]
    version = 1 + max([*versions, mark.summary.version if mark else 0])
    with tempfile.TemporaryDirectory(dir=directory) as folder:
        summary = make_store(Path(folder), version, intact.values())
        # The mark first: should this end half-way, the folder is refused and not taken for a new one.
        MarkFile(directory, StoreMark(summary)).close()
        aside = set_aside(directory, "damaged")
        os.replace(Path(folder) / STORE, directory / STORE)
    sync_directory(directory)
    return Salvage(damage, len(intact), mark.summary.objects if mark else None, lost, aside)


def _sorted_out(path: Path) -> tuple[dict[tuple[str, ObjectKey], StoredRow], tuple[str, ...]]:
    intact: dict[tuple[str, ObjectKey], StoredRow] = {}
    lost: dict[str, None] = {}
    for columns in _readable(path):
        resource, namespace, name, version, document, _ = columns
        if _is_whole(columns):
            intact[resource, ObjectKey(namespace, name)] = StoredRow(
                resource, ObjectKey(namespace, name), version, document
            )
        else:
            lost[named(columns)] = None
    return intact, tuple(lost)


def _readable(path: Path) -> Iterator[tuple[Any, ...]]:
    """Every row that SQLite can read, some of them twice; the checksums of an older layout are made up."""
    if not path.exists() or not path.stat().st_size:
        return
    for scan in _SCANS:
        with suppress(sqlite3.Error, ValueError, OverflowError), read_only(path) as connection:
            has_checksums = pragma(connection, "user_version") >= SUMMARIZED
            for row in connection.execute((_ROWS if has_checksums else _OLD_ROWS) + scan):
                yield row if has_checksums else (*row, checksum_of(*row))


def _is_whole(columns: tuple[Any, ...]) -> bool:
    *names, version, document, _ = columns
    is_typed = all(isinstance(name, str) for name in names) and isinstance(version, int) and version > 0
    return is_typed and is_intact(columns) and is_document(document)
