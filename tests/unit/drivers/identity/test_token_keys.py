"""Keys that cannot sign tokens are refused when a server starts, before anybody brings a token."""

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from fairlead.drivers.identity.authentication import Bearers
from fairlead.drivers.identity.signing import TokenSigner
from fairlead.drivers.identity.token_keys import TokenKeyError, token_keys

pytestmark = pytest.mark.io

FILE = "service-accounts.key"


def pem_of(key):
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())


WRONG = {
    "another curve": pem_of(ec.generate_private_key(ec.SECP384R1())),
    "another algorithm": pem_of(ed25519.Ed25519PrivateKey.generate()),
    "no key at all": b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
    "no base64": b"-----BEGIN PRIVATE KEY-----\nA\n-----END PRIVATE KEY-----\n",
}


@pytest.mark.parametrize("content", WRONG.values(), ids=WRONG)
def test_a_wrong_key_is_refused_at_the_start(tmp_path, content):
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises(TokenKeyError, match=rf"{FILE}: keys for tokens .* must be of the curve P-256"):
        Bearers(tmp_path, lambda: None)


def test_keys_of_a_signer_are_found(tmp_path):
    path = tmp_path / FILE
    assert token_keys(path) == []
    TokenSigner(path)
    TokenSigner(path, now=10**12)
    assert len(token_keys(path)) == 2
    Bearers(tmp_path, lambda: None)
