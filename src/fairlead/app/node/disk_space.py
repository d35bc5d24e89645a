"""The disk space of a node's Pods: looked at whenever it is asked for."""

import logging
from pathlib import Path

from fairlead.drivers.linux.usage import file_system
from fairlead.nodeagent.pressure import is_short

log = logging.getLogger(__name__)


class DiskSpace:
    """The file systems that some folders are on.

    Args:
        folders: they need not be there yet.
    """

    def __init__(self, folders: tuple[Path, ...]) -> None:
        self._folders, self._was_short = folders, False

    def is_short(self) -> bool:
        """Whether one of them is nearly full. One that cannot be looked at, such as a server's that is away, is not."""
        self._was_short = any(map(self._is_short_at, self._folders))
        return self._was_short

    def _is_short_at(self, folder: Path) -> bool:
        try:
            return is_short(file_system(folder), self._was_short)
        except OSError as error:
            log.warning("cannot tell how full the disk of %s is: %s", folder, error)
            return False
