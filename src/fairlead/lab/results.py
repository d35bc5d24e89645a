"""What the calls of ``fairlead.lab`` give back."""

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
    """What a name resolves to, as the resolver of a Pod sees it.

    Attributes:
        name: the name that was answered in the end, absolute.
        rcode: as dig writes it: NOERROR, NXDOMAIN, SERVFAIL.
        records: the data of the records of the type that was asked for, as dig writes it.
        tried: every name that was asked for on the way through the search list.
        truncated: an answer over UDP was cut, and asked again over TCP.
    """

    name: str
    rcode: str
    records: tuple[str, ...] = ()
    tried: tuple[str, ...] = ()
    truncated: bool = False

    @property
    def addresses(self) -> tuple[str, ...]:
        """The records, sorted, since servers turn their order."""
        return tuple(sorted(self.records))

    def __bool__(self) -> bool:
        return bool(self.records)


@dataclass(frozen=True)
class Explanation:
    """Why something is as it is: a tree of statements, and what it looks like as text.

    Attributes:
        text: for a terminal of 80 columns.
        has_failed: whether any statement of it does not hold.
    """

    text: str
    has_failed: bool
    statement: "Statement | None" = field(default=None, compare=False, repr=False)

    def __str__(self) -> str:
        return self.text

    def __contains__(self, words: str) -> bool:
        """Whether the text has these words, however its lines are broken."""
        return " ".join(words.split()) in " ".join(self.text.split())
