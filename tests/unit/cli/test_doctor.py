"""``fairlead doctor`` and ``fairlead explain`` as commands: what they print, and their exit codes."""

import json

import pytest
import yaml
from click.testing import CliRunner

from fairlead.cli.main import cli
from tests.support.broken_clusters import whole
from tests.support.cluster_dumps import service, web

pytestmark = pytest.mark.io


@pytest.fixture
def dump(tmp_path):
    def write(*objects):
        path = tmp_path / "dump.json"
        path.write_text(json.dumps({"kind": "List", "items": whole(*objects)}))
        return str(path)

    return write


def run(*arguments):
    return CliRunner().invoke(cli, arguments)


BROKEN = service(selector={"app": "wbe"})


@pytest.mark.parametrize("output", ["text", "json", "sarif", "junit", "github"])
def test_a_finding_ends_with_exit_code_1_in_every_format(dump, output):
    done = run("doctor", "-f", dump(BROKEN, web()), "-o", output)
    assert done.exit_code == 1, done.output
    assert "selector-nothing" in done.output


def test_the_fix_is_a_command_that_can_be_pasted(dump):
    done = run("doctor", "-f", dump(BROKEN, web()))
    (line,) = [line for line in done.output.splitlines() if line.startswith("  fix: ")]
    assert (
        line == """  fix: kubectl patch -n default service web --type merge -p '{"spec":{"selector":{"app":"web"}}}'"""
    )


def test_what_is_healthy_ends_with_exit_code_0(dump):
    done = run("doctor", "svc/web", "-f", dump(service(), web()))
    assert done.exit_code == 0, done.output
    assert done.output.startswith("nothing wrong was found")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["doctor", "svc/nobody"], 1),
        (["doctor", "web"], 2),
        (["doctor", "node/node-1"], 2),
        (["doctor", "--fix"], 2),
        (["explain", "svc/nobody"], 1),
        (["explain", "svc"], 2),
        (["explain"], 2),
        (["explain", "svc/web"], 0),
        (["explain", "sts/web"], 3),
    ],
)
def test_exit_codes(dump, arguments, code):
    done = run(*arguments, "-f", dump(service(), web()))
    assert done.exit_code == code, done.output


def test_a_file_that_is_not_there_ends_with_exit_code_3():
    for command in (["doctor"], ["explain", "svc/web"]):
        assert run(*command, "-f", "/nowhere.yaml").exit_code == 3


def test_the_printed_rights_allow_lists_alone_and_no_secrets():
    role = yaml.safe_load(run("explain", "--print-rbac").output)
    assert {verb for rule in role["rules"] for verb in rule["verbs"]} == {"list"}
    assert "secrets" not in {plural for rule in role["rules"] for plural in rule["resources"]}


def test_an_explanation_as_json_counts_what_was_not_checked(dump):
    done = run("explain", "svc/web", "-f", dump(service(), web()), "-o", "json")
    document = json.loads(done.output)
    assert (document["apiVersion"], document["kind"], document["subject"]) == (
        "fairlead.dev/v1",
        "Explanation",
        "Service default/web",
    )
    assert document["counts"]["notChecked"] == 0


@pytest.mark.parametrize("output", ["text", "json", "mermaid", "dot", "svg", "html"])
def test_an_explanation_in_every_format_and_without_names(dump, output):
    done = run("explain", "svc/payroll", "-f", dump(service("payroll"), web()), "-o", output, "--anonymize")
    assert done.exit_code == 0, done.output
    assert "payroll" not in done.output
