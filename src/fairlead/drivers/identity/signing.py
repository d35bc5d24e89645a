"""Signed tokens: JSON Web Tokens with ES256 (RFC 7515, RFC 7518), which anybody can verify by the published keys.

The file of keys may hold several, as PEM: the first signs, and all of them verify. A key that has signed for
``KEY_DAYS`` makes room for a new one when a server begins to use them, and stays behind it for as long as its tokens
may live. A key is named by the digest of its public half, as upstream names them (``pkg/serviceaccount/jwt.go``).
"""

import base64
import binascii
import functools
import hashlib
import json
import os
import time
from pathlib import Path
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from fairlead.drivers.identity.issuer_pages import ALGORITHM
from fairlead.drivers.identity.token_keys import token_keys

KEY_DAYS = 90
KEPT = 3  # keys; those that are older have been behind for longer than nodes let their tokens live
_HALF = 32  # octets of each number of a signature
_ECDSA = ec.ECDSA(hashes.SHA256())
# Verifying takes a hundred times as long as looking up, and a client sends its token with every request.
_REMEMBERED = 4096


class _Key(NamedTuple):
    id: str
    private: ec.EllipticCurvePrivateKey


class TokenSigner:
    """Signs claims and checks signatures. The keys lie beside the store, readable by their owner alone."""

    def __init__(self, path: Path, now: float | None = None) -> None:
        moment = time.time() if now is None else now
        pems = token_keys(path)
        if not pems or moment - path.stat().st_mtime > KEY_DAYS * 86400:
            pems = [_new_key(), *pems][:KEPT]
            _write(path, b"".join(pems))
        self._keys = [_read(pem) for pem in pems]
        self._by_id = {key.id: key for key in self._keys}
        header = json.dumps({"alg": ALGORITHM, "kid": self._keys[0].id}, separators=(",", ":"))
        self._header = _base64(header.encode())
        self.verified = functools.lru_cache(_REMEMBERED)(self._verified)

    def sign(self, claims: bytes) -> str:
        """The token that carries the claims."""
        signed = self._header + b"." + _base64(claims)
        numbers = decode_dss_signature(self._keys[0].private.sign(signed, _ECDSA))
        signature = b"".join(number.to_bytes(_HALF, "big") for number in numbers)
        return (signed + b"." + _base64(signature)).decode()

    def public_keys(self) -> dict[str, object]:
        """The keys for others to verify by, as a JSON Web Key Set (RFC 7517)."""
        return {"keys": [_public(key) for key in self._keys]}

    def _verified(self, token: str) -> bytes | None:
        """The claims of a token that one of the keys has signed; None for any other text."""
        signed, _, signature_text = token.encode().rpartition(b".")
        header_text, _, claims = signed.partition(b".")
        try:
            header = json.loads(_decoded(header_text))
            key = self._by_id[header["kid"]]
            signature = _decoded(signature_text)
            if header["alg"] != ALGORITHM or len(signature) != 2 * _HALF:
                return None
            numbers = (int.from_bytes(half, "big") for half in (signature[:_HALF], signature[_HALF:]))
            key.private.public_key().verify(encode_dss_signature(*numbers), signed, _ECDSA)
            return _decoded(claims)
        except (ValueError, KeyError, TypeError, RecursionError, InvalidSignature, binascii.Error):
            return None


def _new_key() -> bytes:
    return ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write(path: Path, content: bytes) -> None:
    temporary = path.with_name(f".{path.name}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    os.replace(temporary, path)


def _read(pem: bytes) -> _Key:
    private = serialization.load_pem_private_key(pem, None)
    if not isinstance(private, ec.EllipticCurvePrivateKey):
        raise ValueError("a key for tokens of ServiceAccounts must be one of the curve P-256")
    public = private.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return _Key(_base64(hashlib.sha256(public).digest()).decode(), private)


def _public(key: _Key) -> dict[str, str]:
    numbers = key.private.public_key().public_numbers()
    x, y = (_base64(number.to_bytes(_HALF, "big")).decode() for number in (numbers.x, numbers.y))
    return {"use": "sig", "kty": "EC", "kid": key.id, "crv": "P-256", "alg": ALGORITHM, "x": x, "y": y}


def _base64(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def _decoded(text: bytes) -> bytes:
    return base64.b64decode(text + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
