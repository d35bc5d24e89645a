"""Messages between a node agent, a nursery and a launcher, and the descriptors that are sent with them."""

import os
import socket
import struct

NICENESS = struct.Struct("=i")  # the message that asks for a launcher, beside it
DESCRIPTORS = 3  # its requests, its ends, and its network namespace if it has one
FORK, KEEP = b"fork", b"keep"  # requests; the child of a KEEP has a record
PID = struct.Struct("=i")
END = struct.Struct("=ii")  # pid, and status as of waitpid(2)
MAX_DESCRIPTORS = 8


def receive(requests: socket.socket, size: int) -> tuple[bytes, list[int]]:
    """Octets and descriptors; no exec is to inherit those, which Python leaves to its callers.

    Raises:
        EOFError: the other side has gone.
    """
    data, descriptors, _, _ = socket.recv_fds(requests, size, MAX_DESCRIPTORS)
    if not data:
        raise EOFError
    for fd in descriptors:
        os.set_inheritable(fd, False)
    return data, descriptors
