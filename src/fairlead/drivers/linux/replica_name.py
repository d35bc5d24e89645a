"""A name for this process that no other process anywhere has, and from which neighbours can tell that it has ended.

``HOST_BOOT-NAMESPACE-PID-START``: the host's name is for people; the rest says which process of which PID namespace of
which start of a kernel it is. Only a process of the same PID namespace can look whether it is still there. To all
others it is neither alive nor dead.
"""

import os
import socket
from pathlib import Path

from fairlead.drivers.linux.process_identity import ProcessIdentity, identity_of

_BOOT = Path("/proc/sys/kernel/random/boot_id")


def replica_name() -> str:
    """The name of this process."""
    me = identity_of(os.getpid())
    assert me is not None, "a process that runs is there"
    return f"{socket.gethostname()}_{_here()}-{me}"


def has_ended(name: str) -> bool:
    """Whether the process of that name is known to be gone; False for whatever cannot be seen from here."""
    place, _, process = name.rpartition("_")[2].rpartition("-")[0].rpartition("-")
    try:
        identity = ProcessIdentity.parse(f"{process}-{name.rpartition('-')[2]}")
        here = _here()
    except (ValueError, OSError):
        return False
    return place == here and identity_of(identity.pid) != identity


def _here() -> str:
    """This start of the kernel, and this PID namespace in it."""
    boot = _BOOT.read_text().strip().replace("-", "")
    return f"{boot}-{os.stat('/proc/self/ns/pid').st_ino}"
