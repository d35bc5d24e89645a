"""Faults and servers in labs of an ordinary user, whose capabilities end at its own namespaces."""

from tests.support.pytest_runs import Suite
from tests.support.users import users

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

ASK = "curl -s --max-time 1 http://web/hostname"


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
        assert app.run(ASK, check=False).code
    assert app.run(ASK).stdout == "web-0"


def test_killed(app):
    with app.fault.killed("web-0"):
        pass
    # A container without a probe is ready before it listens.
    assert app.run(f"{ASK} --retry 5 --retry-connrefused").stdout == "web-0"


@pytest.mark.parametrize("kind", ["loss", "reset"])
def test_packets(app, kind):
    with getattr(app.fault, kind)("fairlead-client", "web-0"):
        assert app.run(ASK, check=False).code
    assert app.run(ASK).stdout == "web-0"


def test_delay(app):
    with app.fault.delay("fairlead-client", "web-0", 0.2):
        began = time.monotonic()
        app.run("curl -s --max-time 5 http://web/hostname")
        assert time.monotonic() - began > 0.4
    assert app.run(ASK).stdout == "web-0"


def test_names_and_servers(app):
    with app.serve(lambda environ, start: (start("200 OK", []), [b"hello"])[1], "api"):
        with app.fault.dns("api", "nxdomain"):
            assert app.run("curl -s http://api/", check=False).code == 6
        assert app.run("curl -s http://api/").stdout == "hello"
'''


def test_the_library_works_without_root():
    suite = Suite(users()[-1], test_faults=FAULTS)
    try:
        run = suite.run()
        assert run.counts == {"passed": 7}, run
        assert suite.left() == []
    finally:
        suite.close()
