"""Which images labs use: each lab holds a lock while it can start containers of an image."""

import fcntl
import os
from pathlib import Path

USED = "used"


def hold(store: Path, manifest: str) -> int:
    """A descriptor that marks an image as used while it is open."""
    folder = store / USED
    folder.mkdir(mode=0o700, exist_ok=True)
    fd = os.open(folder / manifest, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(fd, fcntl.LOCK_SH)
    return fd


def is_used(store: Path, manifest: str) -> bool:
    """Whether any lab uses an image."""
    try:
        fd = os.open(store / USED / manifest, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False
