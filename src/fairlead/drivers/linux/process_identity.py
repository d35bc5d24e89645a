"""Which process a number means: numbers are used again, a number and the time of its process's start never are."""

from pathlib import Path
from typing import NamedTuple


class ProcessIdentity(NamedTuple):
    """A process of the caller's PID namespace.

    Attributes:
        start: in clock ticks since the machine's start (proc_pid_stat(5), field 22).
    """

    pid: int
    start: int

    def __str__(self) -> str:
        return f"{self.pid}-{self.start}"

    @classmethod
    def parse(cls, text: str) -> "ProcessIdentity":
        """The identity that ``str`` has written.

        Raises:
            ValueError: the text is none.
        """
        pid, _, start = text.partition("-")
        return cls(int(pid), int(start))


def identity_of(pid: int) -> ProcessIdentity | None:
    """The process that has this number now, running or not collected yet; None when there is none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return ProcessIdentity(pid, int(stat.rpartition(")")[2].split()[19]))
