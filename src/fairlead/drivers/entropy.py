"""Choices that nobody can predict."""

import os
import secrets
import uuid

POOLED = 64
_SIZE = 16


class FreshUids:
    """Version 4 UUIDs, as text. The kernel is asked for the randomness of many at once, which costs hardly more than
    for one. To be made in the process that uses it: a copy in a forked one would give the same."""

    def __init__(self) -> None:
        self._pool: list[bytes] = []

    def __call__(self) -> str:
        if not self._pool:
            octets = os.urandom(_SIZE * POOLED)
            self._pool = [octets[index : index + _SIZE] for index in range(0, len(octets), _SIZE)]
        return str(uuid.UUID(bytes=self._pool.pop(), version=4))


def choose(below: int) -> int:
    """A number below the argument, evenly at random."""
    return secrets.randbelow(below)
