"""Access control of the page: this machine's browser, from this page, with a session from the printed token.

Loopback alone protects little: any web page may have a browser send requests there, and a name that its owner points to
127.0.0.1 makes them look like its own (DNS rebinding). So the Host must be ours, and so must the Origin.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from typing import NamedTuple

MINE = ("same-origin", "none")  # Sec-Fetch-Site of requests of the page itself, and of what a user types


class GateRefusal(NamedTuple):
    """Why a request is not answered."""

    status: HTTPStatus
    reason: str


class PageGate:
    """Decides about requests to one port.

    Args:
        key: secret; tokens and sessions follow from it, so that they outlive a restart with the same key.
    """

    def __init__(self, key: bytes, port: int) -> None:
        self.token = _derived(key, "token")
        self._session = _derived(key, "session")
        self._cookie = f"fairlead-{port}"  # cookies are shared by all ports of a host
        self._hosts = frozenset(f"{name}:{port}" for name in ("127.0.0.1", "localhost"))

    def stranger(self, headers: Mapping[str, str]) -> GateRefusal | None:
        """Why a request for anything at all is refused: it was meant for another name."""
        host = headers.get("host", "")
        if host not in self._hosts:
            return GateRefusal(HTTPStatus.MISDIRECTED_REQUEST, f"Host {host[:100]!r} is not this page's")
        origin = headers.get("origin")
        if origin is not None and origin != f"http://{host}":
            return GateRefusal(HTTPStatus.FORBIDDEN, f"Origin {origin[:100]!r} is not this page")
        return None

    def uninvited(self, method: str, headers: Mapping[str, str]) -> GateRefusal | None:
        """Why a request for what the page shows is refused, beside ``stranger``."""
        if headers.get("sec-fetch-site", MINE[0]) not in MINE:
            return GateRefusal(HTTPStatus.FORBIDDEN, "the request comes from another site")
        if method != "GET" and "origin" not in headers:
            return GateRefusal(HTTPStatus.FORBIDDEN, "the request names no Origin")
        return None

    def has_session(self, headers: Mapping[str, str]) -> bool:
        """Whether the request bears the cookie of a session."""
        try:
            found = SimpleCookie(headers.get("cookie", "")).get(self._cookie)
        except CookieError:
            return False
        return found is not None and _same(found.value, self._session)

    def opens(self, token: object) -> str | None:
        """The ``Set-Cookie`` of a session for who has the token; None for others."""
        if not isinstance(token, str) or not _same(token, self.token):
            return None
        return f"{self._cookie}={self._session}; Path=/; HttpOnly; SameSite=Strict"


def _derived(key: bytes, purpose: str) -> str:
    digest = hmac.new(key, purpose.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _same(left: str, right: str) -> bool:
    return hmac.compare_digest(left.encode(errors="replace"), right.encode())
