"""The parts of an explanation: statements, the evidence for each, and how far each was checked.

A statement that could not be checked is included too: a reader must see what is missing. So the verdict of a tree is
    that of its worst part, and a partial answer never looks complete.
"""

import enum
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import msgspec


class Verdict(enum.StrEnum):
    """The verdict on a statement, the best first."""

    CHECKED = "checked"
    NOT_CHECKED = "not checked"
    FAILED = "failed"


class EvidenceKind(enum.StrEnum):
    """The kinds of evidence for a statement."""

    FIELD = "field"
    RULE = "rule"
    RECORD = "record"
    OBSERVATION = "observation"
    SPECIFICATION = "specification"


class Evidence(msgspec.Struct, frozen=True):
    """Something that was read.

    Attributes:
        what: the field, rule, record or observation, with its value.
        where: the file, API server or node from which it was read; "" for a specification.
    """

    what: str
    where: str = ""
    kind: EvidenceKind = EvidenceKind.FIELD


class Statement(msgspec.Struct, frozen=True):
    """A statement with its evidence, and its detailed parts."""

    text: str
    because: tuple[Evidence, ...] = ()
    parts: tuple["Statement", ...] = ()
    verdict: Verdict = Verdict.CHECKED

    @property
    def outcome(self) -> Verdict:
        """The worst verdict in the tree."""
        order = list(Verdict)
        return max((statement.verdict for statement in self.walk()), key=order.index)

    def walk(self) -> Iterator["Statement"]:
        """This statement and all its parts, from the top."""
        yield self
        for part in self.parts:
            yield from part.walk()


class Tally(NamedTuple):
    """How many statements of a tree have each verdict."""

    checked: int
    not_checked: int
    failed: int


def tally(statement: Statement) -> Tally:
    """Count the statements of a tree."""
    verdicts = [each.verdict for each in statement.walk()]
    return Tally(*(verdicts.count(v) for v in (Verdict.CHECKED, Verdict.NOT_CHECKED, Verdict.FAILED)))


def said(text: str, *because: Evidence, parts: Iterable[Statement] = ()) -> Statement:
    """A statement that was checked and holds."""
    return Statement(text, because, tuple(parts))


def failed(text: str, *because: Evidence, parts: Iterable[Statement] = ()) -> Statement:
    """A statement about something that does not work."""
    return Statement(text, because, tuple(parts), Verdict.FAILED)


def unchecked(text: str, *because: Evidence) -> Statement:
    """A statement about something that could not be checked."""
    return Statement(text, because, (), Verdict.NOT_CHECKED)
