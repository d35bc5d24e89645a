"""Trees as JSON: ``apiVersion: fairlead.dev/v1``. Fields are added, never renamed or removed."""

from typing import Any

from fairlead.explain.languages import ENGLISH, statement_in
from fairlead.explain.statements import Evidence, Statement, tally
from fairlead.model.phrases import template_of

API_VERSION = "fairlead.dev/v1"


def explanation_document(subject: str, statement: Statement, language: str = ENGLISH) -> dict[str, Any]:
    """An explanation, as ``schemas/explanation.schema.json`` describes it."""
    return {
        "apiVersion": API_VERSION,
        "kind": "Explanation",
        "subject": str(subject),
        "verdict": str(statement.outcome),
        "counts": _counts(statement),
        "statement": _statement_document(statement, statement_in(language, statement)),
    }


def _counts(statement: Statement) -> dict[str, int]:
    count = tally(statement)
    return {"checked": count.checked, "notChecked": count.not_checked, "failed": count.failed}


def evidence_document(evidence: Evidence) -> dict[str, str]:
    """Something that was read."""
    return {"kind": str(evidence.kind), "what": str(evidence.what), "where": str(evidence.where)}


def _statement_document(statement: Statement, told: Statement) -> dict[str, Any]:
    """One statement, its evidence and its parts; ``told`` is the same in the requested language."""
    return {
        "text": str(told.text),
        "template": template_of(statement.text),
        "verdict": str(statement.verdict),
        "because": [evidence_document(e) for e in told.because],
        "parts": list(map(_statement_document, statement.parts, told.parts)),
    }
