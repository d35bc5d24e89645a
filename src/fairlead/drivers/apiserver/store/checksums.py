"""Checksums of rows, and the summary of all rows that each commit carries.

The digest of a store is the exclusive or of its rows' checksums: a change costs the rows that it touches, whatever the
size of the store, and every set of rows but the right one has another digest (to one in 2^64).
"""

from hashlib import blake2b
from typing import Any, NamedTuple, Self

_BYTES = 8  # SQLite's integers have 64 bits and a sign


class Summary(NamedTuple):
    """What a store holds after a commit.

    Attributes:
        version: of the last change.
        objects: how many there are.
        digest: the exclusive or of their checksums.
    """

    version: int = 0
    objects: int = 0
    digest: int = 0

    def without(self, checksum: int) -> Self:
        """The summary when a row with this checksum has gone."""
        return self._replace(objects=self.objects - 1, digest=self.digest ^ checksum)

    def including(self, checksum: int) -> Self:
        """The summary when a row with this checksum has come."""
        return self._replace(objects=self.objects + 1, digest=self.digest ^ checksum)

    @property
    def checksum(self) -> int:
        """That of the summary itself."""
        return checksum_of(*self)


def checksum_of(*columns: Any) -> int:
    """The checksum of a row's columns: strings, numbers and bytes, told apart by their type and length."""
    hashed = blake2b(digest_size=_BYTES)
    for column in columns:
        content = column if isinstance(column, bytes) else str(column).encode("utf-8", "surrogatepass")
        hashed.update(b"%s %d:" % (type(column).__name__.encode(), len(content)))
        hashed.update(content)
    return int.from_bytes(hashed.digest(), "big", signed=True)
