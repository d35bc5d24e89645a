"""Pseudo-terminals for containers: made by the node agent, given to one session of processes."""

import fcntl
import os
import struct
import termios


def open_terminal() -> tuple[int, int]:
    """A new terminal: the end that the agent keeps, and the end that processes get."""
    return os.openpty()


def resize(fd: int, columns: int, rows: int) -> None:
    """Give the terminal behind either end a size in characters; its processes get SIGWINCH."""
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def become_controlled(fd: int) -> None:
    """Make this the controlling terminal of the calling process, which must lead a session that has none."""
    fcntl.ioctl(fd, termios.TIOCSCTTY, 0)
