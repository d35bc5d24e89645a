"""What this machine has for Pods."""

import os


def allocatable() -> dict[str, str]:
    """CPUs and memory, as quantities; nothing is kept back for the machine itself."""
    kibibytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 1024
    return {"cpu": str(os.cpu_count()), "memory": f"{kibibytes}Ki"}
