"""Who may become primary: the decision alone, without clock, API or database.

PostgreSQL's timeline and LSN serve as Raft's term and index do. A write is acknowledged when a majority has it on disk:
the primary, and by ``synchronous_standby_names`` one replica of the two. A new primary needs the votes of a majority,
each of which is a promise to take no more WAL from the old one, and a WAL no shorter than theirs. Two majorities share
a member, so every acknowledged write is in the new primary's WAL, and the old primary, should it still run, can have no
further write acknowledged.

That holds whatever clocks do. They only decide when an election starts.
"""

from collections.abc import Iterable
from typing import NamedTuple


class Position(NamedTuple):
    """How far a member's WAL goes. The greater one has every acknowledged write that the smaller one has."""

    timeline: int
    lsn: int


class Vote(NamedTuple):
    """A promise to follow nobody for as long as the Lease has this version, and the WAL of the one who gives it."""

    lease_version: str
    position: Position


def may_lead(mine: Vote, others: Iterable[Vote], members: int) -> bool:
    """Whether votes suffice to take the Lease at its version; ``members`` counts all, those that are silent too."""
    behind = [vote for vote in others if vote.lease_version == mine.lease_version and vote.position <= mine.position]
    return 1 + len(behind) > members // 2


def has_diverged(position: Position, history: str, timeline: int) -> bool:
    """Whether WAL up to ``position`` is more than what a primary on this timeline has.

    Args:
        history: the primary's history file: a line for each former timeline, with its number and the LSN of its end.
    """
    if position.timeline == timeline:
        return False
    return position.lsn > _ends(history).get(position.timeline, -1)


def timeline_at(lsn: int, newest: int, history: str) -> int:
    """The timeline of the WAL before ``lsn``, when files of timeline ``newest``, with this history, have been begun.

    The first of them repeats the end of its parent, up to the LSN where the two part.
    """
    return next((timeline for timeline, end in _ends(history).items() if lsn < end), newest)


def _ends(history: str) -> dict[int, int]:
    """Where each former timeline ends, by the lines of a history file: number, LSN, reason."""
    lines = (line.split() for line in history.splitlines() if line.strip())
    return {int(timeline): parse_lsn(lsn) for timeline, lsn, *_ in lines}


def parse_lsn(text: str) -> int:
    """``16/B374D848`` as a number."""
    high, _, low = text.partition("/")
    return (int(high, 16) << 32) + int(low, 16)
