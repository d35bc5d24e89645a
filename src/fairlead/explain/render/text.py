"""Trees as text for a terminal of 80 columns."""

from collections.abc import Iterator

from fairlead.explain.languages import ENGLISH, statement_in, translated
from fairlead.explain.render.wrapping import wrapped
from fairlead.explain.statements import Evidence, Statement, Verdict, tally
from fairlead.model.phrases import Phrase

_MARKS = {Verdict.CHECKED: " ", Verdict.FAILED: "✗", Verdict.NOT_CHECKED: "?"}


def render_text(statement: Statement, *, evidence: bool = True, language: str = ENGLISH) -> str:
    """The tree, and at its end how many statements were checked."""
    told = statement_in(language, statement)
    return "\n".join([*_lines(told, 0, evidence), "", translated(_summary(statement), language), ""])


def _lines(statement: Statement, depth: int, evidence: bool) -> Iterator[str]:
    indent = "  " * depth
    yield from wrapped(f"{_MARKS[statement.verdict]} {statement.text}", indent, indent + "    ")
    for each in statement.because if evidence else ():
        yield from wrapped(f"    {evidence_text(each)}", indent, indent + "      ")
    for part in statement.parts:
        yield from _lines(part, depth + 1, evidence)


def evidence_text(evidence: Evidence) -> str:
    """The evidence, and its source."""
    return f"[{evidence.what}]" if not evidence.where else f"[{evidence.what}; {evidence.where}]"


_ALL = "{checked} checked, {failed} failed, {unknown} not checked"
_PART = "{checked} checked, {failed} failed, {unknown} not checked (marked ?): this is not the whole answer"


def _summary(statement: Statement) -> Phrase:
    count = tally(statement)
    template = _PART if count.not_checked else _ALL
    return Phrase(template, checked=count.checked, failed=count.failed, unknown=count.not_checked)
