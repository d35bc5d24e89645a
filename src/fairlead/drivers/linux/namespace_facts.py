"""Kernel settings that decide whether this process can create namespaces."""

import os
from collections.abc import Iterable
from pathlib import Path

_CAP_SYS_ADMIN = 1 << 21  # linux/capability.h
_FILTER = "2"  # SECCOMP_MODE_FILTER


def namespace_facts(sysctls: Iterable[str]) -> tuple[dict[str, str], bool, bool, bool]:
    """The values of sysctls by path, those that there are; whether seccomp filters this process's system calls; whether
    it is root's; and whether it has CAP_SYS_ADMIN."""
    found = {}
    for name in sysctls:
        try:
            found[name] = Path("/proc/sys", name).read_text().strip()
        except OSError:
            continue
    status = dict(line.split(":\t", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":\t" in line)
    has_admin = bool(int(status.get("CapEff", "0"), 16) & _CAP_SYS_ADMIN)
    return found, status.get("Seccomp") == _FILTER, os.geteuid() == 0, has_admin
