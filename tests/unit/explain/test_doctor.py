"""Findings for broken clusters, none for healthy ones, and reports of missing data."""

import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.explain.doctor.coverage import not_checked
from fairlead.explain.doctor.examine import about, examine
from fairlead.explain.doctor.findings import CODES
from fairlead.explain.render.findings import diagnosis_document, render_findings
from fairlead.explain.render.reports import github, junit, sarif
from fairlead.model.names import ObjectKey
from tests.support.broken_clusters import BROKEN, HEALTHY, whole
from tests.support.cluster_dumps import changed, cluster, service, system, web
from tests.unit.explain.test_hostile_input import DOCUMENTS

ROW = "{:<58} {:<52} {}"


def codes(case):
    return tuple(finding.code for finding in examine(case.cluster))


@pytest.mark.parametrize("case", BROKEN, ids=str)
def test_the_true_causes_are_found_the_first_one_first_and_nothing_else(case):
    assert codes(case) == case.codes


@pytest.mark.parametrize("case", HEALTHY, ids=str)
def test_a_healthy_cluster_has_no_findings(case):
    assert [f.text for f in examine(case.cluster)] == []


def test_the_table_of_cases_has_what_it_promises(capsys):
    with capsys.disabled():
        print("\n" + ROW.format("CLUSTER", "TRUE CAUSES", "FOUND"))
        for case in (*BROKEN, *HEALTHY):
            print(ROW.format(case.name, " ".join(case.codes) or "healthy", " ".join(codes(case)) or "nothing"))
    assert len(BROKEN) >= 60
    assert len(HEALTHY) >= 20
    assert sum(len(case.codes) > 1 for case in BROKEN) >= 12
    assert {code for case in BROKEN for code in case.codes} == set(CODES)


@pytest.mark.parametrize("case", BROKEN, ids=str)
def test_every_finding_has_evidence_a_fix_and_a_place_in_the_documents(case):
    for finding in examine(case.cluster):
        assert finding.evidence, finding
        assert finding.fixes, finding
        assert all(fix.text for fix in finding.fixes), finding
        assert finding.docs == f"docs/doctor.md#{finding.code}"


def patched(document, patch):
    """A document after a JSON merge patch (RFC 7396)."""
    if not isinstance(patch, dict):
        return patch
    result = dict(document) if isinstance(document, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = patched(result.get(key), value)
    return result


NEEDS_A_CONTROLLER = {"no-pods", "load-balancer-pending"}  # to act on what was changed
REPAIRABLE = [
    case
    for case in BROKEN
    if not case.seen
    and not NEEDS_A_CONTROLLER & set(case.codes)
    and all(f.fixes[0].target and f.fixes[0].patch for f in examine(case.cluster))
]


@pytest.mark.parametrize("case", REPAIRABLE, ids=str)
def test_the_fix_that_is_proposed_takes_the_finding_away(case):
    documents = [
        d for d in case.documents if "endpointslice.kubernetes.io/managed-by" not in d["metadata"].get("labels", {})
    ]
    for finding in examine(case.cluster):
        kind, _, name = finding.fixes[0].target
        documents = [
            patched(d, finding.fixes[0].patch) if (d["kind"], d["metadata"]["name"]) == (kind, name) else d
            for d in documents
        ]
    left = examine(cluster(whole(*documents, without=[(d["kind"], d["metadata"]["name"]) for d in system()])))
    assert {f.code for f in left} & set(case.codes) == set()


def test_enough_of_the_fixes_are_patches():
    assert len(REPAIRABLE) >= 15


def test_a_service_is_examined_alone_with_global_findings():
    documents = whole(service(selector={"app": "wbe"}), service("other", "10.96.0.11", selector={"app": "qqq"}), web())
    found = examine(cluster(documents))
    assert {f.subject.name for f in about(found, [ObjectKey("default", "web")])} == {"web"}
    assert {f.subject.name for f in found} == {"web", "other"}


def test_unobserved_parts_are_reported():
    read = cluster(system(), whole=False)
    said = " ".join(statement.text for statement in not_checked(read))
    for word in ("Events, NetworkPolicies", "ss -ltn", "conntrack -L"):
        assert word in said
    assert "not checked:" in render_findings([], not_checked(read))


def test_an_unreadable_document_is_reported():
    read = cluster([*system(), changed(service("bad"), "spec.ports", "none")])
    assert any("bad" in statement.text for statement in not_checked(read))


@given(document=DOCUMENTS)
@settings(deadline=None)
def test_no_document_breaks_an_examination(document):
    read = cluster([document, *system(), *web(1), service("other", "10.96.0.44")])
    json.dumps(diagnosis_document(examine(read), not_checked(read)))


ALL = [finding for case in BROKEN for finding in examine(case.cluster)]


def test_sarif_names_the_rule_and_the_place_of_every_finding():
    log = sarif(ALL, "1")
    (run,) = log["runs"]
    ids = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert [ids[r["ruleIndex"]] for r in run["results"]] == [f.code for f in ALL]
    assert all(r["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for r in run["results"])


def test_junit_has_a_failure_for_each_kind_of_finding():
    suite = ET.fromstring(junit(ALL))
    assert int(suite.get("failures")) == len(suite.findall("testcase/failure")) == len({f.code for f in ALL})
    assert ET.fromstring(junit([])).get("failures") == "0"


@given(text=st.text())
def test_any_text_fits_into_a_report(text):
    import msgspec

    finding = msgspec.structs.replace(ALL[0], text=text)
    ET.fromstring(junit([finding]))
    assert github([finding]).count("\n") == 1


def test_github_gets_one_line_for_each_finding():
    lines = github(ALL).splitlines()
    assert len(lines) == len(ALL)
    assert all(re.match(r"::(error|warning) file=[^,:]+,title=[a-z-]+::", line) for line in lines)


def test_the_page_lists_every_finding_in_its_order():
    page = (Path(__file__).parents[3] / "docs/doctor.md").read_text()
    listed = re.findall(r'^- <a id="([a-z-]+)"></a>`\1` \((error|warning)\): (.*)$', page, re.MULTILINE)
    assert listed == [(code, str(severity), meaning) for code, (severity, meaning) in CODES.items()]
