"""Tokens that others can verify with published keys, and rotation of keys."""

import base64
import json

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from fairlead.drivers.identity.issuer_pages import issuer_pages
from fairlead.drivers.identity.signing import KEPT, KEY_DAYS, TokenSigner

pytestmark = pytest.mark.io

LATER = 10**12  # seconds; long after any key was made


def decoded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def verify(token, pages):
    """The claims, verified by nothing but what the issuer publishes; raises when the signature is wrong."""
    configuration = json.loads(pages["/.well-known/openid-configuration"].body)
    assert configuration["jwks_uri"] == f"{configuration['issuer']}/openid/v1/jwks"
    header, claims, signature = token.split(".")
    named = json.loads(decoded(header))
    [key] = [key for key in json.loads(pages["/openid/v1/jwks"].body)["keys"] if key["kid"] == named["kid"]]
    assert named["alg"] == key["alg"] == "ES256"
    x, y = (int.from_bytes(decoded(key[name]), "big") for name in "xy")
    public = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    halves = (int.from_bytes(half, "big") for half in (decoded(signature)[:32], decoded(signature)[32:]))
    public.verify(encode_dss_signature(*halves), f"{header}.{claims}".encode(), ec.ECDSA(hashes.SHA256()))
    return json.loads(decoded(claims))


def test_others_verify_a_token_by_what_is_published(tmp_path):
    signer = TokenSigner(tmp_path / "key")
    pages = issuer_pages("https://issuer.example", signer.public_keys())
    assert verify(signer.sign(b'{"sub":"me"}'), pages) == {"sub": "me"}
    assert b"d" not in json.loads(pages["/openid/v1/jwks"].body)["keys"][0]


def test_a_key_makes_room_for_a_new_one_and_still_verifies(tmp_path):
    path = tmp_path / "key"
    before = TokenSigner(path).sign(b"{}")
    after = TokenSigner(path, LATER)
    assert after.verified(before) == b"{}"
    assert after.sign(b"{}").split(".")[0] != before.split(".")[0]
    assert len(after.public_keys()["keys"]) == 2
    for _ in range(KEPT):
        after = TokenSigner(path, LATER)
    assert len(after.public_keys()["keys"]) == KEPT
    assert after.verified(before) is None
    assert KEY_DAYS > 1


def test_a_key_of_an_earlier_version_is_replaced(tmp_path):
    path = tmp_path / "key"
    path.write_bytes(b"\x00" * 32)
    assert TokenSigner(path).verified(TokenSigner(path).sign(b"{}")) == b"{}"


@pytest.mark.parametrize("header", [{"alg": "none"}, {"alg": "HS256"}, {}, [], {"alg": "ES256", "kid": 1}])
def test_no_other_algorithm_is_believed(tmp_path, header):
    signer = TokenSigner(tmp_path / "key")
    own, claims, signature = signer.sign(b"{}").split(".")
    given = {**json.loads(decoded(own)), **header} if isinstance(header, dict) and header else header
    text = base64.urlsafe_b64encode(json.dumps(given).encode()).decode().rstrip("=")
    assert signer.verified(f"{text}.{claims}.{signature}") is None
