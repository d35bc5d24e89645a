"""The open files of a process. Used between fork and exec, so commands that must start fast import it."""

import os


def let_go_of_all_but(*kept: int) -> None:
    """Close every descriptor from 3 on but these: what else there is, is not the child's."""
    first = 3
    for fd in sorted(kept):
        os.closerange(first, fd)
        first = fd + 1
    os.closerange(first, os.sysconf("SC_OPEN_MAX"))


def use_nothing() -> None:
    """Redirect standard input, output and error to /dev/null."""
    null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    for place in (0, 1, 2):
        os.dup2(null, place)
    os.close(null)
