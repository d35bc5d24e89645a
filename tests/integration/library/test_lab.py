"""A lab as an object: start, objects, commands, end."""

import asyncio
import socket
import subprocess
import sys
import threading
import time

import pytest

from fairlead.drivers.lab import running_labs
from fairlead.lab import CommandFailed, Lab, LabError, NotReady
from tests.support.labs import eventually

WEB = """
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: fairlead/echo}]}
"""


@pytest.fixture(scope="module")
def web(lab):
    """A namespace with a Service of two Pods that answer."""
    with lab.namespace(prefix="web-") as namespace:
        namespace.apply(WEB)
        namespace.wait_ready()
        yield namespace


class TestObjects:
    def test_objects_without_a_namespace_go_into_this_one(self, web):
        assert {pod["metadata"]["namespace"] for pod in web.list("pods")} == {web.name}
        assert web.get("svc", "web")["spec"]["type"] == "ClusterIP"
        assert web.get("Deployment", "web")["status"]["readyReplicas"] == 2

    def test_applying_again_changes_nothing(self, web):
        before = web.get("svc", "web")["metadata"]["resourceVersion"]
        web.apply(WEB)
        assert web.get("svc", "web")["metadata"]["resourceVersion"] == before

    def test_a_refusal_has_the_servers_words(self, namespace):
        wrong = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": {"ports": [{"port": 0}]}}
        with pytest.raises(LabError, match=r"Service/web: .*must be between 1 and 65535"):
            namespace.apply(wrong)
        with pytest.raises(LabError, match='no matches for kind "Nothing"'):
            namespace.apply({"apiVersion": "v1", "kind": "Nothing", "metadata": {"name": "x"}})
        with pytest.raises(LabError, match='pods "x" not found'):
            namespace.get("pod", "x")
        with pytest.raises(LabError, match='"thing"'):
            namespace.get("thing", "x")

    def test_deleting_what_is_not_there_is_no_error(self, namespace):
        namespace.delete(WEB)

    def test_unready_objects_are_reported(self, namespace):
        namespace.apply(WEB.replace("fairlead/echo", "nobody/knows"))
        with pytest.raises(NotReady, match="still waiting for Deployment"):
            namespace.wait_ready(timeout=0.5)


class TestCommands:
    def test_a_command_of_this_machine_runs_as_a_pod(self, web):
        answer = web.run("curl -s http://web/").stdout
        assert "host: web" in answer
        assert web.run(["cat"], input="hello").stdout == "hello"

    def test_exec_runs_in_the_pod(self, web):
        pod = web.list("pods", "app=web")[0]["metadata"]["name"]
        assert web.exec(pod, "hostname").stdout.strip() == pod
        assert web.run("hostname", from_=pod).stdout.strip() == pod

    def test_nodes_and_the_world_outside_are_places_too(self, web):
        assert "192.168.64.11" in web.run("ip -br addr", from_="node/node-1").stdout
        assert "203.0.113.10" in web.run("ip -br addr", from_="outside").stdout
        with pytest.raises(LabError, match='no node "nowhere"'):
            web.run("true", from_="node/nowhere")
        with pytest.raises(LabError, match="no Pod"):
            web.run("true", from_="nobody")

    def test_a_failure_shows_what_was_printed(self, web):
        with pytest.raises(CommandFailed, match="exit code 3:\nout\nerr") as caught:
            web.run(["sh", "-c", "echo out; echo err >&2; exit 3"])
        assert caught.value.result.code == 3
        assert web.run("false", check=False).code == 1
        assert web.run("no-such-program", check=False).code == 127

    def test_a_command_that_times_out_is_killed_with_its_children(self, web):
        with pytest.raises(CommandFailed, match="still running"):
            web.run(["sh", "-c", "echo begun; sleep 1234 & sleep 1234"], timeout=0.3)
        ps = "cat /proc/*/cmdline"
        assert eventually(lambda: "sleep\0" + "1234\0" not in web.run(ps, from_="", check=False).stdout)

    def test_many_threads_may_ask_at_once(self, web):
        found = []
        threads = [threading.Thread(target=lambda: found.append(web.run("echo x").stdout)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found == ["x\n"] * 8


class TestNames:
    def test_names_resolve_as_pods_resolve_them(self, web):
        address = web.get("svc", "web")["spec"]["clusterIP"]
        found = web.resolve("web")
        assert found.addresses == (address,)
        assert found.tried == (f"web.{web.name}.svc.cluster.local.",)
        assert web.resolve(f"web.{web.name}.svc.cluster.local.").addresses == (address,)

    def test_missing_names_are_nxdomain(self, web):
        found = web.resolve("nothing")
        assert (bool(found), found.rcode, len(found.tried)) == (False, "NXDOMAIN", 4)

    def test_a_socket_is_connected_as_if_a_pod_had_done_it(self, web):
        with web.connect("web", 80) as sock:
            sock.sendall(b"hello\n")
            with sock.makefile("rb") as lines:
                assert any(line.endswith(b"hello\n") for line in lines)
        with pytest.raises(OSError, match=r"refused|unreachable"):
            web.connect("web", 81)


class TestWhy:
    def test_a_selector_that_matches_nothing_is_the_reason(self, namespace):
        namespace.apply(WEB.replace("selector: {app: web}, ports", "selector: {app: wbe}, ports"))
        assert "app=wbe" in namespace.explain("svc/web")
        assert "selector-nothing" in namespace.diagnose()

    def test_a_healthy_service_has_no_findings(self, web):
        assert web.diagnose() == ""
        assert not web.explain("svc/web").has_failed

    def test_logs_and_events_are_there(self, web):
        assert eventually(lambda: {event["reason"] for event in web.events()} >= {"Scheduled", "Started"})
        pod = web.list("pods", "app=web")[0]["metadata"]["name"]
        assert web.logs(pod) == ""


class TestClients:
    @pytest.mark.filterwarnings(
        "ignore::pytest.PytestUnraisableExceptionWarning"
    )  # lightkube's clients cannot be closed
    def test_ready_clients_of_libraries(self, web):
        import kubernetes
        from lightkube.resources.core_v1 import Service

        with web.clients.kubernetes() as api:
            listed = kubernetes.client.CoreV1Api(api).list_namespaced_service(web.name).items
            assert [service.metadata.name for service in listed] == ["web"]
        assert [service.metadata.name for service in web.clients.lightkube().list(Service)] == ["web"]

    @pytest.mark.filterwarnings("ignore:Kubernetes version .* is not supported:UserWarning")
    def test_kr8s_lists_every_kind_and_forwards_a_port(self, lab, web):
        import kr8s
        from kr8s.objects import Pod

        api = kr8s.api(kubeconfig=str(lab.kubeconfig))
        listed = [row for row in api.api_resources() if "list" in row["verbs"]]
        assert len(listed) > 50
        for row in listed:
            group = row["version"].partition("/")[0] if "/" in row["version"] else ""
            name = f"{row['name']}.{group}" if group else row["name"]
            assert all(found.name for found in api.get(name, namespace=kr8s.ALL)), name
        pod = next(iter(Pod.list(namespace=web.name, label_selector="app=web", api=api)))
        with pod.portforward(remote_port=80) as port, socket.create_connection(("127.0.0.1", port), 60) as client:
            client.sendall(b"GET /hostname HTTP/1.0\r\n\r\n")
            answer = b"".join(iter(lambda: client.recv(4096), b""))
        assert answer.endswith(pod.name.encode())

    def test_an_absent_library_is_named(self, web):
        with pytest.raises(LabError, match="kubernetes_asyncio is not installed"):
            asyncio.run(web.clients.kubernetes_asyncio())

    def test_asynchronous_calls_do_not_hold_up_the_loop(self, web):
        async def ask():
            return await asyncio.gather(
                web.aio.run("curl -s http://web/hostname"), web.aio.resolve("web"), web.aio.get("svc", "web")
            )

        result, resolution, service = asyncio.run(ask())
        assert result.stdout.startswith("web-")
        assert resolution.addresses == (service["spec"]["clusterIP"],)


OWNER = """
import time
from fairlead.lab import Lab
lab = Lab(name="owned").start()
print("up", flush=True)
time.sleep(99)
"""


class TestLife:
    def test_another_program_can_attach(self, lab):
        other = Lab.attach(lab.name)
        assert other.list("nodes")
        other.detach()
        assert lab.list("nodes")
        with pytest.raises(LabError, match="is not running"):
            other.running  # noqa: B018

    def test_a_lab_that_was_not_started_is_not_found(self):
        with pytest.raises(LabError, match='no lab named "nowhere"'):
            Lab.attach("nowhere")

    def test_a_lab_ends_with_the_program_that_started_it(self, run_folder):
        with subprocess.Popen([sys.executable, "-c", OWNER], stdout=subprocess.PIPE, text=True) as owner:
            assert owner.stdout.readline() == "up\n"
            assert running_labs.find("owned")
            owner.kill()
        while running_labs.find("owned"):
            time.sleep(0.02)

    def test_a_failed_start_leaves_nothing(self, run_folder):
        with pytest.raises(LabError, match="not ready after 0 s"):
            Lab(name="hasty", timeout=0.01).start()
        assert running_labs.find("hasty") is None
        with pytest.raises(LabError, match="lower case letters"):
            Lab(name="Bad_Name")
