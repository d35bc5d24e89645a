"""An IP address with a port, and how people write it."""

import re
from ipaddress import ip_address
from typing import NamedTuple

from fairlead.model.addresses import IPFamily, family_of

_WITH_BRACKETS = re.compile(r"\[([^]]*)\](?::(.*))?")


class SocketAddress(NamedTuple):
    """The address and port of one end of a datagram or connection."""

    ip: str
    port: int

    @property
    def family(self) -> IPFamily:
        return family_of(self.ip)

    def __str__(self) -> str:
        return f"[{self.ip}]:{self.port}" if self.family == IPFamily.IPV6 else f"{self.ip}:{self.port}"


def parse_socket_address(text: str, default_port: int) -> SocketAddress:
    """``ADDRESS``, ``ADDRESS:PORT`` or ``[ADDRESS]:PORT``, the brackets being needed for IPv6 with a port.

    Raises:
        ValueError: it is none of these; the message says why.
    """
    host, port = text, str(default_port)
    if found := _WITH_BRACKETS.fullmatch(text):
        host, port = found[1], found[2] or port
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
    if not (port.isascii() and port.isdigit() and 0 < int(port) < 1 << 16):
        raise ValueError(f"{port!r} is not a port")
    return SocketAddress(str(ip_address(host)), int(port))
