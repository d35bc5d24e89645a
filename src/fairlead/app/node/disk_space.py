"""The disk space of a node's Pods: looked at whenever it is asked for."""

from pathlib import Path

from fairlead.drivers.linux.usage import file_system
from fairlead.nodeagent.pressure import is_short


class DiskSpace:
    """The file systems that some folders are on.

    Args:
        folders: they need not be there yet.
    """

    def __init__(self, folders: tuple[Path, ...]) -> None:
        self._folders, self._was_short = folders, False

    def is_short(self) -> bool:
        """Whether one of them is nearly full."""
        self._was_short = any(is_short(file_system(folder), self._was_short) for folder in self._folders)
        return self._was_short
