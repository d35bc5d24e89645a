"""Trees as text for a terminal of 80 columns."""

import textwrap
from collections.abc import Iterator

from fairlead.explain.statements import Evidence, Statement, Verdict, tally

WIDTH = 80
_MARKS = {Verdict.CHECKED: " ", Verdict.FAILED: "✗", Verdict.NOT_CHECKED: "?"}


def render_text(statement: Statement, *, evidence: bool = True) -> str:
    """The tree, and at its end how much of it was checked."""
    return "\n".join([*_lines(statement, 0, evidence), "", _summary(statement), ""])


def _lines(statement: Statement, depth: int, evidence: bool) -> Iterator[str]:
    indent = "  " * depth
    yield from wrapped(f"{_MARKS[statement.verdict]} {statement.text}", indent, indent + "    ")
    for each in statement.because if evidence else ():
        yield from wrapped(f"    {evidence_text(each)}", indent, indent + "      ")
    for part in statement.parts:
        yield from _lines(part, depth + 1, evidence)


def evidence_text(evidence: Evidence) -> str:
    """What was read, and where."""
    return f"[{evidence.what}]" if not evidence.where else f"[{evidence.what}; {evidence.where}]"


def wrapped(text: str, first: str, rest: str) -> list[str]:
    """Lines of at most 80 columns; a word longer than that stays whole, so that it can be copied."""
    lines = textwrap.wrap(
        text, WIDTH, initial_indent=first, subsequent_indent=rest,
        break_long_words=False, break_on_hyphens=False, drop_whitespace=True,
    )  # fmt: skip
    return lines or [first]


def _summary(statement: Statement) -> str:
    count = tally(statement)
    text = f"{count.checked} checked, {count.failed} failed, {count.not_checked} not checked"
    return text + (" (marked ?): this is not the whole answer" if count.not_checked else "")
