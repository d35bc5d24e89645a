"""``fairlead fault``: the same faults from a shell."""

import os
import signal
import subprocess

import pytest

from tests.support.labs import FAIRLEAD


@pytest.fixture(scope="module")
def app(lab):
    with lab.namespace(prefix="app-") as namespace:
        container = {"name": "web", "image": "fairlead/echo"}
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web-0"}, "spec": {"containers": [container]}}
        namespace.apply(pod)
        namespace.wait_ready()
        yield namespace


def command(lab, *arguments):
    return [FAIRLEAD, "fault", *arguments[:1], "--name", lab.name, *arguments[1:]]


def is_ready(app):
    return any(c["type"] == "Ready" and c["status"] == "True" for c in app.get("pod", "web-0")["status"]["conditions"])


def test_a_fault_lasts_while_a_command_runs(lab, app):
    ready = "kubectl get pod web-0 -o jsonpath={.status.containerStatuses[0].ready}"
    arguments = ("unready", "-n", app.name, "web-0", "--", "sh", "-c", f"{ready} -n {app.name}; exit 7")
    environment = {**os.environ, "PATH": f"{os.path.dirname(FAIRLEAD)}:{os.environ['PATH']}"}
    done = subprocess.run(command(lab, *arguments), capture_output=True, text=True, check=False, env=environment)
    assert (done.returncode, done.stdout) == (7, "false"), done.stderr
    assert done.stderr == "the fault has begun\nthe fault has ended\n"
    assert is_ready(app)


def test_ctrl_c_ends_it(lab, app):
    # A suite in the background of a shell ignores SIGINT, and so would its children.
    arguments = ["env", "--default-signal=INT", *command(lab, "unready", "-n", app.name, "web-0")]
    with subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True) as held:
        assert held.stderr.readline() == "the fault has begun\n"
        assert not is_ready(app)
        held.send_signal(signal.SIGINT)
        held.wait()
    assert is_ready(app)


def test_being_killed_ends_it_too(lab, app):
    arguments = command(lab, "dns", "-n", app.name, "kubernetes.default", "servfail")
    with subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True) as held:
        held.stderr.readline()
        assert app.resolve("kubernetes.default").rcode == "SERVFAIL"
        held.kill()
    while app.resolve("kubernetes.default").rcode != "NOERROR":
        pass


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("unready", "nobody"), 3, 'pods "nobody" not found'),
        (("dns", "web", "wrong"), 2, "'wrong' is not one of"),
        (("loss", "a", "b", "--percent", "0"), 2, "--percent"),
    ],
)
def test_impossible_faults_are_reported(lab, arguments, code, message):
    done = subprocess.run(command(lab, *arguments), capture_output=True, text=True, check=False)
    assert done.returncode == code
    assert message in done.stderr
