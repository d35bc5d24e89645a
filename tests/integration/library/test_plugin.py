"""The pytest plugin, in runs of pytest over small suites."""

import os
import signal
import subprocess
import sys
import time

import pytest

from tests.support.labs import eventually
from tests.support.pytest_runs import Suite
from tests.support.users import users, weakest

SERVICE = '''
WEB = """
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Pod
metadata: {name: web-0, labels: {app: web}}
spec: {containers: [{name: web, image: fairlead/echo}]}
"""
'''
PASSING = (
    SERVICE
    + """
import pytest

@pytest.mark.parametrize("number", range(2))
def test_web(namespace, number):
    namespace.apply(WEB)
    namespace.wait_ready()
    assert namespace.run("curl -s http://web/hostname").stdout == "web-0"
    assert len(namespace.list("pods")) == 2
"""
)
FAILING = (
    SERVICE
    + """
def test_nothing_answers(namespace):
    namespace.apply(WEB.replace("selector: {app: web}", "selector: {app: wbe}"))
    namespace.wait_ready()
    assert namespace.run("curl -sS --max-time 2 http://web/hostname", check=False).stdout == "web-0"

def test_with_a_lab_alone(lab):
    assert lab.list("nodes") == []

def test_without_a_lab():
    assert False
"""
)
SHARED = """
import os
import pytest
from pathlib import Path

@pytest.mark.parametrize("number", range(8))
def test_one_lab(lab, namespace, number):
    namespace.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "mine"}})
    with open(Path(__file__).with_name("names.txt"), "a") as file:
        file.write(f"{lab.name} {namespace.name} {os.environ.get('PYTEST_XDIST_WORKER')}\\n")
"""
KINDS = """
import pytest

KIND = pytest.mark.fairlead(dual_stack=True, nodes=1, images={"mine": "sleep 100"})

@KIND
def test_one(lab):
    assert len(lab.list("nodes")) == 1

def test_two(lab):
    assert len(lab.list("nodes")) == 2

@KIND
class TestBoth:
    def test_it(self, namespace):
        namespace.apply({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"},
            "spec": {"containers": [{"name": "a", "image": "mine"}]},
        })
        namespace.wait_ready()
        assert len(namespace.get("pod", "a")["status"]["podIPs"]) == 2

def test_another(lab_factory, lab):
    other = lab_factory(nodes=1)
    assert (len(other.list("nodes")), len(lab.list("nodes"))) == (1, 2)
"""
NO_LAB = """
import pytest

@pytest.mark.fairlead(proxy_mode="iptables", images={"x": "sh -c 'y"})
def test_it(lab):
    pass

def test_that_needs_none():
    pass
"""
OWN = """
import pytest

@pytest.fixture
def lab():
    return object()

def test_it(lab):
    assert lab is None
"""

ORDINARY = users()[-1]  # as whom most people test


@pytest.fixture
def make():
    made = []

    def make(**files):
        made.append(Suite(ORDINARY, **files))
        return made[-1]

    yield make
    for suite in made:
        suite.close()


@pytest.fixture(scope="module", params=weakest(), ids=str)
def suite(request):
    """Small suites of every kind in one folder."""
    # The first that is collected has enough tests to keep both workers busy.
    files = {"all_share": SHARED, "web": PASSING, "failing": FAILING, "kinds": KINDS, "no_lab": NO_LAB, "own": OWN}
    made = Suite(request.param, **{f"test_{name}": text for name, text in files.items()})
    yield made
    made.close()


@pytest.fixture(scope="module")
def run(suite):
    """One run of them all, by two workers."""
    return suite.run("-rA", "-n", "2")


def ends_of(run, name):
    """How each test of a suite has ended, in order of their names."""
    return [how for test, how in sorted(run.ends.items()) if test.startswith(f"test_{name}.py::")]


def test_tests_get_namespaces_of_their_own_and_nothing_is_left(suite, run):
    assert ends_of(run, "web") == ["PASSED", "PASSED"], run
    assert suite.left() == []


def test_a_report_says_why(run):
    assert ends_of(run, "failing") == ["FAILED"] * 3, run
    section = run.output.partition("Fairlead: why, in namespace nothing-answers-")[2]
    assert "selector-nothing  Service nothing-answers-" in section
    assert "fix: kubectl patch" in section
    assert "$ fairlead explain svc/web" in section
    assert run.output.count("Fairlead: why") == 1, "a healthy lab, or none, needs no explanation"


def test_workers_share_a_lab(suite, run):
    assert ends_of(run, "all_share") == ["PASSED"] * 8, run
    labs, namespaces, workers = zip(*(line.split() for line in names_of(suite)), strict=True)
    assert len(set(labs)) == 1
    assert len(set(namespaces)) == 8
    assert set(workers) == {"gw0", "gw1"}


def names_of(suite):
    return (suite.folder / "names.txt").read_text().splitlines()


def test_markers_ask_for_other_labs(run):
    assert ends_of(run, "kinds") == ["PASSED"] * 4, run
    assert "test_one[nodes=1,dual_stack,images=mine]" in run.output


def test_a_set_up_that_fails_says_so(run):
    assert ends_of(run, "no_lab") == ["ERROR", "PASSED"], run
    assert "image x=sh -c 'y: No closing quotation" in run.output


def test_a_suite_can_have_its_own_fixture_of_that_name(run):
    assert ends_of(run, "own") == ["FAILED"], run
    assert "INTERNALERROR" not in run.output


@pytest.mark.full
def test_two_runs_at_once_have_labs_of_their_own(make):
    suite = make(test_shared=SHARED)
    runs = [suite.start(), suite.start()]
    for run in runs:
        output, _ = run.communicate(timeout=600)
        assert run.returncode == 0, output
    assert len({line.split()[0] for line in names_of(suite)}) == 2
    assert suite.left() == []


WRONG = """
import pytest

@pytest.mark.fairlead(notes=3)
def test_three(lab):
    pass
"""


def test_an_unknown_marker_is_named(make):
    run = make(test_wrong=WRONG).run()
    assert run.code != 0
    assert "the marker fairlead does not know 'notes'; it knows config, dual_stack, images, nodes" in run.output


SLOW = """
import time

def test_slow(namespace):
    print("running", flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize(
    "options", [pytest.param((), id="alone", marks=pytest.mark.full), pytest.param(("-n", "2"), id="workers")]
)
def test_ctrl_c_leaves_nothing(make, options):
    suite = make(test_slow=SLOW)
    process = suite.start("-s", *options)
    eventually(lambda: list((suite.folder / "run" / "fairlead").glob("*/lab.json")), 180)
    os.killpg(process.pid, signal.SIGINT)
    output, _ = process.communicate(timeout=180)
    assert "KeyboardInterrupt" in output
    assert eventually(lambda: suite.left() == []), suite.left()


def test_a_run_that_is_killed_takes_its_labs_along(make):
    suite = make(test_slow=SLOW)
    process = suite.start("-s", "-n", "2")
    eventually(lambda: list((suite.folder / "run" / "fairlead").glob("*/lab.json")), 180)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    while [each for each in suite.left() if not each.startswith(".pytest-")]:
        time.sleep(0.05)


def test_a_running_lab_is_used_and_left_alone(make):
    suite = make(test_kept=SHARED)
    run = suite.run("--fairlead-keep", "-k", "test_one_lab[0]")
    assert run.counts["passed"] == 1, run
    name = names_of(suite)[0].split()[0]
    run = suite.run("--fairlead-lab", name, "-k", "test_one_lab[1]")
    assert run.counts["passed"] == 1, run
    assert {line.split()[0] for line in names_of(suite)} == {name}
    suite.fairlead("down", "--name", name)
    assert suite.left() == []


FILTER = """
import ctypes, os, struct, sys
# A filter as container runtimes have: unshare(2) is refused with EPERM, everything else allowed.
number, = (272,) if os.uname().machine == "x86_64" else (97,)
code = [(0x20, 0, 0, 0), (0x15, 0, 1, number), (0x06, 0, 0, 0x00050001), (0x06, 0, 0, 0x7FFF0000)]
octets = b"".join(struct.pack("=HBBI", *each) for each in code)
buffer = ctypes.create_string_buffer(octets)
class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("code", ctypes.c_void_p)]
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(38, 1, 0, 0, 0) == 0
program = Program(len(code), ctypes.addressof(buffer))
assert libc.prctl(22, 2, ctypes.byref(program), 0, 0) == 0, os.strerror(ctypes.get_errno())
os.execvp(sys.argv[1], sys.argv[1:])
"""


def test_where_seccomp_refuses_namespaces_the_summary_says_so_and_tests_run(make):
    suite = make(test_shared=SHARED, filtered=FILTER)
    done = subprocess.run(
        suite.user.command(sys.executable, "filtered.py", sys.executable, "-m", "pytest", "-k", "lab[0]"),
        cwd=suite.folder, env=suite.environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "fairlead: cannot make namespaces: a seccomp filter refuses namespaces" in done.stdout
    assert "1 passed" in done.stdout
    assert "--security-opt seccomp=unconfined" in done.stdout
    assert suite.left() == []
