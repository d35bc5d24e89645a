"""When a node is short of disk space. Upstream: ``pkg/kubelet/eviction``, whose thresholds are shares alone.

A lab shares the disk with its user, whose disk may be nearly full for months: what is more than enough for a lab is
enough, whatever the share.
"""

from fairlead.nodeagent.usage import FileSystem

LEAST_SPACE, ENOUGH_SPACE = 0.10, 256 << 20  # of the file system; octets
LEAST_FILES, ENOUGH_FILES = 0.05, 10_000  # of the files that it can hold; files
RECOVERY_FACTOR = 1.5  # a node that was short needs this much more free space, so that its condition is stable


def is_short(found: FileSystem, was_short: bool) -> bool:
    """Whether so little is left that no more Pods may come. A file system of 0 files has no limit on them."""
    factor = RECOVERY_FACTOR if was_short else 1.0
    least_space = factor * min(LEAST_SPACE * found.capacity, ENOUGH_SPACE)
    least_files = factor * min(LEAST_FILES * found.inodes, ENOUGH_FILES)
    return found.available < least_space or found.inodes_free < least_files
