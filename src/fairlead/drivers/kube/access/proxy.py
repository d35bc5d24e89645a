"""Which proxy a connection to the API server goes through.

The cluster's ``proxy-url`` has the first word, then ``HTTPS_PROXY`` or ``HTTP_PROXY``, where ``NO_PROXY`` does not
except the server. As Go's ``golang.org/x/net/http/httpproxy`` and client-go have it.
"""

import ipaddress
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from fairlead.drivers.kube.access.kubeconfig import BadConfig

_PORTS = {"http": 80, "socks5": 1080, "socks5h": 1080}


class Proxy(NamedTuple):
    """A proxy: ``scheme`` is http or socks5; ``user`` and ``password`` are empty when it asks for none."""

    scheme: str
    host: str
    port: int
    user: str = ""
    password: str = ""


def proxy_of(server: str, proxy_url: str, environment: Mapping[str, str]) -> Proxy | None:
    """The proxy for an API server's URL; None when it is asked directly.

    Raises:
        BadConfig: the proxy's URL is of a kind that is not known.
    """
    if proxy_url:
        return _parsed(proxy_url, "proxy-url")
    target = urlsplit(server)
    variable = f"{target.scheme.upper()}_PROXY"
    url = environment.get(variable) or environment.get(variable.lower()) or ""
    excepted = environment.get("NO_PROXY") or environment.get("no_proxy") or ""
    port = target.port or {"http": 80, "https": 443}.get(target.scheme, 0)
    if not url or is_excepted(target.hostname or "", port, excepted):
        return None
    return _parsed(url if "://" in url else f"http://{url}", variable)


def is_excepted(host: str, port: int, no_proxy: str) -> bool:
    """Whether a host is asked directly: by what ``NO_PROXY`` lists, or because it is this machine."""
    host = host.lower().rstrip(".")
    address = _address(host)
    if host == "localhost" or (address is not None and address.is_loopback):
        return True
    return any(_covers(entry.strip().lower(), host, port) for entry in no_proxy.split(",") if entry.strip())


def _covers(entry: str, host: str, port: int) -> bool:
    if entry == "*":
        return True
    address = _address(host)
    if "/" in entry:
        return address is not None and _in_network(entry, address)
    name, entry_port = _split_port(entry)
    if entry_port and entry_port != port:
        return False
    if (given := _address(name)) is not None:
        return given == address
    if name.startswith("*."):
        name = name[1:]
    if name.startswith("."):
        return host.endswith(name)
    return host == name or host.endswith(f".{name}")


def _split_port(entry: str) -> tuple[str, int]:
    if _address(entry) is not None:
        return entry, 0
    name, colon, port = entry.rpartition(":")
    return (name.strip("[]"), int(port)) if colon and port.isdecimal() else (entry.strip("[]"), 0)


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        return None


def _in_network(entry: str, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    try:
        return address in ipaddress.ip_network(entry, strict=False)
    except ValueError:
        return False


def _parsed(url: str, source: str) -> Proxy:
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname:
        raise BadConfig(f"{source}: proxies are http://HOST:PORT or socks5://HOST:PORT, not {parts.scheme}://")
    scheme = parts.scheme.removesuffix("h")
    port = parts.port or _PORTS[parts.scheme]
    return Proxy(scheme, parts.hostname, port, unquote(parts.username or ""), unquote(parts.password or ""))
