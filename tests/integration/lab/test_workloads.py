"""Workloads of running Pods: kubectl's verbs for them, and updates under constant requests."""

import json
import re
import subprocess
from collections import Counter
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.kubectls import newest
from tests.support.labs import Lab, eventually
from tests.support.users import CHECKOUT, users

TRAFFIC = CHECKOUT / "tests" / "support" / "net" / "steady_traffic.py"
DRAIN = "4"  # seconds; longer than the slowest node of a busy machine takes to hear of a change
NAME_SERVER = ("-n", "kube-system", "-l", "k8s-app=kube-dns")
READY = {"httpGet": {"path": "/healthz", "port": 80}, "periodSeconds": 1}


@pytest.fixture(scope="module")
def lab():
    lab = Lab(users()[0], "--nodes", "3")
    try:
        lab.up()
        yield lab
    finally:
        lab.close()


class KubectlInNamespace(NamedTuple):
    """A kubectl that works in one namespace."""

    lab: Lab
    program: Path
    namespace: str

    def __call__(self, *arguments: str, stdin: str | None = None, check: bool = True):
        return self.lab.kubectl("-n", self.namespace, *arguments, stdin=stdin, check=check, program=self.program)

    def get(self, *arguments: str):
        """What is there, asked for without kubectl."""
        return self.lab.get("-n", self.namespace, *arguments)


@pytest.fixture(params=newest(), ids=lambda path: path.name)
def kubectl(lab, request):
    """Works in a namespace of the test's own."""
    name = f"test-{request.node.name.replace('_', '-').replace('[', '-').replace('.', '-').rstrip(']')}"[-63:].strip(
        "-"
    )
    lab.kubectl("create", "namespace", name)
    eventually(lambda: lab.get("serviceaccount", "default", "-n", name))  # without it no Pod is made
    yield KubectlInNamespace(lab, request.param, name)
    lab.kubectl("delete", "namespace", name)


def workload(kind: str, name: str, container: dict | None = None, *, pod: dict | None = None, **spec) -> str:
    """A workload of echoes that are told to end without a wait."""
    container = {"name": "main", "image": "fairlead/echo", "readinessProbe": READY, **(container or {})}
    template = {
        "metadata": {"labels": {"app": name}},
        "spec": {"terminationGracePeriodSeconds": 10, "containers": [container], **(pod or {})},
    }
    spec = {"selector": {"matchLabels": {"app": name}}, "template": template, **spec}
    return json.dumps({"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name}, "spec": spec})


def pods(kubectl, *arguments: str) -> list[dict]:
    return kubectl.get("pods", *arguments)["items"]


def nodes_of(kubectl, app: str) -> list[str]:
    return sorted(pod["spec"]["nodeName"] for pod in pods(kubectl, "-l", f"app={app}"))


class TestKubectl:
    def test_status_restart_undo_and_scale(self, kubectl):
        kubectl("create", "-f", "-", stdin=workload("Deployment", "web", replicas=2))
        done = kubectl("rollout", "status", "deployment/web", "--timeout=90s").stdout
        assert 'deployment "web" successfully rolled out' in done
        before = {pod["metadata"]["uid"] for pod in pods(kubectl)}
        assert "restarted" in kubectl("rollout", "restart", "deployment/web").stdout
        kubectl("rollout", "status", "deployment/web", "--timeout=90s")
        eventually(lambda: len(found := {p["metadata"]["uid"] for p in pods(kubectl)}) == 2 and not found & before)
        kubectl("set", "env", "deployment/web", "COLOUR=blue")
        kubectl("rollout", "status", "deployment/web", "--timeout=90s")
        assert "rolled back" in kubectl("rollout", "undo", "deployment/web").stdout
        kubectl("rollout", "status", "deployment/web", "--timeout=90s")
        template = json.loads(kubectl("get", "deployment", "web", "-o", "json").stdout)["spec"]["template"]
        assert "env" not in template["spec"]["containers"][0]
        kubectl("scale", "deployment/web", "--replicas=1")
        eventually(lambda: len(pods(kubectl)) == 1)

    def test_a_deleted_pod_is_waited_for_and_replaced(self, kubectl):
        kubectl("create", "-f", "-", stdin=workload("Deployment", "web", replicas=1))
        kubectl("rollout", "status", "deployment/web", "--timeout=90s")
        (old,) = pods(kubectl)
        kubectl("delete", "pod", old["metadata"]["name"])
        kubectl("rollout", "status", "deployment/web", "--timeout=90s")
        assert old["metadata"]["name"] not in [pod["metadata"]["name"] for pod in pods(kubectl)]

    def test_cordon_and_drain_honour_budgets_and_daemon_sets(self, lab, kubectl):
        kubectl("create", "-f", "-", stdin=workload("Deployment", "web", replicas=3))
        kubectl("create", "-f", "-", stdin=workload("DaemonSet", "agent"))
        kubectl("create", "poddisruptionbudget", "web", "--selector=app=web", "--min-available=2")
        for name in ("deployment/web", "daemonset/agent"):
            kubectl("rollout", "status", name, "--timeout=90s")
        assert nodes_of(kubectl, "agent") == ["node-1", "node-2", "node-3"]
        assert "agent" in lab.kubectl("get", "pods", "-A", "-o", "wide").stdout
        (node,) = (pod["spec"]["nodeName"] for pod in lab.get("pods", *NAME_SERVER)["items"])
        try:
            assert kubectl("cordon", node).stdout == f"node/{node} cordoned\n"
            assert "Ready,SchedulingDisabled" in kubectl("get", "node", node).stdout
            refused = kubectl("drain", node, "--timeout=20s", check=False)
            assert "cannot delete DaemonSet-managed Pods" in refused.stderr
            done = kubectl("drain", node, "--ignore-daemonsets", "--timeout=90s").stdout
            assert f"node/{node} drained" in done
            assert node not in nodes_of(kubectl, "web")
            assert node not in {pod["spec"]["nodeName"] for pod in lab.get("pods", *NAME_SERVER)["items"]}
            assert node in nodes_of(kubectl, "agent")
            kubectl("rollout", "status", "deployment/web", "--timeout=90s")
            assert len(pods(kubectl, "-l", "app=web")) == 3
        finally:
            kubectl("uncordon", node)
        assert "SchedulingDisabled" not in kubectl("get", "node", node).stdout

    def test_an_eviction_that_a_budget_forbids_is_refused(self, kubectl):
        kubectl("create", "-f", "-", stdin=workload("Deployment", "web", replicas=1))
        kubectl("create", "poddisruptionbudget", "web", "--selector=app=web", "--min-available=1")
        kubectl("rollout", "status", "deployment/web", "--timeout=90s")
        eventually(
            lambda: json.loads(kubectl("get", "pdb", "web", "-o", "json").stdout)["status"]["currentHealthy"] == 1
        )
        row = kubectl("get", "pdb", "web", "--no-headers").stdout.split()
        assert row[:4] == ["web", "1", "N/A", "0"]
        (pod,) = pods(kubectl)
        metadata = {key: pod["metadata"][key] for key in ("name", "namespace")}
        eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": metadata}
        path = f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}/eviction"
        refused = kubectl("create", "--raw", path, "-f", "-", stdin=json.dumps(eviction), check=False)
        assert "Cannot evict pod as it would violate the pod's disruption budget." in refused.stderr
        assert [p["metadata"]["uid"] for p in pods(kubectl)] == [pod["metadata"]["uid"]]

    def test_a_replication_controller_keeps_its_pods(self, kubectl):
        spec = {"replicas": 2, "template": json.loads(workload("ReplicaSet", "web"))["spec"]["template"]}
        controller = {"apiVersion": "v1", "kind": "ReplicationController", "metadata": {"name": "web"}, "spec": spec}
        kubectl("create", "-f", "-", stdin=json.dumps(controller))
        kubectl("wait", "--for=jsonpath={.status.availableReplicas}=2", "rc/web", "--timeout=90s")
        kubectl("expose", "rc", "web", "--port=80")
        kubectl("scale", "rc/web", "--replicas=1")
        eventually(lambda: len(pods(kubectl)) == 1)
        (old,) = pods(kubectl)
        (owner,) = old["metadata"]["ownerReferences"]
        assert (owner["apiVersion"], owner["kind"], owner["name"]) == ("v1", "ReplicationController", "web")
        kubectl("delete", "pod", old["metadata"]["name"])
        eventually(lambda: kubectl("get", "rc", "web", "--no-headers").stdout.split()[:4] == ["web", "1", "1", "1"])
        assert old["metadata"]["uid"] not in {pod["metadata"]["uid"] for pod in pods(kubectl)}
        assert "Pod Template" in kubectl("describe", "rc", "web").stdout
        kubectl("delete", "rc", "web")
        eventually(lambda: not pods(kubectl))

    def test_a_job_runs_to_its_end(self, kubectl):
        kubectl("create", "job", "once", "--image=busybox", "--", "echo", "done")
        kubectl("wait", "--for=condition=complete", "job/once", "--timeout=90s")
        assert kubectl("logs", "job/once").stdout == "done\n"
        assert "1/1" in kubectl("get", "job", "once", "--no-headers").stdout.split()
        conditions = json.loads(kubectl("get", "job", "once", "-o", "json").stdout)["status"]["conditions"]
        assert [each["type"] for each in conditions] == ["SuccessCriteriaMet", "Complete"]
        events = "jsonpath={.items[*].reason}"
        told = eventually(
            lambda: "Completed" in (t := kubectl("events", "--for", "job/once", "-o", events).stdout.split()) and t
        )
        assert sorted(told) == ["Completed", "SuccessfulCreate"]
        kubectl("delete", "job", "once")
        eventually(lambda: not pods(kubectl))

    def test_a_job_is_suspended_and_goes_on(self, kubectl):
        ending = "trap 'exit 0' TERM; sleep 1000 & wait"
        kubectl("create", "job", "paused", "--image=busybox", "--", "sh", "-c", ending)
        eventually(lambda: kubectl("get", "pods", "-l", "job-name=paused", "-o", "name").stdout)
        kubectl("patch", "job", "paused", "--type=merge", "-p", '{"spec":{"suspend":true}}')
        kubectl("wait", "--for=condition=Suspended", "job/paused", "--timeout=90s")
        eventually(lambda: not kubectl("get", "pods", "-l", "job-name=paused", "-o", "name").stdout, 90)
        kubectl("patch", "job", "paused", "--type=merge", "-p", '{"spec":{"suspend":false}}')
        kubectl("wait", "--for=jsonpath={.status.active}=1", "job/paused", "--timeout=90s")
        for reason in ("Suspended", "Resumed"):
            eventually(partial(self._is_told, kubectl, "job/paused", reason))
        kubectl("delete", "job", "paused")
        eventually(lambda: not pods(kubectl), 90)  # one that has just begun does not hear of its end

    def _is_told(self, kubectl, subject: str, reason: str) -> bool:
        return reason in kubectl("events", f"--for={subject}").stdout

    def test_a_job_remembers_pods_that_are_gone(self, kubectl):
        """The first one ends at once, the others when it is gone."""
        folder = kubectl.lab.folder / "gone"
        folder.mkdir()
        folder.chmod(0o777)
        script = "mkdir /gone/first || until test -e /gone/go; do sleep 0.1; done"
        mounts = [{"name": "gone", "mountPath": "/gone"}]
        container = {"name": "c", "image": "busybox", "command": ["sh", "-c", script], "volumeMounts": mounts}
        volumes = [{"name": "gone", "hostPath": {"path": str(folder)}}]
        template = {"spec": {"containers": [container], "restartPolicy": "Never", "volumes": volumes}}
        spec = {"completions": 3, "parallelism": 1, "template": template}
        job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "gone"}, "spec": spec}
        kubectl("create", "-f", "-", stdin=json.dumps(job))
        kubectl("wait", "--for=jsonpath={.status.succeeded}=1", "job/gone", "--timeout=90s")
        kubectl("delete", "pods", "-l", "job-name=gone", "--field-selector=status.phase=Succeeded")
        (folder / "go").touch()
        kubectl("wait", "--for=condition=complete", "job/gone", "--timeout=90s")
        assert len(pods(kubectl)) == 2
        kubectl("delete", "job", "gone")
        eventually(lambda: not pods(kubectl))

    def test_an_indexed_job_shares_its_work_out(self, kubectl):
        tell = {"name": "main", "image": "busybox", "command": ["sh", "-c", "echo $JOB_COMPLETION_INDEX $(hostname)"]}
        template = {"spec": {"containers": [tell], "restartPolicy": "Never"}}
        spec = {"completions": 3, "parallelism": 2, "completionMode": "Indexed", "template": template}
        job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "parts"}, "spec": spec}
        kubectl("create", "-f", "-", stdin=json.dumps(job))
        kubectl("wait", "--for=condition=complete", "job/parts", "--timeout=90s")
        said = {kubectl("logs", pod["metadata"]["name"]).stdout for pod in pods(kubectl)}
        assert said == {f"{index} parts-{index}\n" for index in range(3)}
        assert "0-2" in kubectl("describe", "job", "parts").stdout

    @pytest.mark.parametrize("what", ["pods", "nodes"])
    def test_there_is_no_top(self, kubectl, what):
        refused = kubectl("top", what, check=False)
        assert (refused.returncode, refused.stderr) == (1, "error: Metrics API not available\n")


class Traffic:
    """What came of asking one Service at its virtual IP, its node port and its load balancer's address."""

    def __init__(self) -> None:
        self.results: dict[str, dict] = {}

    @property
    def failures(self) -> dict[str, list[str]]:
        return {url: result["failures"] for url, result in self.results.items() if result["failures"]}

    def answered_by(self, url: str) -> set[str]:
        return set(self.results[url]["answers"])


CLAIM = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}


def test_a_stateful_set_keeps_what_its_pods_write(kubectl):
    """The StatefulSet of the Kubernetes documentation, with a web server of busybox."""
    web = {
        "image": "busybox",
        "command": ["sh", "-c", "exec busybox httpd -f -p 8080 -h /usr/share/nginx/html"],
        "readinessProbe": None,
        "volumeMounts": [{"name": "www", "mountPath": "/usr/share/nginx/html"}],
    }
    template = {"metadata": {"name": "www"}, "spec": CLAIM}
    document = workload("StatefulSet", "web", web, serviceName="web", replicas=2, volumeClaimTemplates=[template])
    kubectl("create", "-f", "-", stdin=document)
    kubectl("rollout", "status", "statefulset/web", "--timeout=90s")
    assert claims(kubectl) == {"www-web-0": "Bound", "www-web-1": "Bound"}
    for name in ("web-0", "web-1"):
        kubectl("exec", name, "--", "sh", "-c", f"echo {name} > /usr/share/nginx/html/index.html")
    old = kubectl.get("pod", "web-0")["metadata"]["uid"]
    kubectl("delete", "pod", "web-0", "--wait=false")  # it may wait for the next Pod of that name
    eventually(lambda: kubectl.get("pod", "web-0")["metadata"]["uid"] != old)
    kubectl("wait", "pod/web-0", "--for=condition=Ready", "--timeout=90s")
    eventually(lambda: served(kubectl, "web-0") == "web-0")  # it is ready before it listens
    kubectl("scale", "statefulset/web", "--replicas=0")
    eventually(lambda: not pods(kubectl))
    assert set(claims(kubectl)) == {"www-web-0", "www-web-1"}
    kubectl("scale", "statefulset/web", "--replicas=2")
    kubectl("rollout", "status", "statefulset/web", "--timeout=90s")
    eventually(lambda: [served(kubectl, name) for name in ("web-0", "web-1")] == ["web-0", "web-1"])
    kubectl("delete", "statefulset/web")
    kubectl("delete", "pvc", "--all")
    eventually(lambda: not json.loads(kubectl("get", "pv", "-o", "json").stdout)["items"])


def claims(kubectl) -> dict[str, str]:
    items = kubectl.get("persistentvolumeclaims")["items"]
    return {item["metadata"]["name"]: item["status"]["phase"] for item in items}


def served(kubectl, pod: str) -> str:
    return kubectl("exec", pod, "--", "busybox", "wget", "-qO-", "http://localhost:8080/").stdout.strip()


@contextmanager
def steady_traffic(lab: Lab, service: dict):
    """Ask while the body runs; what came of it is known afterwards. The virtual IP is asked from a Pod, the others from
    outside."""
    port = service["spec"]["ports"][0]
    balancer = service["status"]["loadBalancer"]["ingress"][0]["ip"]
    outside = [f"http://192.168.64.11:{port['nodePort']}/", f"http://{balancer}/"]
    places = {("run",): [f"http://{service['spec']['clusterIP']}/"], ("run", "--outside"): outside}
    running = [
        subprocess.Popen(
            lab.command(*place, "--name", lab.name, "--", "python3", str(TRAFFIC), *urls),
            env=lab.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for place, urls in places.items()
    ]
    traffic = Traffic()
    for process in running:
        process.stdout.readline()
    try:
        yield traffic
    finally:
        for process in running:
            output, _ = process.communicate("", timeout=60)
            traffic.results |= json.loads(output)


@pytest.fixture
def service(lab):
    """A Service of all types, and the Deployment behind it; gone afterwards."""
    ports = [{"port": 80}]
    spec = {"type": "LoadBalancer", "selector": {"app": "web"}, "ports": ports}
    document = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": spec}
    lab.kubectl("create", "-f", "-", stdin=json.dumps(document))
    yield lambda: eventually(lambda: (s := lab.get("service", "web"))["status"]["loadBalancer"].get("ingress") and s)
    lab.kubectl("delete", "service/web", "deployment/web", "--ignore-not-found")
    eventually(lambda: not lab.get("replicasets", "-l", "app=web")["items"])
    lab.delete_pods(*(pod["metadata"]["name"] for pod in lab.get("pods", "-l", "app=web")["items"]))
    eventually(lambda: not lab.get("pods", "-l", "app=web")["items"])


def update(lab: Lab) -> None:
    """Replace every Pod, and return when the old ones are gone."""
    names = {pod["metadata"]["name"] for pod in lab.get("pods", "-l", "app=web")["items"]}
    lab.kubectl("set", "env", "deployment/web", "VERSION=2")
    lab.kubectl("rollout", "status", "deployment/web", "--timeout=90s")
    eventually(lambda: not names & {pod["metadata"]["name"] for pod in lab.get("pods", "-l", "app=web")["items"]}, 60)


def deploy(lab: Lab, container: dict) -> None:
    strategy = {"rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}
    lab.kubectl("create", "-f", "-", stdin=workload("Deployment", "web", container, replicas=3, strategy=strategy))
    lab.kubectl("rollout", "status", "deployment/web", "--timeout=90s")


class TestUpdatesUnderTraffic:
    @pytest.mark.parametrize(
        "container",
        [
            {"env": [{"name": "DRAIN_SECONDS", "value": DRAIN}]},
            {"lifecycle": {"preStop": {"sleep": {"seconds": int(DRAIN)}}}},
        ],
        ids=["the server drains", "preStop waits"],
    )
    def test_pods_that_serve_until_they_get_no_requests_fail_none(self, lab, service, container):
        deploy(lab, container)
        with steady_traffic(lab, service()) as traffic:
            update(lab)
        assert traffic.failures == {}
        for url in traffic.results:
            assert len(traffic.answered_by(url)) == 6, sorted(traffic.answered_by(url))

    def test_a_pod_that_is_ready_before_it_listens_fails_many_requests(self, lab, service):
        """Without a readiness probe a container is ready as soon as it runs."""
        server = "sleep 1; exec busybox httpd -f -p 80 -h /tmp"
        container = {"image": "busybox", "command": ["sh", "-c", server], "readinessProbe": None}
        deploy(lab, container)
        with steady_traffic(lab, service()) as traffic:
            update(lab)
        assert any("ConnectionRefused" in failure for url in traffic.failures for failure in traffic.failures[url])


def answered(lab) -> Counter[tuple[str, str]]:
    """How many requests the API server has answered, by verb and resource."""
    text = lab.kubectl("get", "--raw", "/metrics").stdout
    found = re.findall(
        r'^apiserver_request_total\{code="2..",resource="(\w*)",verb="(\w+)"\} (\S+)', text, re.MULTILINE
    )
    counts: Counter[tuple[str, str]] = Counter()
    for resource, verb, number in found:
        counts[verb, resource] += int(float(number))
    return counts


def test_requests_to_the_api_server_for_a_pod(lab, kubectl):
    """In requests: it is made and bound; its node says that it has it, and that it runs; five Events tell its life."""
    number = 10
    before = answered(lab)
    kubectl("create", "deployment", "many", "--image=fairlead/pause", f"--replicas={number}")
    kubectl("rollout", "status", "deployment/many", "--timeout=90s")
    spent = answered(lab) - before
    assert spent["POST", "pods"] == 2 * number
    assert spent["PATCH", "pods"] <= 3 * number  # two, and one more for whom the first was answered late
    assert spent["POST", "serviceaccounts"] == number  # a token
    assert number <= spent["GET", "configmaps"] < 2 * number  # the cluster's CA; some are of other Pods
    # Of each Pod: made by its set, scheduled, image there, container made and started; and one of the Deployment. Other
    # Pods may have Events meanwhile.
    assert len(kubectl.get("events")["items"]) <= 5 * number + 1
