"""The resources of this machine for Pods."""

import os
from pathlib import Path


def allocatable() -> dict[str, str]:
    """CPUs and memory, as quantities; nothing is kept back for the machine itself."""
    kibibytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 1024
    return {"cpu": str(os.cpu_count()), "memory": f"{kibibytes}Ki"}


def storage_of(folder: Path) -> str:
    """The size of the file system that a folder is on, or will be made on, as a quantity."""
    while not folder.exists():
        folder = folder.parent
    found = os.statvfs(folder)
    return f"{found.f_frsize * found.f_blocks // 1024}Ki"
