"""Findings as text for a person and as JSON."""

from collections.abc import Iterable, Iterator
from typing import Any

from fairlead.explain.doctor.findings import Finding
from fairlead.explain.languages import ENGLISH, finding_in, translated
from fairlead.explain.render.documents import API_VERSION, evidence_document
from fairlead.explain.render.text import evidence_text
from fairlead.explain.render.wrapping import wrapped
from fairlead.explain.statements import Statement
from fairlead.model.phrases import Phrase


def render_findings(findings: Iterable[Finding], missing: Iterable[Statement], language: str = ENGLISH) -> str:
    """Every finding with its evidence and its fix, then the unchecked parts."""
    found, unknown = [finding_in(language, each) for each in findings], list(missing)
    lines = [line for finding in found for line in _lines(finding, language)]
    count = Phrase("{count} finding{count:plural}", count=len(found)) if found else Phrase("nothing wrong was found")
    lines.append(translated(count, language))
    if unknown:
        lines += ["", translated("not checked:", language)]
        lines += [line for each in unknown for line in wrapped(translated(each.text, language), "  ? ", "    ")]
    return "\n".join(lines) + "\n"


def _lines(finding: Finding, language: str) -> Iterator[str]:
    yield f"{translated(finding.severity.value, language)} {finding.code}  {finding.subject}"
    yield from wrapped(finding.text, "  ", "  ")
    for each in finding.evidence:
        yield from wrapped(evidence_text(each), "    ", "      ")
    for fix in finding.fixes:
        yield f"  {translated(Phrase('fix: {fix}', fix=fix.text), language)}"
    yield f"  {translated(Phrase('see {docs}', docs=finding.docs), language)}"
    yield ""


def diagnosis_document(findings: Iterable[Finding], missing: Iterable[Statement]) -> dict[str, Any]:
    """A diagnosis, as ``schemas/diagnosis.schema.json`` describes it."""
    return {
        "apiVersion": API_VERSION,
        "kind": "Diagnosis",
        "findings": [_document(finding) for finding in findings],
        "notChecked": [str(statement.text) for statement in missing],
    }


def _document(finding: Finding) -> dict[str, Any]:
    return {
        "code": finding.code,
        "severity": str(finding.severity),
        "subject": dict(zip(("kind", "namespace", "name"), finding.subject, strict=True)),
        "services": [f"{namespace}/{name}" for namespace, name in sorted(finding.services)],
        "text": str(finding.text),
        "evidence": [evidence_document(e) for e in finding.evidence],
        "fixes": [fix.text for fix in finding.fixes],
        "docs": finding.docs,
    }
