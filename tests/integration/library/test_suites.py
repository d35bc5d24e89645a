"""The suites of ``examples/testing``: each bug is found by its test, and the report explains it."""

import os

import pytest

from tests.support.pytest_runs import Suite
from tests.support.users import CHECKOUT, users

ORDINARY = users()[-1]


def told(section):
    return " ".join(section.split())


@pytest.mark.each_user
@pytest.mark.parametrize(
    ("name", "user", "why"),
    [
        ("site_operator", ORDINARY, ["selector-nothing", "site.example.com/name=shop", "fix: kubectl patch"]),
        pytest.param(
            *("grpc_balancing", ORDINARY, ["explain svc/greeter", "a virtual IP inside the cluster", "greeter-2"]),
            marks=pytest.mark.full,
        ),
        pytest.param(
            *("read_write_split", users()[0], ["explain svc/db-write", "db-0", "db-1"]),
            marks=pytest.mark.full,
        ),
    ],
)
def test_the_report_explains_the_bug(name, user, why):
    if name == "read_write_split" and os.geteuid():
        pytest.fail("PostgreSQL's own user needs root")
    folder = CHECKOUT / "examples" / "testing" / name
    files = {path.stem: path.read_text() for path in folder.glob("*.py")}
    suite = Suite(user, **files)
    for path in folder.glob("*.yaml"):
        (suite.folder / path.name).write_text(path.read_text())
    try:
        run = suite.run("-p", "no:randomly")
        assert run.counts == {"failed": 1, "passed": 1}, run
        section = told(run.output.partition("Fairlead: why")[2])
        assert [word for word in why if word not in section] == [], section
        assert suite.left() == []
    finally:
        suite.close()
