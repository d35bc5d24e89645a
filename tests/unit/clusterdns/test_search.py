"""The questions of a Pod's resolver, their order, and the end of the search."""

import pytest
from click.testing import CliRunner

from fairlead.cli.dns import dns
from fairlead.clusterdns.answer import answer
from fairlead.clusterdns.found import ZoneView
from fairlead.clusterdns.names import to_text
from fairlead.clusterdns.records import RRType
from fairlead.clusterdns.search import candidates, search_list, walk
from tests.support.dns_cases import SUFFIX, ZONE, snapshot

pytestmark = pytest.mark.io  # files, sockets or processes

SUFFIXES = search_list("testns", ZONE.origin)
LIST = [SUFFIX, "svc.cluster.local.", "cluster.local."]


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        ("svc1", [f"svc1.{suffix}" for suffix in LIST] + ["svc1."]),
        ("www.example.com", [f"www.example.com.{suffix}" for suffix in LIST] + ["www.example.com."]),
        ("www.example.com.", ["www.example.com."]),
        ("a.b.c.d.e.f", ["a.b.c.d.e.f."] + [f"a.b.c.d.e.f.{suffix}" for suffix in LIST]),
    ],
)
def test_the_search_list(given, asked):
    assert [to_text(name) for name in candidates(given, SUFFIXES)] == asked


@pytest.mark.parametrize(
    ("given", "verdicts"),
    [
        ("svc1", ["NOERROR"]),
        ("svc1.testns", ["NXDOMAIN", "NOERROR"]),
        ("nothing", ["NXDOMAIN"] * 4),
    ],
)
def test_the_search_ends_with_the_first_records(given, verdicts):
    view = ZoneView(snapshot(), ZONE)
    steps = walk(candidates(given, SUFFIXES), RRType.A, lambda question: answer(question, view))
    assert [step.answer.rcode.name for step in steps] == verdicts


MANIFEST = """\
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Service, metadata: {name: web}, spec: {clusterIP: None}}
- {apiVersion: apps/v1, kind: Deployment, metadata: {name: web}}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-1, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
endpoints: [{addresses: [10.1.2.3]}]
"""


@pytest.fixture
def manifest(tmp_path):
    path = tmp_path / "web.yaml"
    path.write_text(MANIFEST)
    return str(path)


@pytest.mark.parametrize(
    ("arguments", "code", "shown"),
    [
        (["web", "--from", "client"], 0, "web.default.svc.cluster.local. A: NOERROR: the ready endpoints"),
        (["web", "--from", "other/client"], 1, "there is no such Namespace (other)"),
        (["3.2.1.10.in-addr.arpa", "ptr"], 0, "10-1-2-3.web.default.svc.cluster.local."),
        (["1.10.in-addr.arpa", "PTR"], 1, "PTR: NODATA: nothing of its own"),
        (["10.1.2.3"], 0, "3.2.1.10.in-addr.arpa. PTR: NOERROR"),
        (["fd00::1"], 1, "ip6.arpa. PTR: ask upstream for 1.0.0.0"),
        (["www.example.com"], 1, "ask upstream for www.example.com."),
        (["web", "NOTYPE"], 2, "is not a record type"),
    ],
)
def test_the_command_shows_each_step_and_why(manifest, arguments, code, shown):
    result = CliRunner().invoke(dns, ["query", *arguments, "-f", manifest])
    assert (result.exit_code, shown in result.output) == (code, True), result.output


@pytest.mark.parametrize(
    ("arguments", "code", "shown"),
    [
        (["web.apps.lan."], 0, "web.apps.lan. 5 IN A 10.1.2.3"),
        (["gateway.lan."], 0, "gateway.lan. 3600 IN A 192.0.2.7"),
        (["192.0.2.7"], 0, "7.2.0.192.in-addr.arpa. 3600 IN PTR gateway.lan."),
        (["www.example.com."], 1, "ask upstream for www.example.com."),
        (["10-1-2-3.default.pod.cluster.local."], 1, "NXDOMAIN: Pod names are disabled"),
        (["10-1-2-3.default.pod.cluster.local.", "--pods", "insecure"], 0, "IN A 10.1.2.3"),
    ],
)
def test_the_command_answers_by_a_file_as_the_server_would(manifest, tmp_path, arguments, code, shown):
    path = tmp_path / "Corefile"
    path.write_text(
        ". {\n rewrite name suffix .apps.lan .default.svc.cluster.local answer auto\n"
        " hosts /none {\n  192.0.2.7 gateway.lan\n  fallthrough\n }\n"
        " kubernetes cluster.local\n forward . 192.0.2.1\n}\n"
    )
    result = CliRunner().invoke(dns, ["query", *arguments, "-f", manifest, "--config", str(path)])
    assert (result.exit_code, shown in result.output) == (code, True), result.output


def test_a_file_with_a_fault_is_a_usage_error(manifest, tmp_path):
    path = tmp_path / "Corefile"
    path.write_text(". {\n vieww\n}\n")
    result = CliRunner().invoke(dns, ["query", "web", "-f", manifest, "--config", str(path)])
    assert (result.exit_code, "Corefile:2: plugin vieww is unknown" in result.output) == (2, True)


def test_a_manifest_that_cannot_be_read(tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_text("kind: Service\nmetadata: 3\n")
    result = CliRunner().invoke(dns, ["query", "x", "-f", str(path)])
    assert result.exit_code == 3
    assert "bad.yaml" in result.output


def test_wrong_settings_are_a_usage_error():
    result = CliRunner().invoke(dns, ["--ttl", "9999"])
    assert result.exit_code == 2
    assert "ttl must be in range" in result.output
