"""Findings for other programs: SARIF 2.1.0, JUnit XML, workflow commands of GitHub."""

import re
from collections.abc import Sequence
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from fairlead.explain.doctor.findings import CODES, Finding, Severity

_SARIF = "https://json.schemastore.org/sarif-2.1.0.json"
_DOCUMENT = re.compile(r", document \d+$")
_UNPRINTABLE = re.compile(
    "[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
)  # characters that XML 1.0 does not allow


def _file_of(finding: Finding) -> str:
    """The file of the finding, or the object's name if it was not read from a file."""
    where = next((e.where for e in finding.evidence if e.where), "")
    return _DOCUMENT.sub("", where) or str(finding.subject)


def sarif(findings: Sequence[Finding], version: str) -> dict[str, Any]:
    """A SARIF log."""
    used = sorted({finding.code for finding in findings})
    rules = [{"id": code, "shortDescription": {"text": CODES[code].meaning}} for code in used]
    driver = {"name": "fairlead doctor", "version": version, "rules": rules}
    results = [_result(finding, used) for finding in findings]
    return {"$schema": _SARIF, "version": "2.1.0", "runs": [{"tool": {"driver": driver}, "results": results}]}


def _result(finding: Finding, used: list[str]) -> dict[str, Any]:
    fixes = "".join(f"\nfix: {fix.text}" for fix in finding.fixes)
    location = {
        "physicalLocation": {"artifactLocation": {"uri": _file_of(finding).replace(" ", "%20")}},
        "logicalLocations": [{"fullyQualifiedName": str(finding.subject)}],
    }
    return {
        "ruleId": finding.code,
        "ruleIndex": used.index(finding.code),
        "level": str(finding.severity),
        "message": {"text": finding.text + fixes},
        "locations": [location],
    }


def junit(findings: Sequence[Finding]) -> str:
    """A JUnit report with one test for each kind of finding, which fails if there is one."""
    by_code: dict[str, list[Finding]] = {}
    for finding in findings:
        by_code.setdefault(finding.code, []).append(finding)
    cases = "".join(_test(code, by_code.get(code, [])) for code in CODES)
    head = f'<testsuite name="fairlead doctor" tests="{len(CODES)}" failures="{len(by_code)}">'
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{head}\n{cases}</testsuite>\n'


def _test(code: str, findings: list[Finding]) -> str:
    head = f'  <testcase classname="fairlead.doctor" name="{code}"'
    if not findings:
        return f"{head}/>\n"
    text = "\n".join(line for f in findings for line in (f.text, *(f"fix: {fix.text}" for fix in f.fixes)))
    body = escape(_UNPRINTABLE.sub("?", text))
    message = quoteattr(_UNPRINTABLE.sub("?", findings[0].text))
    return f"{head}>\n    <failure message={message}>{body}</failure>\n  </testcase>\n"


_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning"}


def github(findings: Sequence[Finding]) -> str:
    """One workflow command for each finding, which GitHub shows beside the file."""
    return "".join(
        f"::{_LEVELS[f.severity]} file={_property(_file_of(f))},title={_property(f.code)}::{_message(f)}\n"
        for f in findings
    )


def _message(finding: Finding) -> str:
    text = "\n".join((finding.text, *(f"fix: {fix.text}" for fix in finding.fixes)))
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A").replace(":", "%3A").replace(",", "%2C")
