"""Removes folders even if their modes forbid it, without following links."""

import os
import shutil
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any


def remove_tree(folder: Path) -> int:
    """Remove a folder with all that is in it, if it is there; octets that were freed.

    Raises:
        OSError: something cannot be removed: it belongs to another user.
    """
    if not folder.exists():
        return 0
    freed = 0
    for parent, folders, files in os.walk(folder):
        for name in files:
            with suppress(FileNotFoundError):
                freed += os.lstat(os.path.join(parent, name)).st_blocks * 512
        for name in folders:
            _open_up(os.path.join(parent, name))
    shutil.rmtree(folder, onerror=_again)
    return freed


def _open_up(path: str) -> None:
    """Give us access to our own folder although its mode denies it."""
    with suppress(OSError):
        mode = os.lstat(path).st_mode
        if stat.S_ISDIR(mode) and mode & stat.S_IRWXU != stat.S_IRWXU:
            os.chmod(path, 0o700)


def _again(function: Callable[..., Any], path: str, error: Any) -> None:
    if not isinstance(error[1], FileNotFoundError):
        raise error[1]
