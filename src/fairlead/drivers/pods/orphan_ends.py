"""How processes have ended that outlived their parent, told by the process that collected them in the end.

A file for each, named after the process, in a folder that the lab's first process writes and node agents read.
"""

from collections import deque
from pathlib import Path

from fairlead.drivers.linux.process_identity import ProcessIdentity

REMEMBERED = 1000  # ends that nobody has asked for; the oldest are forgotten first


class OrphanEnds:
    """The side that tells.

    Args:
        folder: made when there is something to tell.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._told: deque[Path] = deque()

    def tell(self, process: ProcessIdentity, status: int) -> None:
        """Say with which status, as of waitpid(2), a process has ended; a full disk loses it."""
        path = self._folder / str(process)
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            draft = path.with_suffix(".new")
            draft.write_text(str(status))
            draft.rename(path)
        except OSError:
            return
        self._told.append(path)
        if len(self._told) > REMEMBERED:
            self._told.popleft().unlink(missing_ok=True)


def take_end(folder: Path, process: ProcessIdentity) -> int | None:
    """The status of a process that has ended, once; None when nobody has told it."""
    path = folder / str(process)
    try:
        status = int(path.read_text())
    except (FileNotFoundError, ValueError):
        return None
    path.unlink(missing_ok=True)
    return status
