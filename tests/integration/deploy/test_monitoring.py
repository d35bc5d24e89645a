"""Alert rules and dashboards: they are sound, and speak of metrics that there are."""

import json
import re
import subprocess
import sys

import pytest
import yaml

from fairlead.app.proxy.options import ProxyOptions
from fairlead.app.proxy.reports import Reports
from tests.support.charts import REPOSITORY
from tests.support.fake_api import FakeApi

MONITORING = REPOSITORY / "deploy" / "monitoring"
RULES = MONITORING / "fairlead.rules.yaml"
DASHBOARDS = sorted((MONITORING / "dashboards").glob("*.json"))
METRIC = re.compile(r"\b((?:coredns|kubeproxy|fairlead|leader_election)_[a-z_0-9]+)")
SUFFIXES = re.compile(r"_(total|bucket|sum|count)$")


def promtool(*arguments):
    done = subprocess.run(["promtool", *arguments], cwd=MONITORING, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_alert_rules_are_sound_and_pass_their_tests():
    promtool("check", "rules", RULES.name)
    promtool("test", "rules", "fairlead.rules.test.yaml")


def test_every_alert_is_tried():
    tests = yaml.safe_load((MONITORING / "fairlead.rules.test.yaml").read_text())["tests"]
    tried = {case["alertname"] for test in tests for case in test["alert_rule_test"] if case.get("exp_alerts")}
    rules = yaml.safe_load(RULES.read_text())
    assert tried == {rule["alert"] for group in rules["groups"] for rule in group["rules"]}


@pytest.fixture(scope="module")
def known():
    """The names of all metrics: those of the proxy as it serves them, others as they stand in the source."""
    reports = Reports(ProxyOptions("node"), FakeApi(), ("IPv4",))
    served = set(re.findall(r"^# TYPE (\S+)", reports.metric_pages()["/metrics"]().body, re.M))
    sources = [path.read_text() for path in (REPOSITORY / "src" / "fairlead").rglob("*.py")]
    return {SUFFIXES.sub("", name) for name in served.union(*(METRIC.findall(text) for text in sources))}


def expressions():
    for group in yaml.safe_load(RULES.read_text())["groups"]:
        yield from ((rule["alert"], rule["expr"]) for rule in group["rules"])
    for path in DASHBOARDS:
        for panel in json.loads(path.read_text())["panels"]:
            yield from ((f"{path.stem}: {panel['title']}", target["expr"]) for target in panel["targets"])


@pytest.mark.parametrize(("where", "expression"), list(expressions()))
def test_what_is_asked_for_exists(where, expression, known):
    named = {SUFFIXES.sub("", name) for name in METRIC.findall(expression)}
    assert named - known == set(), where


def test_promtool_understands_what_dashboards_ask(tmp_path):
    rules = [
        {"record": f"dashboard:panel:{number}", "expr": expression.replace("$__rate_interval", "5m")}
        for number, (_, expression) in enumerate(expressions())
    ]
    path = tmp_path / "rules.yaml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "dashboards", "rules": rules}]}))
    promtool("check", "rules", str(path))


def test_dashboards_are_what_the_script_makes():
    command = [sys.executable, REPOSITORY / "scripts" / "make_dashboards.py", "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert len({json.loads(path.read_text())["uid"] for path in DASHBOARDS}) == len(DASHBOARDS) == 3
