"""JSON output has the published shape, and consumers of the first version can still read it."""

from pathlib import Path

import msgspec
import pytest

from fairlead.explain.doctor.coverage import not_checked
from fairlead.explain.doctor.examine import examine
from fairlead.explain.proxying import Proxying
from fairlead.explain.render.documents import explanation_document
from fairlead.explain.render.findings import diagnosis_document
from fairlead.explain.render.published import SCHEMAS, DiagnosisDocument, ExplanationDocument, schema_text
from fairlead.explain.subjects import explain, parse_subject
from tests.support.broken_clusters import BROKEN, HEALTHY, NODE_PORT, client, whole
from tests.support.cluster_dumps import cluster, service, web
from tests.unit.explain.test_journey import way

FOLDER = Path(__file__).parents[3] / "src/fairlead/explain/schemas"


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_published_schema_is_that_of_the_types(name):
    assert (FOLDER / f"{name}.schema.json").read_text() == schema_text(name)


def fits(document, type_):
    """Whether a document has exactly the published fields: strictly, so that a new one must be published first."""
    assert msgspec.to_builtins(msgspec.convert(document, type_)) == document


@pytest.mark.parametrize("case", [*BROKEN, *HEALTHY], ids=str)
def test_every_diagnosis_fits(case):
    fits(diagnosis_document(examine(case.cluster), not_checked(case.cluster)), DiagnosisDocument)


@pytest.mark.parametrize("subject", ["svc/web", "pod/web-0", "node/node-1", "dns/web.default", "10.96.0.10", "port/80"])
def test_every_explanation_fits(subject):
    read = cluster(whole(service(**NODE_PORT), web()))
    statement = explain(read, parse_subject(subject), Proxying())
    fits(explanation_document(subject, statement), ExplanationDocument)


def test_a_trace_fits():
    statement = way(whole(service(), web(), client()), "pod/client", "web", verbose=True)
    fits(explanation_document(statement.text, statement), ExplanationDocument)


class OldEvidence(msgspec.Struct):
    kind: str
    what: str
    where: str


class OldStatement(msgspec.Struct):
    text: str
    verdict: str
    because: list[OldEvidence]
    parts: list["OldStatement"]


class OldExplanation(msgspec.Struct, rename="camel"):
    """A consumer of the first version, as it was written then. It is never changed."""

    api_version: str
    kind: str
    subject: str
    verdict: str
    counts: dict[str, int]
    statement: OldStatement


class OldFinding(msgspec.Struct):
    code: str
    severity: str
    subject: dict[str, str]
    services: list[str]
    text: str
    evidence: list[OldEvidence]
    fixes: list[str]
    docs: str


class OldDiagnosis(msgspec.Struct, rename="camel"):
    """The same for diagnoses."""

    api_version: str
    kind: str
    findings: list[OldFinding]
    not_checked: list[str]


def test_a_consumer_of_the_first_version_reads_everything():
    read = BROKEN[0].cluster
    msgspec.convert(diagnosis_document(examine(read), not_checked(read)), OldDiagnosis)
    statement = explain(cluster(whole(service(), web())), parse_subject("svc/web"), Proxying())
    old = msgspec.convert(explanation_document("x", statement), OldExplanation)
    assert (old.api_version, set(old.counts)) == ("fairlead.dev/v1", {"checked", "notChecked", "failed"})
