"""The keys of a server block: ``[dns://|tls://]ZONE[:PORT]``, where a network stands for its reverse zones."""

from typing import NamedTuple

from fairlead.clusterdns.corefile.faults import Wrong
from fairlead.clusterdns.corefile.values import number, zones
from fairlead.clusterdns.names import Name

_SCHEMES = ("https", "https3", "grpc", "quic")


class ServerKey(NamedTuple):
    """Zones at a port; a port of None is the default. ``tls``: over connections that are TLS's (RFC 7858)."""

    zones: tuple[Name, ...]
    port: int | None
    tls: bool = False


def key_of(text: str) -> ServerKey:
    """The meaning of a key.

    Raises:
        Wrong: it has none here.
    """
    scheme, found, rest = text.rpartition("://")
    if found and scheme not in ("dns", "tls"):
        known = "is not supported" if scheme in _SCHEMES else "is unknown"
        raise Wrong(f"server {text}: {scheme}:// {known}; known are dns:// and tls://")
    zone, colon, port = rest.rpartition(":")
    if not colon or "/" in port:  # an IPv6 network has colons of its own
        zone, port = rest, ""
    return ServerKey(zones(zone or "."), number(port, f"port of {text}", 1, 65535) if port else None, scheme == "tls")
