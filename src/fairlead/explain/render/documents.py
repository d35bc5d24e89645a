"""Trees as JSON: ``apiVersion: fairlead.dev/v1``. Fields are added, never renamed or removed."""

from typing import Any

from fairlead.explain.statements import Evidence, Statement, tally

API_VERSION = "fairlead.dev/v1"


def explanation_document(subject: str, statement: Statement) -> dict[str, Any]:
    """An explanation, as ``schemas/explanation.schema.json`` describes it."""
    return {
        "apiVersion": API_VERSION,
        "kind": "Explanation",
        "subject": str(subject),
        "verdict": str(statement.outcome),
        "counts": _counts(statement),
        "statement": statement_document(statement),
    }


def _counts(statement: Statement) -> dict[str, int]:
    count = tally(statement)
    return {"checked": count.checked, "notChecked": count.not_checked, "failed": count.failed}


def evidence_document(evidence: Evidence) -> dict[str, str]:
    """Something that was read."""
    return {"kind": str(evidence.kind), "what": str(evidence.what), "where": str(evidence.where)}


def statement_document(statement: Statement) -> dict[str, Any]:
    """One statement, its evidence and its parts."""
    return {
        "text": str(statement.text),
        "verdict": str(statement.verdict),
        "because": [evidence_document(e) for e in statement.because],
        "parts": [statement_document(part) for part in statement.parts],
    }
