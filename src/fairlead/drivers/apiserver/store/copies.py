"""Backups of a store, and how one is put back.

Every file is the owner's alone, whatever the umask and the folder's owner.
"""

import os
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

from fairlead.drivers.apiserver.store.checksums import Summary
from fairlead.drivers.apiserver.store.errors import StoreError
from fairlead.drivers.apiserver.store.examination import examine_file, read_only
from fairlead.drivers.apiserver.store.layout import LOG_SUFFIXES, STORE, sync_directory
from fairlead.drivers.apiserver.store.lock import locked
from fairlead.drivers.apiserver.store.mark import MarkFile, StoreMark


def copy_store(directory: Path, file: Path) -> None:
    """Copy the store in a directory to a new file, as it is at one moment; a server may be writing to it.

    Raises:
        StoreError: there is no store, it is damaged, the file exists, or the disk fails; no half-written file is left.
    """
    source = directory / STORE
    if not source.exists():
        raise StoreError(f"there is no store in {directory}")
    if file.exists():
        raise StoreError(f"{file} exists already; choose another name")
    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        _copy_pages(source, temporary)
        examine_file(temporary)
        os.replace(temporary, file)
    except (sqlite3.Error, OSError) as error:
        raise StoreError(f"{source} cannot be copied to {file}: {error}") from error
    finally:
        temporary.unlink(missing_ok=True)


def _copy_pages(source: Path, target: Path) -> None:
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    with read_only(source) as reader, closing(sqlite3.connect(target)) as writer:
        reader.backup(writer)
        # One file is the whole copy: nothing of it stays in a log beside it.
        writer.execute("PRAGMA journal_mode = DELETE")


def restore_store(file: Path, directory: Path) -> None:
    """Put a copied store in place of what a directory holds, which is kept as ``store.sqlite.replaced``.

    Raises:
        StoreError: the file is no store of this version or is damaged, a server is running there, or the disk fails.
    """
    try:
        with locked(directory), tempfile.TemporaryDirectory(dir=directory) as folder:
            candidate = Path(folder) / STORE
            _copy_pages(file, candidate)
            summary = examine_file(candidate)
            # The mark first: should this end half-way, the folder is refused and not taken for a new one.
            MarkFile(directory, StoreMark(summary or Summary())).close()
            set_aside(directory, "replaced")
            os.replace(candidate, directory / STORE)
            sync_directory(directory)
    except (sqlite3.Error, OSError) as error:
        raise StoreError(f"{file} cannot be restored to {directory}: {error}") from error


def set_aside(directory: Path, suffix: str) -> Path | None:
    """Rename a store and its log, so that they are still a store together, in place of what was set aside before.

    Returns: where the store is now; None when there was none.
    """
    aside = directory / f"{STORE}.{suffix}"
    for part in ("", *LOG_SUFFIXES):
        old, new = directory / f"{STORE}{part}", Path(f"{aside}{part}")
        new.unlink(missing_ok=True)
        if old.exists():
            os.replace(old, new)
            new.chmod(0o600)
    return aside if aside.exists() else None
