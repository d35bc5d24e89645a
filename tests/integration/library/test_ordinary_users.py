"""Faults, servers and the recipes of docs/testing.md in a lab of an ordinary user, whose capabilities end at its own
namespaces."""

import re
from pathlib import Path

import pytest

from tests.support.pytest_runs import Suite
from tests.support.users import CHECKOUT, users

FAULTS = '''
import time

import pytest

APP = """
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Pod
metadata: {name: web-0, labels: {app: web}}
spec: {terminationGracePeriodSeconds: 0, containers: [{name: web, image: fairlead/echo}]}
"""

ASK = "curl -s --max-time 30 http://web/hostname"
NO_ANSWER = f"{ASK} --max-time 1"


@pytest.fixture(scope="module")
def app(lab):
    with lab.namespace(prefix="app-") as namespace:
        namespace.apply(APP)
        namespace.wait_ready()
        assert namespace.run(ASK).stdout == "web-0"
        yield namespace


@pytest.mark.parametrize("kind", ["frozen", "unready"])
def test_a_pod(app, kind):
    with getattr(app.fault, kind)("web-0"):
        assert app.run(NO_ANSWER, check=False).code
    assert app.run(ASK).stdout == "web-0"


def test_killed(app):
    with app.fault.killed("web-0"):
        pass
    # A container without a probe is ready before it listens.
    assert app.run(f"{ASK} --retry 5 --retry-connrefused").stdout == "web-0"


@pytest.mark.parametrize("kind", ["loss", "reset"])
def test_packets(app, kind):
    with getattr(app.fault, kind)("fairlead-client", "web-0"):
        assert app.run(NO_ANSWER, check=False).code
    assert app.run(ASK).stdout == "web-0"


def test_delay(app):
    with app.fault.delay("fairlead-client", "web-0", 0.2):
        began = time.monotonic()
        app.run(ASK)
        assert time.monotonic() - began > 0.4
    assert app.run(ASK).stdout == "web-0"


def test_names_and_servers(app):
    with app.serve(lambda environ, start: (start("200 OK", []), [b"hello"])[1], "api"):
        with app.fault.dns("api", "nxdomain"):
            assert app.run("curl -s http://api/", check=False).code == 6
        assert app.run("curl -s http://api/").stdout == "hello"
'''


SHOP = '''
DEPLOYMENT = {
    "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "shop"},
    "spec": {
        "replicas": 2, "selector": {"matchLabels": {"app": "shop"}},
        "template": {
            "metadata": {"labels": {"app": "shop"}},
            "spec": {
                "terminationGracePeriodSeconds": 0,
                "containers": [{"name": "shop", "image": "fairlead/echo"}],
            },
        },
    },
}
SHOP = """
apiVersion: v1
kind: Service
metadata: {name: shop}
spec: {selector: {app: shop}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: shop-pods}
spec: {clusterIP: None, selector: {app: shop}, ports: [{port: 80}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop}
spec:
  replicas: 2
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec:
      terminationGracePeriodSeconds: 0
      containers: [{name: shop, image: fairlead/echo}]
"""
'''


def recipes() -> list[str]:
    text = Path(CHECKOUT, "docs", "testing.md").read_text().partition("## Recipes")[2]
    return re.findall(r"```python\n(.*?)```", text, re.DOTALL)


@pytest.fixture(scope="module")
def suite():
    made = Suite(users()[-1], test_faults=FAULTS, test_recipes=SHOP + "\n\n".join(recipes()))
    yield made
    made.close()


@pytest.fixture(scope="module")
def ends(suite):
    """How each test has ended: those of the faults, and those of the recipes."""
    run = suite.run("-rA")
    print(run)  # for the report of a test that fails
    return {
        file: [end for test, end in run.ends.items() if test.startswith(f"test_{file}.py")]
        for file in ("faults", "recipes")
    }


def test_the_library_works_without_root(suite, ends):
    assert ends["faults"] == ["PASSED"] * 7
    assert suite.left() == []


def test_each_recipe_of_five_has_its_documented_effect(ends):
    assert ends["recipes"] == ["PASSED"] * 5
