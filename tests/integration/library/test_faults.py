"""Each fault begins, has its effect, ends, and leaves a healthy lab; from a program and from a shell."""

import os
import signal
import subprocess
import time

import pytest

from fairlead.lab import LabError
from tests.support.labs import FAIRLEAD, eventually

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
---
apiVersion: v1
kind: Pod
metadata: {name: client}
spec: {terminationGracePeriodSeconds: 0, containers: [{name: main, image: fairlead/pause}]}
"""
ANSWER = "curl -s --max-time 30 http://web/hostname"


@pytest.fixture(scope="module")
def app(lab):
    with lab.namespace(prefix="app-") as namespace:
        namespace.apply(APP)
        namespace.wait_ready()
        yield namespace


def seconds_of(action):
    began = time.monotonic()
    action()
    return time.monotonic() - began


def is_idle(app):
    """Whether the Pod has no connection, not even one that is about to end; of one that has ended nothing is sent."""
    rows = app.run("cat /proc/net/tcp /proc/net/tcp6", from_="web-0").stdout.splitlines()
    return all(row.split()[3] in ("st", "0A", "06") for row in rows)


def answers(app, **options):
    done = app.run(ANSWER, check=False, **options)
    return done.code == 0 and done.stdout == "web-0"


@pytest.fixture(autouse=True)
def healthy(app):
    """Before and after each fault all is well."""
    assert answers(app)
    yield
    assert eventually(lambda: answers(app))


class TestPods:
    def test_unready(self, app):
        with app.fault.unready("web-0"):
            assert not answers(app)
            assert "not ready" in app.explain("svc/web")
        assert answers(app)

    def test_a_killed_pod(self, app):
        before = app.get("pod", "web-0")["status"]["containerStatuses"][0]["restartCount"]
        with app.fault.killed("web-0"):
            pass
        assert app.get("pod", "web-0")["status"]["containerStatuses"][0]["restartCount"] == before + 1

    def test_frozen(self, app):
        with app.fault.frozen("web-0"):
            assert app.run("curl -s --max-time 0.5 http://web/", check=False).code == 28
        assert answers(app)

    def test_missing_pods_are_reported(self, app):
        with pytest.raises(LabError, match='pods "nobody" not found'), app.fault.frozen("nobody"):
            pass


class TestNodes:
    def test_cut_off(self, lab, app):
        node = app.get("pod", "web-0")["spec"]["nodeName"]
        other = next(n["metadata"]["name"] for n in lab.list("nodes") if n["metadata"]["name"] != node)
        address = app.get("pod", "web-0")["status"]["podIP"]
        ask = f"curl -s --max-time 30 http://{address}/hostname"
        assert app.run(ask, from_=f"node/{other}").stdout == "web-0"
        with app.fault.node_cut_off(node):
            assert app.run(f"{ask} --max-time 0.5", from_=f"node/{other}", check=False).code
        assert eventually(lambda: app.run(ask, from_=f"node/{other}", check=False).stdout == "web-0")

    def test_stopped(self, lab):
        extra = lab.add_node()
        with lab.fault.node_stopped(extra.name), pytest.raises(LabError, match="is stopped"):
            lab.run("true", from_=f"node/{extra.name}")
        assert lab.run("true", from_=f"node/{extra.name}").code == 0
        extra.remove()


class TestBetweenPods:
    def test_loss(self, app):
        with app.fault.loss("fairlead-client", "web-0"):
            assert app.run("curl -s --max-time 0.5 http://web/", check=False).code == 28
            assert app.exec("client", ANSWER.split()).stdout == "web-0", "others are not concerned"
        assert answers(app)

    def test_loss_of_each_second_packet_is_the_same_in_every_run(self, app):
        address = app.get("pod", "web-0")["status"]["podIP"]
        eventually(lambda: is_idle(app))  # the last packets of a connection would be counted, too
        ping = ["busybox", "ping", "-c", "10", "-W", "1", "-i", "0.01", address]
        received = []
        for _ in range(2):
            with app.fault.loss("fairlead-client", "web-0", every=2):
                received.append([line for line in app.run(ping, check=False).stdout.split() if "seq=" in line])
        assert received[0] == received[1]
        assert 0 < len(received[0]) < 10

    def test_reset(self, app):
        with app.fault.reset("fairlead-client", "web-0"):
            done = app.run("curl -sS --max-time 5 http://web/", check=False)
            assert done.code in (7, 56), done
        assert answers(app)

    def test_delay(self, app):
        with app.fault.delay("fairlead-client", "web-0", 0.3):
            assert seconds_of(lambda: app.run(ANSWER)) > 0.55, "the first packet, and that with the request"
            assert app.exec("client", ANSWER.split()).stdout == "web-0"
        assert answers(app)

    def test_wrong_parts_are_refused(self, app):
        with pytest.raises(LabError, match="loss: 0 percent"), app.fault.loss("client", "web-0", 0):
            pass
        with pytest.raises(LabError, match="must be more than 0 seconds"), app.fault.delay("client", "web-0", 0):
            pass


class TestNames:
    @pytest.mark.parametrize("mode", ["servfail", "nxdomain", "refused"])
    def test_wrong_answers(self, app, mode):
        with app.fault.dns("web", mode):
            assert app.resolve("web").rcode == mode.upper()
            assert app.resolve("kubernetes.default").rcode == "NOERROR"
        assert app.resolve("web")

    def test_a_name_without_an_answer(self, app):
        with app.fault.dns("*", "drop"), pytest.raises(LabError, match="does not answer"):
            app.resolve("web", timeout=0.3)
        assert app.resolve("web")

    def test_a_cut_answer_is_asked_for_again_over_tcp(self, app):
        with app.fault.dns("web", "truncate"):
            found = app.resolve("web")
            assert (found.truncated, len(found.records)) == (True, 1)
        assert not app.resolve("web").truncated

    def test_a_late_answer(self, app):
        with app.fault.dns("web", "delay", seconds=0.4):
            assert seconds_of(lambda: app.resolve("web")) > 0.4
        assert app.resolve("web")

    def test_an_answer_of_before(self, app):
        service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "peers"}}
        app.apply({**service, "spec": {"clusterIP": "None", "selector": {"app": "web"}, "ports": [{"port": 80}]}})
        app.settled()
        before = app.resolve("peers").addresses
        with app.fault.dns("peers", "stale"), app.fault.unready("web-0"):
            assert app.resolve("peers").addresses == before
        with app.fault.unready("web-0"):
            assert app.resolve("peers").rcode == "NXDOMAIN"
        app.delete(service)


class TestLags:
    def test_delayed_endpoints(self, app):
        with app.fault.late_endpoints(1.0):
            began = time.monotonic()
            with app.fault.unready("web-0"):
                assert time.monotonic() - began > 1.0

    def test_delayed_rules(self, app):
        with app.fault.late_rules(1.0):
            began = time.monotonic()
            with app.fault.unready("web-0"):
                assert time.monotonic() - began > 1.0
        with pytest.raises(LabError, match='no node "nowhere"'), app.fault.late_rules(1.0, "nowhere"):
            pass


class TestApiServer:
    def test_too_many_requests(self, app):
        with app.fault.api("429", match="/configmaps"):
            with pytest.raises(LabError, match=r"[Tt]oo many requests"):
                app.list("configmaps")
            assert app.list("pods")
        assert app.list("configmaps")

    def test_slow(self, app):
        with app.fault.api("slow", seconds=0.4, match="/configmaps"):
            assert seconds_of(lambda: app.list("configmaps")) > 0.4

    def test_an_unreachable_api_server(self, app):
        with app.fault.api("gone"), pytest.raises(LabError):
            app.list("pods")
        assert app.list("pods")
        app.settled()

    def test_watches_that_are_too_old(self, app):
        kubernetes = pytest.importorskip("kubernetes")
        with app.clients.kubernetes() as api, app.fault.api("410", match="/configmaps"):
            core = kubernetes.client.CoreV1Api(api)
            version = core.list_namespaced_config_map(app.name).metadata.resource_version
            with pytest.raises(kubernetes.client.ApiException) as caught:
                next(iter(kubernetes.watch.Watch().stream(
                    core.list_namespaced_config_map, app.name, resource_version=version, timeout_seconds=60
                )))  # fmt: skip
            assert caught.value.status == 410


# --- fairlead fault: the same from a shell ----------------------------------------------------------------------------


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
