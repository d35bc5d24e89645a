"""A registry's challenge to a client (``WWW-Authenticate``, RFC 9110), and the token that answers it.

https://distribution.github.io/distribution/spec/auth/token/
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import msgspec

_SCHEME = re.compile(r"\s*,?\s*([A-Za-z][\w-]*)(?:\s+|$)", re.ASCII)
_PARAMETER = re.compile(r'\s*([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))\s*,?', re.ASCII)
SHORTEST_LIFE = 60.0  # seconds; the minimum and default life of a token
EARLY = 5.0  # seconds before its end at which a token is no longer used


class Challenge(NamedTuple):
    """A way to authenticate; scheme and names of parameters are in lower case."""

    scheme: str
    parameters: Mapping[str, str]


class RegistryToken(NamedTuple):
    """A token for a registry, with its expiry by the caller's clock."""

    text: str
    until: float


def challenges(headers: Iterable[str]) -> list[Challenge]:
    """All ways that the headers offer; what is not of the format is passed over."""
    return [challenge for header in headers for challenge in _parsed(header)]


def _parsed(header: str) -> list[Challenge]:
    found, place = [], 0
    while scheme := _SCHEME.match(header, place):
        parameters, place = {}, scheme.end()
        while parameter := _PARAMETER.match(header, place):
            quoted = parameter[2]
            value = parameter[3] if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
            parameters[parameter[1].lower()] = value
            place = parameter.end()
        found.append(Challenge(scheme[1].lower(), parameters))
    return found


def token_query(challenge: Challenge, repository: str) -> dict[str, str]:
    """The query for a token: permission to pull, unless the challenge names another scope."""
    scope = challenge.parameters.get("scope") or f"repository:{repository}:pull"
    service = challenge.parameters.get("service", "")
    return {"scope": scope} | ({"service": service} if service else {})


def read_token(content: bytes, now: float) -> RegistryToken | None:
    """The token in a realm's answer; None when there is none.

    Args:
        now: of the clock that ``RegistryToken.until`` is of, in seconds.
    """
    try:
        document: Any = msgspec.json.decode(content)
    except msgspec.DecodeError:
        return None
    if not isinstance(document, dict):
        return None
    text, life = document.get("token") or document.get("access_token"), document.get("expires_in")
    seconds = max(SHORTEST_LIFE, float(life)) if isinstance(life, int | float) else SHORTEST_LIFE
    return RegistryToken(text, now + seconds - EARLY) if isinstance(text, str) else None
