"""The file of the keys that sign tokens, read without the library that signs: a server loads that for its first token.

The file may hold several keys as PEM (PKCS #8, RFC 5958).
"""

import base64
import binascii
from pathlib import Path

_BEGIN, _END = b"-----BEGIN PRIVATE KEY-----\n", b"-----END PRIVATE KEY-----\n"
# The algorithm of a key of the curve P-256, in DER: id-ecPublicKey with prime256v1 (RFC 5480, section 2.1.1).
_P256 = bytes.fromhex("301306072a8648ce3d020106082a8648ce3d030107")


class TokenKeyError(Exception):
    """A key cannot sign tokens; the message names the file and says what to do."""


def token_keys(path: Path) -> list[bytes]:
    """The keys of a file, each as PEM; none of what an earlier version kept there, which was no key for others to know
    of.

    Raises:
        TokenKeyError: one of them is no key of the curve P-256. OSError: the file cannot be read.
    """
    pems = [part + _END for part in path.read_bytes().split(_END) if part.startswith(_BEGIN)] if path.exists() else []
    if not all(map(_is_of_p256, pems)):
        raise TokenKeyError(
            f"{path}: keys for tokens of ServiceAccounts must be of the curve P-256; if you delete the file, a new key "
            "is made, and tokens of the old ones are refused"
        )
    return pems


def _is_of_p256(pem: bytes) -> bool:
    try:
        return _P256 in base64.b64decode(pem.removeprefix(_BEGIN).removesuffix(_END), validate=False)
    except binascii.Error:
        return False
