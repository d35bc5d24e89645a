"""Tokens of ServiceAccounts: what is in one, and whose a given one is.

The claims are those of upstream's bound tokens (``pkg/serviceaccount/claims.go``). A token dies with its account: the
account must still be there, with the same uid. How claims are signed is not decided here.
"""

from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec

from fairlead.model.names import ObjectKey
from fairlead.registry.deletes import later
from fairlead.registry.field_errors import invalid as invalid_field
from fairlead.registry.requests import User
from fairlead.registry.status import invalid
from fairlead.registry.store import State

Doc = dict[str, Any]

ISSUER = "https://kubernetes.default.svc.cluster.local"
DEFAULT_SECONDS, SHORTEST_SECONDS, LONGEST_SECONDS = 3600, 600, 1 << 32


class TokenWish(NamedTuple):
    """What a TokenRequest asks for; ``bound_to`` is a BoundObjectReference."""

    audiences: tuple[str, ...]
    seconds: int | None
    bound_to: Doc | None


class _Account(msgspec.Struct):
    name: str
    uid: str


class _Kubernetes(msgspec.Struct):
    namespace: str
    serviceaccount: _Account


class _Claims(msgspec.Struct):
    exp: int
    iss: str
    kubernetes: _Kubernetes = msgspec.field(name="kubernetes.io")


def token_claims(account: Doc, wish: TokenWish, now: str) -> tuple[Doc, str]:
    """The claims of a new token, and when it expires, as the API writes times.

    Raises:
        ApiError: 422, it is to live for too short or too long.
    """
    metadata = account["metadata"]
    seconds = DEFAULT_SECONDS if wish.seconds is None else wish.seconds
    if seconds < SHORTEST_SECONDS:
        detail = "may not specify a duration less than 10 minutes"
        raise _refused(metadata["name"], seconds, detail)
    if seconds > LONGEST_SECONDS:
        raise _refused(metadata["name"], seconds, "may not specify a duration larger than 2^32 seconds")
    expires = later(now, seconds)
    about: Doc = {
        "namespace": metadata["namespace"],
        "serviceaccount": {"name": metadata["name"], "uid": metadata["uid"]},
    }
    if wish.bound_to and wish.bound_to.get("kind"):
        about[wish.bound_to["kind"].lower()] = {key: wish.bound_to.get(key, "") for key in ("name", "uid")}
    claims = {
        "aud": list(wish.audiences) or [ISSUER],
        "exp": _seconds(expires),
        "iat": _seconds(now),
        "nbf": _seconds(now),
        "iss": ISSUER,
        "sub": _subject(metadata["namespace"], metadata["name"]),
        "kubernetes.io": about,
    }
    return claims, expires


def user_of_claims(claims: bytes, state: State, now: str) -> User | None:
    """Whose a token with these (verified) claims is; None when it has expired or its account has gone."""
    try:
        read = msgspec.json.decode(claims, type=_Claims)
    except msgspec.DecodeError:
        return None
    namespace, account = read.kubernetes.namespace, read.kubernetes.serviceaccount
    stored = state.get("serviceaccounts", ObjectKey(namespace, account.name))
    if stored is None or read.iss != ISSUER or read.exp <= _seconds(now):
        return None
    if msgspec.json.decode(stored.document)["metadata"]["uid"] != account.uid:
        return None
    groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated")
    return User(_subject(namespace, account.name), groups, account.uid)


def _subject(namespace: str, name: str) -> str:
    return f"system:serviceaccount:{namespace}:{name}"


def _seconds(moment: str) -> int:
    return int(datetime.fromisoformat(moment).astimezone(UTC).timestamp())


def _refused(name: str, seconds: int, detail: str) -> Exception:
    return invalid(
        "TokenRequest", name, [invalid_field("spec.expirationSeconds", seconds, detail)], "authentication.k8s.io"
    )
