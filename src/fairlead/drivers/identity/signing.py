"""Signed tokens: JSON Web Tokens with HS256 (RFC 7515, RFC 7518), under a key that only this server has."""

import base64
import hashlib
import hmac
import os
import secrets
from pathlib import Path

_HEADER = base64.urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT"}').rstrip(b"=")
_KEY_BYTES = 32


class TokenSigner:
    """Signs claims and checks signatures. The key is made once, and lies beside the store."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            temporary = path.with_name(f".{path.name}")
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(secrets.token_bytes(_KEY_BYTES))
            os.replace(temporary, path)
        self._key = path.read_bytes()

    def sign(self, claims: bytes) -> str:
        """The token that carries the claims."""
        signed = _HEADER + b"." + _base64(claims)
        return (signed + b"." + self._signature(signed)).decode()

    def verified(self, token: str) -> bytes | None:
        """The claims of a token that this key has signed; None for any other text."""
        signed, _, signature = token.encode().rpartition(b".")
        header, _, claims = signed.partition(b".")
        if header != _HEADER or not hmac.compare_digest(signature, self._signature(signed)):
            return None
        return base64.urlsafe_b64decode(claims + b"=" * (-len(claims) % 4))

    def _signature(self, signed: bytes) -> bytes:
        return _base64(hmac.digest(self._key, signed, hashlib.sha256))


def _base64(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")
