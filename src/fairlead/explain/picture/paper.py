"""Pictures and trees as one self-contained HTML file, without scripts or external resources."""

from collections.abc import Iterable
from html import escape
from typing import NamedTuple

from fairlead.explain.doctor.findings import Finding
from fairlead.explain.render.text import evidence_text
from fairlead.explain.statements import Evidence, Statement, Verdict

_SIGNS = {Verdict.CHECKED: "", Verdict.FAILED: "✗ ", Verdict.NOT_CHECKED: "? "}
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


class Section(NamedTuple):
    """A part of the file: a heading, "" for none, and markup in which every text is escaped."""

    heading: str
    markup: str


def paper(title: str, when: str, sections: Iterable[Section], style: str, language: str) -> str:
    """The file.

    Args:
        when: the time of the data. style: the style sheets.
    """
    parts = "\n".join(f"{f'<h2>{escape(s.heading)}</h2>' if s.heading else ''}{s.markup}" for s in sections)
    return (
        f'<!doctype html>\n<html lang="{escape(language)}"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(_POLICY)}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{escape(title)}</title><style>{style}</style></head>\n"
        f'<body><h1>{escape(title)}</h1><p class="when">{escape(when)}</p>\n{parts}\n</body></html>\n'
    )


def tree(statement: Statement, depth: int = 2) -> str:
    """A statement with all its parts; the first levels are open, and so are failures."""
    kind = {Verdict.FAILED: ' class="failed"', Verdict.NOT_CHECKED: ' class="unchecked"'}.get(statement.verdict, "")
    is_open = " open" if depth > 0 or statement.outcome is Verdict.FAILED else ""
    below = "".join(map(_evidence, statement.because)) + "".join(tree(part, depth - 1) for part in statement.parts)
    text = escape(_SIGNS[statement.verdict] + statement.text)
    return f"<details{is_open}><summary{kind}>{text}</summary>{below}</details>\n"


def findings(found: Iterable[Finding], fine: str) -> str:
    """Findings with their evidence and fixes; ``fine`` if there are none."""
    return "".join(map(_finding, found)) or f"<p>{escape(fine)}</p>"


def rules(lines: Iterable[tuple[str, str]]) -> str:
    """Rules, each with its reason."""
    return "".join(f'<pre>{escape(text)}</pre><span class="evidence">{escape(reason)}</span>' for text, reason in lines)


def _finding(finding: Finding) -> str:
    fixes = "".join(f"<pre>{escape(fix.text)}</pre>" for fix in finding.fixes)
    evidence = "".join(map(_evidence, finding.evidence))
    head = f"<b>{escape(finding.code)}</b> {escape(str(finding.subject))}"
    return f'<article class="{finding.severity}"><p>{head}<br>{escape(finding.text)}</p>{evidence}{fixes}</article>'


def _evidence(evidence: Evidence) -> str:
    return f'<span class="evidence">{escape(evidence_text(evidence))}</span>'
