"""The socket of a BGP session: from where, with which signature (RFC 2385) and time to live (RFC 5082)."""

import errno
import socket
import struct
from pathlib import Path
from typing import Any, NamedTuple

BGP_PORT = 179
MAX_PASSWORD = 80  # octets; linux/tcp.h: TCP_MD5SIG_MAXKEYLEN
_TCP_MD5SIG = 14
_IP_MINTTL, _IPV6_MINHOPCOUNT = 21, 73
_HOPS = 255
_SIGNATURE = struct.Struct(f"=128sBBHi{MAX_PASSWORD}s")  # struct tcp_md5sig


class RouterAddress(NamedTuple):
    """The address of a peer.

    Attributes:
        address: IPv4 or IPv6; of a link-local one with the link, as ``fe80::1%eth0``.
        password: the file with the password of every segment's signature; read at each attempt. None: not signed.
        source: the address to come from; "" leaves it to the kernel.
        is_adjacent: whether packets are taken only if no router passed them on.
    """

    address: str
    port: int = BGP_PORT
    password: Path | None = None
    source: str = ""
    is_adjacent: bool = False

    def __str__(self) -> str:
        if self.port == BGP_PORT:
            return self.address
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"


def unconnected(router: RouterAddress) -> tuple[socket.socket, Any]:
    """A socket for a connection to the router, and the router's address as ``connect`` takes it.

    Raises:
        OSError: the kernel does not sign, the password cannot be read, or there is no such source address or link.
    """
    ((family, type_, protocol, _, address),) = socket.getaddrinfo(
        router.address, router.port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST
    )
    made = socket.socket(family, type_ | socket.SOCK_NONBLOCK, protocol)
    try:
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if router.password:
            _sign(made, family, address, _password(router.password))
        if router.is_adjacent:
            _require_adjacent(made, family)
        if router.source:
            made.bind((router.source, 0))
    except OSError:
        made.close()
        raise
    return made, address


def _password(path: Path) -> bytes:
    """The first line of the file."""
    try:
        password = path.read_bytes().partition(b"\n")[0].rstrip(b"\r")
    except OSError as error:
        raise OSError(error.errno, f"password file {path}: {error.strerror}") from error
    if not 0 < len(password) <= MAX_PASSWORD:
        raise OSError(errno.EINVAL, f"password file {path}: a password has 1 to {MAX_PASSWORD} octets")
    return password


def _sign(made: socket.socket, family: socket.AddressFamily, address: Any, password: bytes) -> None:
    host = socket.inet_pton(family, str(address[0]).partition("%")[0])
    if family == socket.AF_INET:
        peer = struct.pack("=H2x4s", family, host)
    else:
        peer = struct.pack("=H2x4x16sI", family, host, address[3])
    try:
        made.setsockopt(socket.IPPROTO_TCP, _TCP_MD5SIG, _SIGNATURE.pack(peer, 0, 0, len(password), 0, password))
    except OSError as error:
        if error.errno in (errno.ENOPROTOOPT, errno.EOPNOTSUPP):
            raise OSError(error.errno, "this kernel signs no TCP segments (CONFIG_TCP_MD5SIG)") from error
        raise


def _require_adjacent(made: socket.socket, family: socket.AddressFamily) -> None:
    if family == socket.AF_INET:
        made.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, _HOPS)
        made.setsockopt(socket.IPPROTO_IP, _IP_MINTTL, _HOPS)
    else:
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, _HOPS)
        made.setsockopt(socket.IPPROTO_IPV6, _IPV6_MINHOPCOUNT, _HOPS)
