"""Bootstrap tokens: the identity of a node before it has a certificate, from a Secret of ``kube-system``.

Upstream: ``plugin/pkg/auth/authenticator/token/bootstrap``, ``cluster-bootstrap/token/util``.
"""

import base64
import binascii
import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from fairlead.model.names import ObjectKey
from fairlead.registry.requests import User
from fairlead.registry.store import State

NAMESPACE, PREFIX, TYPE = "kube-system", "bootstrap-token-", "bootstrap.kubernetes.io/token"
GROUP = "system:bootstrappers"
_TOKEN = re.compile(r"([a-z0-9]{6})\.([a-z0-9]{16})")
_EXTRA_GROUP = re.compile(r"system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]")


class _Secret(msgspec.Struct):
    metadata: dict[str, Any]
    type: str = ""
    data: dict[str, str] | None = None


def user_of_bootstrap_token(token: str, state: State, now: str) -> User | None:
    """The user of a token; None if there is no such token, or it is not for authentication, or has expired.

    Args:
        now: RFC 3339.
    """
    match = _TOKEN.fullmatch(token)
    stored = state.get("secrets", ObjectKey(NAMESPACE, PREFIX + match[1])) if match else None
    if match is None or stored is None:
        return None
    secret = msgspec.json.decode(stored.document, type=_Secret)
    data = {key: _decoded(text) for key, text in (secret.data or {}).items()}
    if secret.type != TYPE or secret.metadata.get("deletionTimestamp"):
        return None
    is_it = data.get("token-id") == match[1] and hmac.compare_digest(data.get("token-secret", ""), match[2])
    if not is_it or data.get("usage-bootstrap-authentication") != "true" or _has_expired(data, now):
        return None
    extra = [name for name in data.get("auth-extra-groups", "").split(",") if name]
    if not all(_EXTRA_GROUP.fullmatch(name) for name in extra):
        return None
    return User(f"system:bootstrap:{match[1]}", (*sorted({GROUP, *extra}), "system:authenticated"))


def _decoded(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _has_expired(data: Mapping[str, str], now: str) -> bool:
    """Whether a token has expired, or has an unreadable time."""
    if not (text := data.get("expiration", "")):
        return False
    try:
        end = datetime.fromisoformat(text)
    except ValueError:
        return True
    return (end if end.tzinfo else end.replace(tzinfo=UTC)) <= datetime.fromisoformat(now)
