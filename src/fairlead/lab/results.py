"""The results of the calls of ``fairlead.lab``."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fairlead.explain.statements import Statement


@dataclass(frozen=True)
class Result:
    """A command that has ended.

    Attributes:
        code: its exit code; 128 + n when signal n ended it.
    """

    code: int
    stdout: str = ""
    stderr: str = ""

    def __str__(self) -> str:
        return self.stdout


@dataclass(frozen=True)
class Resolution:
    """The answer for a name, as the resolver of a Pod sees it.

    Attributes:
        name: the absolute name that the answer is for.
        rcode: as dig writes it: NOERROR, NXDOMAIN, SERVFAIL.
        records: the data of the records of the queried type, as dig writes it.
        tried: every name of the search list that was queried.
        truncated: an answer over UDP was truncated, and the query was repeated over TCP.
    """

    name: str
    rcode: str
    records: tuple[str, ...] = ()
    tried: tuple[str, ...] = ()
    truncated: bool = False

    @property
    def addresses(self) -> tuple[str, ...]:
        """The records, sorted, because servers rotate their order."""
        return tuple(sorted(self.records))

    def __bool__(self) -> bool:
        return bool(self.records)


@dataclass(frozen=True)
class Explanation:
    """An explanation: a tree of statements, and its text.

    Attributes:
        text: for a terminal of 80 columns.
        has_failed: whether any statement has failed.
    """

    text: str
    has_failed: bool
    statement: "Statement | None" = field(default=None, compare=False, repr=False)

    def __str__(self) -> str:
        return self.text

    def __contains__(self, words: str) -> bool:
        """Whether the text contains these words, regardless of line breaks."""
        return " ".join(words.split()) in " ".join(self.text.split())
