"""Anonymous reports: no word of the cluster is left, and one word stands for another everywhere."""

import re

import pytest

from fairlead.explain.anonymous import KEPT, Anonymizer
from fairlead.explain.candidates import of_pod
from fairlead.explain.doctor.examine import examine
from fairlead.explain.proxying import Proxying
from fairlead.explain.references import references_of
from fairlead.explain.render.text import render_text
from fairlead.explain.subjects import explain, parse_subject
from fairlead.model.names import ObjectKey
from tests.support.broken_clusters import BROKEN, NODE_PORT, client, whole
from tests.support.cluster_dumps import cluster, pod, policy, service

SECRET = whole(
    service("payroll", selector={"app": "salaries"}, **NODE_PORT),
    pod("payroll-0", {"app": "salaries"}, ip="10.244.1.77"),
)  # fmt: skip


EXPRESSION = {"key": "role", "operator": "In", "values": ["audit"]}
CLIENT = ObjectKey("default", "client")


def shown(statement):
    return " ".join(render_text(statement).split())


def test_no_name_and_no_address_is_left():
    read = cluster(SECRET)
    text = shown(Anonymizer(read).statement(explain(read, parse_subject("svc/payroll"), Proxying())))
    for word in ("payroll", "salaries", "10.244.1.77", "10.96.0.10", "192.168.0.2"):
        assert word not in text
    assert "svc.cluster.local" in text


def test_one_word_stands_for_another_everywhere():
    words = Anonymizer(cluster(SECRET))
    assert words.text("payroll at 10.96.0.10") == words.text("payroll at 10.96.0.10")
    assert words.text("payroll") != words.text("payroll-0")
    assert words.text("10.96.0.10") != words.text("10.96.0.11")
    assert words.text("fd00::1") != "fd00::1"


def test_selectors_of_policies_and_hosts_outside_are_replaced_and_passwords_never_shown():
    rule = {"from": [{"podSelector": {"matchLabels": {"app": "payroll"}, "matchExpressions": [EXPRESSION]}}]}
    url = "https://admin:hunter2@ledger.acme.io:443/web http://web.deflt.svc.cluster.local"
    read = cluster(whole(service(), pod("web-0"), client(url), policy("shut", {"app": "web"}, ingress=[rule])))
    words = Anonymizer(read)
    text = shown(words.statement(explain(read, parse_subject("netpol/shut"), Proxying())))
    evidence = [reference.evidence for reference in references_of(read, of_pod(read, read.snapshot.pods[CLIENT]))]
    assert evidence
    assert all("hunter2" not in each.what for each in evidence)
    text += " ".join(words.text(each.what) for each in evidence)
    for word in ("payroll", "audit", "acme", "admin"):
        assert word not in text


@pytest.mark.parametrize("case", BROKEN, ids=str)
def test_no_finding_names_an_object_of_the_cluster(case):
    words = Anonymizer(case.cluster)
    names = {ref.name for ref in case.cluster.documents if len(ref.name) > 1} - KEPT
    for finding in map(words.finding, examine(case.cluster)):
        said = " ".join([finding.text, str(finding.subject), *(e.what for e in finding.evidence)])
        left = [n for n in names if re.search(rf"(?<![\w-]){re.escape(n)}(?![\w-])", said)]
        assert [n for n in left if not re.fullmatch(r"(node|label|service)-\d+", n)] == []
