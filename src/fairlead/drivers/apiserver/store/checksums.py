"""Checksums of rows, and the summary of all rows that each commit carries.

The digest of a store is the exclusive or of its rows' checksums: a change costs the rows that it touches, whatever the
size of the store, and every set of rows but the right one has another digest (to one in 2^64).
"""

from hashlib import blake2b
from typing import Any, NamedTuple, Self

_BYTES = 8  # SQLite's integers have 64 bits and a sign


class Summary(NamedTuple):
    """The content of a store after a commit, summarised.

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
        return type(self)(self.version, self.objects - 1, self.digest ^ checksum)

    def including(self, checksum: int) -> Self:
        """The summary when a row with this checksum has come."""
        return type(self)(self.version, self.objects + 1, self.digest ^ checksum)

    @property
    def checksum(self) -> int:
        """The checksum of the summary itself."""
        return checksum_of(*self)


def checksum_of(*columns: Any) -> int:
    """The checksum of a row's columns; of bytes, their content counts, and of everything else what ``repr`` says."""
    content = b"".join([column for column in columns if type(column) is bytes])
    others = repr([len(column) if type(column) is bytes else column for column in columns])
    digest = blake2b(others.encode("utf-8", "surrogatepass") + content, digest_size=_BYTES).digest()
    return int.from_bytes(digest, "big", signed=True)
