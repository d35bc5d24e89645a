"""Which process is at the other end of a connection on this machine, from /proc (proc_pid_net(5), proc_pid_fd(5)).

Only processes that the caller may look into are found: those of its own user.
"""

import os
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import suppress

Address = tuple[str, int]

_TABLES = {"tcp": ("tcp", "tcp6"), "udp": ("udp", "udp6")}
_MAPPED = "0000000000000000FFFF0000"  # ::ffff:0:0/96, as the kernel prints it
_ANYWHERE = {"00000000", "0" * 32}


def environment_of_peer(protocol: str, address: Address, wanted: Callable[[dict[str, str]], bool]) -> dict[str, str]:
    """The environment of the process that has a socket at this address, or of the nearest of its ancestors whose
    environment is wanted; empty when there is none.

    Args:
        protocol: tcp or udp.
        address: the end of the connection that is not ours.
    """
    inodes = set(_inodes(protocol, address))
    for owner in _owners(inodes) if inodes else ():
        for pid in _lineage(owner):
            environment = environment_of(pid)
            if wanted(environment):
                return environment
    return {}


def _lineage(pid: int) -> Iterator[int]:
    """A process, its parent, and so on."""
    while pid > 1:
        yield pid
        pid = _parent(pid)


def _inodes(protocol: str, address: Address) -> Iterator[str]:
    """Those of sockets at the address; for UDP also of sockets at its port on every address."""
    ip, port = address
    digits = f"{struct.unpack('=I', socket.inet_aton(ip))[0]:08X}"
    hosts = {digits, _MAPPED + digits} | (_ANYWHERE if protocol == "udp" else set())
    for table in _TABLES[protocol]:
        with suppress(OSError), open(f"/proc/net/{table}") as lines:
            next(lines)
            for line in lines:
                words = line.split()
                host, _, number = words[1].partition(":")
                if int(number, 16) == port and host in hosts:
                    yield words[9]


def _owners(inodes: set[str]) -> Iterator[int]:
    """The processes that have one of these sockets open, the youngest first."""
    links = {f"socket:[{inode}]" for inode in inodes}
    for pid in sorted((int(name) for name in os.listdir("/proc") if name.isdigit()), reverse=True):
        with suppress(OSError):
            folder = f"/proc/{pid}/fd"
            for fd in os.listdir(folder):
                with suppress(OSError):
                    if os.readlink(f"{folder}/{fd}") in links:
                        yield pid
                        break


def environment_of(pid: int) -> dict[str, str]:
    """The environment that a process began with; empty when it may not be read, or the process has gone."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            entries = file.read().split(b"\0")
    except OSError:
        return {}
    return dict(entry.decode(errors="replace").split("=", 1) for entry in entries if b"=" in entry)


def _parent(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return int(file.read().rpartition(")")[2].split()[1])
    except OSError:
        return 0
