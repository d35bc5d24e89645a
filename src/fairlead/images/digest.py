"""Digests of the OCI image specification: ``ALGORITHM:HEX``."""

import hashlib
import re
from collections.abc import Callable
from typing import Protocol


class Hash(Protocol):
    """A hash object of hashlib."""

    def update(self, data: bytes, /) -> None: ...

    def hexdigest(self) -> str: ...


DIGEST: dict[str, tuple[int, Callable[[], Hash]]] = {  # digits of each algorithm, and what computes it
    "sha256": (64, hashlib.sha256),
    "sha512": (128, hashlib.sha512),
}


class DigestMismatch(Exception):
    """Content is not what its digest says."""

    def __init__(self, what: str, expected: str, found: str) -> None:
        super().__init__(f"{what}: expected {expected}, but the content is {found}")


def is_digest(text: str) -> bool:
    """Whether this is a digest of an algorithm that is known."""
    algorithm, colon, digits = text.partition(":")
    length, _ = DIGEST.get(algorithm, (0, None))
    return bool(colon) and re.fullmatch(rf"[0-9a-f]{{{length}}}", digits, re.ASCII) is not None and length > 0


def new_hash(digest: str) -> Hash:
    """A new hash object of a digest's algorithm."""
    return DIGEST[digest.partition(":")[0]][1]()


def finished(digest: str, hashed: Hash) -> str:
    """The digest of what has been hashed, by the algorithm of another one."""
    return f"{digest.partition(':')[0]}:{hashed.hexdigest()}"


def digest_of(content: bytes) -> str:
    """The usual digest of some content."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def check(what: str, expected: str, content: bytes) -> None:
    """Raises:
    DigestMismatch: the content is another.
    """
    hashed = new_hash(expected)
    hashed.update(content)
    if (found := finished(expected, hashed)) != expected:
        raise DigestMismatch(what, expected, found)
