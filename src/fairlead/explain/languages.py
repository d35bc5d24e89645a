"""Statements and findings in another language: each sentence by its template, with the same values.

Sentences without a translation stay English, and so do values: names, addresses, and texts of other programs such as
    the message of a probe.
"""

from collections.abc import Mapping
from importlib import import_module

import msgspec

from fairlead.explain.doctor.findings import Finding
from fairlead.explain.statements import Evidence, Statement
from fairlead.model.phrases import Phrase, filled

ENGLISH, CHINESE = "en", "zh"
LANGUAGES = (ENGLISH, CHINESE)
HTML_TAGS = {ENGLISH: "en", CHINESE: "zh-CN"}  # BCP 47
_CATALOGUES = {CHINESE: "fairlead.explain.chinese"}  # loaded on first use


def catalogue(language: str) -> Mapping[str, str]:
    """All sentences of a language by their English templates; none for English."""
    return import_module(_CATALOGUES[language]).SENTENCES if language in _CATALOGUES else {}


def translated(text: str, language: str) -> str:
    """A sentence in a language."""
    return _translated(text, catalogue(language))


def _translated(text: str, sentences: Mapping[str, str]) -> str:
    if not sentences:
        return text
    if not isinstance(text, Phrase):
        return sentences.get(text, text)
    inside = {name: _value(value, sentences) for name, value in text.values.items()}
    return filled(sentences.get(text.template, text.template), inside)


def _value(value: object, sentences: Mapping[str, str]) -> object:
    """Only phrases are translated: a Pod can be named ``ready``."""
    if isinstance(value, tuple):
        return tuple(_value(each, sentences) for each in value)
    return _translated(value, sentences) if isinstance(value, Phrase) else value


def message_in(language: str, error: Exception) -> str:
    """The message of an error, in a language."""
    said = error.args[0] if error.args else ""
    return translated(said, language) if isinstance(said, str) else str(error)


def statement_in(language: str, statement: Statement) -> Statement:
    """A whole tree in a language."""
    sentences = catalogue(language)
    return _statement(statement, sentences) if sentences else statement


def _statement(statement: Statement, sentences: Mapping[str, str]) -> Statement:
    because = tuple(_evidence(each, sentences) for each in statement.because)
    parts = tuple(_statement(part, sentences) for part in statement.parts)
    return Statement(_translated(statement.text, sentences), because, parts, statement.verdict)


def finding_in(language: str, finding: Finding) -> Finding:
    """A finding in a language; its code and its fixes are the same in all."""
    sentences = catalogue(language)
    if not sentences:
        return finding
    evidence = tuple(_evidence(each, sentences) for each in finding.evidence)
    return msgspec.structs.replace(finding, text=_translated(finding.text, sentences), evidence=evidence)


def _evidence(evidence: Evidence, sentences: Mapping[str, str]) -> Evidence:
    what, where = _translated(evidence.what, sentences), _translated(evidence.where, sentences)
    return Evidence(what, where, evidence.kind)
