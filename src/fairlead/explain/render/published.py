"""The shape of what ``-o json`` prints, version ``fairlead.dev/v1``: fields are added, never renamed or removed.

The JSON schemas in ``explain/schemas`` are made of these types; a test holds both together.
"""

import inspect
from typing import Literal

import msgspec

VERDICTS = Literal["checked", "not checked", "failed"]


class _Document(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """Base of all published documents."""


class EvidenceDocument(_Document, frozen=True):
    """Something that was read; ``where`` is empty for a specification."""

    kind: Literal["field", "rule", "record", "observation", "specification"]
    what: str
    where: str


class StatementDocument(_Document, frozen=True):
    """Something that is so, or could not be checked; ``verdict`` is its own, without its parts.

    ``template`` is the sentence with names in place of its values: the same for all statements of a kind.
    """

    text: str
    template: str
    verdict: VERDICTS
    because: list[EvidenceDocument]
    parts: list["StatementDocument"]


class CountsDocument(_Document, frozen=True):
    """How many statements have each verdict."""

    checked: int
    not_checked: int
    failed: int


class ExplanationDocument(_Document, frozen=True):
    """What ``explain``, ``trace`` and ``diff`` print; ``verdict`` is the worst of the tree."""

    api_version: Literal["fairlead.dev/v1"]
    kind: Literal["Explanation"]
    subject: str
    verdict: VERDICTS
    counts: CountsDocument
    statement: StatementDocument


class SubjectDocument(_Document, frozen=True):
    """An object; ``namespace`` is empty for one that is in none."""

    kind: str
    namespace: str
    name: str


class FindingDocument(_Document, frozen=True):
    """Something that is wrong; ``services`` are those that it harms, as NAMESPACE/NAME, or empty for all."""

    code: str
    severity: Literal["error", "warning"]
    subject: SubjectDocument
    services: list[str]
    text: str
    evidence: list[EvidenceDocument]
    fixes: list[str]
    docs: str


class DiagnosisDocument(_Document, frozen=True):
    """What ``doctor`` prints."""

    api_version: Literal["fairlead.dev/v1"]
    kind: Literal["Diagnosis"]
    findings: list[FindingDocument]
    not_checked: list[str]


SCHEMAS = {"explanation": ExplanationDocument, "diagnosis": DiagnosisDocument}


def schema_text(name: str) -> str:
    """A published schema as it stands in its file."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **msgspec.json.schema(SCHEMAS[name])}
    for type_ in (schema, *schema["$defs"].values()):
        if "description" in type_:  # a docstring; only newer versions of Python remove its indentation
            type_["description"] = inspect.cleandoc(type_["description"])
    return msgspec.json.format(msgspec.json.encode(schema, order="deterministic"), indent=2).decode() + "\n"
