"""``/proc`` and ``/sys`` of a Pod: its own processes and network, and of the kernel's settings nothing to write.

The paths are those that container runtimes mask and make read-only (``defaultMaskedPaths`` and
``defaultReadonlyPaths`` of Docker and containerd).
"""

import os
from contextlib import suppress

from fairlead.drivers.linux.calls import (
    MS_BIND,
    MS_NODEV,
    MS_NOEXEC,
    MS_NOSUID,
    MS_RDONLY,
    MS_REC,
    attach_tree,
    clone_tree,
    make_read_only,
    mount,
)

PROC, SYS = "/proc", "/sys"
MASKED = (
    "/proc/acpi",
    "/proc/asound",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/sys/devices/virtual/powercap",
    "/sys/firmware",
)
READ_ONLY = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")
_SAFE = MS_NOSUID | MS_NODEV | MS_NOEXEC


def mount_kernel_files(root: str) -> None:
    """Mount both below a future root folder. Those of this machine must still be visible, or the kernel allows
    no others in a user namespace (mount_namespaces(7))."""
    try:
        mount("proc", root + PROC, "proc", _SAFE)
    except PermissionError:  # parts of the machine's are hidden from us, and so must they be from the Pod
        tree = clone_tree(PROC)
        attach_tree(tree, root + PROC)
        os.close(tree)
    with suppress(OSError):  # for the same reason; a Pod can do without
        mount("sysfs", root + SYS, "sysfs", _SAFE | MS_RDONLY)


def protect_kernel_files() -> None:
    """Hide and protect, below the caller's own root, what is the whole machine's."""
    for path in filter(os.path.exists, READ_ONLY):
        mount(path, path, flags=MS_BIND | MS_REC)
        make_read_only(path)
    for path in filter(os.path.exists, MASKED):
        hide(path)


def hide(path: str) -> None:
    """Hide a file or folder."""
    if os.path.isdir(path):
        mount("tmpfs", path, "tmpfs", _SAFE | MS_RDONLY, "mode=755")
    else:
        mount("/dev/null", path, flags=MS_BIND)
        make_read_only(path)
