"""One process at a time has a store."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fairlead.drivers.apiserver.store.errors import StoreInUse


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Hold the store in a directory, which is made if need be, for a while.

    Raises:
        StoreInUse: another process has it.
        OSError: the directory cannot be used.
    """
    descriptor = take_lock(directory)
    try:
        yield
    finally:
        os.close(descriptor)


def take_lock(directory: Path) -> int:
    """The descriptor that holds the store; the kernel lets go of it however the process ends.

    Raises:
        StoreInUse: another process has it.
        OSError: the directory cannot be used.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(directory / "store.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise StoreInUse(f"{directory} is in use by another API server") from error
    return descriptor
