"""Which ports this process may bind (ip(7), ``ip_unprivileged_port_start``)."""

import socket
from pathlib import Path

_SYSCTL = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")
_USUAL = 1024


def first_free_port(address: str) -> int:
    """The first port of a loopback address that this process may bind; 0: all.

    It is tried out: a capability counts only in the user namespace that the network belongs to.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as trial:
        try:
            trial.bind((address, 1))
        except PermissionError:
            return _unprivileged_from()
        except OSError:  # another process has it, so it may be had
            return 0
    return 0


def _unprivileged_from() -> int:
    try:
        return int(_SYSCTL.read_text())
    except (OSError, ValueError):
        return _USUAL
