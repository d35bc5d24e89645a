"""The secret from which a page's token follows: kept in a private folder, so that an open page outlives a restart."""

import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path

NAME = ".ui-key"
_BYTES = 32


def kept_key(folder: Path) -> bytes:
    """The key in this folder, made if need be; one that others could have read or written is replaced.

    Raises:
        OSError: the folder cannot be written to.
    """
    path = folder / NAME
    with suppress(OSError):
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            if _is_ours(os.fstat(fd)) and len(key := os.read(fd, _BYTES + 1)) == _BYTES:
                return key
        finally:
            os.close(fd)
    return _create(path)


def _is_ours(status: os.stat_result) -> bool:
    return stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid() and not status.st_mode & 0o077


def _create(path: Path) -> bytes:
    key = secrets.token_bytes(_BYTES)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        os.write(fd, key)
    finally:
        os.close(fd)
    os.replace(draft, path)
    return key
