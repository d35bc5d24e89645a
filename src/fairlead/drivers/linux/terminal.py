"""Pseudo-terminals for containers: opened by the process that gets one, which sends the other end to the node agent.

So they are devices of the container, and have a name there. As in runc (``docs/terminals.md``, the console socket).
"""

import fcntl
import os
import socket
import struct
import termios

_MULTIPLEXER = "/dev/pts/ptmx"
# Numbers of asm-generic/ioctls.h, which Python does not have: see ioctl_tty(2).
_TIOCSPTLCK = 0x40045431
_TIOCGPTPEER = 0x5441


def open_terminal(agent: int) -> int:
    """A new terminal of the container that the calling process is in: the end that processes get.

    Args:
        agent: the socket through which the other end is sent.
    """
    ours = os.open(_MULTIPLEXER, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    fcntl.ioctl(ours, _TIOCSPTLCK, struct.pack("i", 0))
    theirs = fcntl.ioctl(ours, _TIOCGPTPEER, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    with socket.socket(fileno=os.dup(agent)) as connection:
        socket.send_fds(connection, [b"\0"], [ours])
    os.close(ours)
    return theirs


def receive_terminal(connection: socket.socket) -> int:
    """The end that the agent keeps of a terminal, which has been sent already.

    Raises:
        OSError: it has not.
    """
    connection.setblocking(False)
    _, (fd,), _, _ = socket.recv_fds(connection, 1, 1)
    os.set_inheritable(fd, False)
    return fd


def resize(fd: int, columns: int, rows: int) -> None:
    """Give the terminal behind either end a size in characters; its processes get SIGWINCH."""
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def become_controlled(fd: int) -> None:
    """Make this the controlling terminal of the calling process, which must lead a session that has none."""
    fcntl.ioctl(fd, termios.TIOCSCTTY, 0)
