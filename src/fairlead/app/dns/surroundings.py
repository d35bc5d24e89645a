"""The machine as a configuration file sees it: files beside it, interfaces, environment variables, its name."""

import os
import socket
from collections.abc import Sequence
from pathlib import Path

from fairlead.clusterdns.corefile.faults import Wrong
from fairlead.clusterdns.plugins.scope import CorefileSurroundings
from fairlead.drivers.linux.local_addresses import addresses_of_interface


class MachineFiles:
    """Reads files for a configuration, and remembers them.

    Attributes:
        watched: files that are to be looked at again, with the seconds between looks.
        imported: files that belong to the configuration itself.
    """

    def __init__(self) -> None:
        self.watched: dict[Path, float] = {}
        self.imported: dict[Path, str] = {}

    def surroundings(self) -> CorefileSurroundings:
        """All of this, for the pure core."""
        return CorefileSurroundings(self.read, addresses_of_interface, socket.gethostname())

    @property
    def environment(self) -> dict[str, str]:
        return dict(os.environ)

    def read(self, name: str, every: float | None) -> str:
        """The text of a file, which is looked at again every so many seconds; None or 0 for not by itself.

        Raises:
            Wrong: it cannot be read.
        """
        path = Path(name)
        if every:
            self.watched[path] = every
        try:
            return path.read_text()
        except (OSError, UnicodeDecodeError) as error:
            raise Wrong(f"{name}: {_reason(error)}") from error

    def imports(self, pattern: str, importing: str) -> Sequence[tuple[str, str]]:
        """The files that a pattern names, from the directory of the importing file on; none is fine for a pattern.

        Raises:
            Wrong: a file cannot be read.
        """
        base = Path(importing).parent
        whole = Path(pattern) if Path(pattern).is_absolute() else base / pattern
        is_pattern = any(character in pattern for character in "*?[")
        paths = (
            sorted(Path(whole.anchor or ".").glob(str(whole.relative_to(whole.anchor or "."))))
            if is_pattern
            else [whole]
        )
        return [(str(path), self._imported(path)) for path in paths if not (is_pattern and path.is_dir())]

    def _imported(self, path: Path) -> str:
        text = self.read(str(path), None)
        self.imported[path] = text
        return text


def _reason(error: OSError | UnicodeDecodeError) -> str:
    return error.strerror or str(error) if isinstance(error, OSError) else "is not UTF-8 text"
