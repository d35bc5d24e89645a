"""Reads and writes kernel settings, and only of a network namespace that is this process's own to configure."""

import fcntl
import logging
import os
from collections.abc import Mapping
from pathlib import Path

NS_GET_USERNS = 0xB701  # ioctl_ns(2)
_SYSCTLS = Path("/proc/sys")

log = logging.getLogger(__name__)


def owns_network() -> bool:
    """Whether this network namespace belongs to this user namespace: a whole host's, or one made for this proxy."""
    try:
        with open("/proc/self/ns/net") as network:
            owner = fcntl.ioctl(network, NS_GET_USERNS)
    except OSError:
        return False  # its owner lies outside of what this process may know of
    try:
        return os.path.samestat(os.fstat(owner), os.stat("/proc/self/ns/user"))
    finally:
        os.close(owner)


def read_sysctl(path: str) -> str:
    """A setting as text, "" where the kernel has none of that name; ``path`` is that under ``/proc/sys``."""
    try:
        return (_SYSCTLS / path).read_text().strip()
    except OSError:
        return ""


def write_sysctls(wanted: Mapping[str, int]) -> None:
    """Set what differs. What the kernel does not have here, or keeps for the host's own namespace, is passed over."""
    for path, value in wanted.items():
        if read_sysctl(path) not in ("", str(value)):
            try:
                (_SYSCTLS / path).write_text(str(value))
            except OSError as error:
                log.info("%s stays as it is: %s", path.replace("/", "."), error)
            else:
                log.info("%s is %d now", path.replace("/", "."), value)
