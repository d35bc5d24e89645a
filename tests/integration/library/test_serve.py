"""A test's own server as a Pod of the lab."""

import asyncio
import base64
import json
import os
import socket
import subprocess
import threading
import urllib.request

import pytest

from fairlead.lab import LabError
from tests.support.extension_server import GROUP, ExtensionServer
from tests.support.kubectls import UNCOLLECTED, kubectls
from tests.support.labs import eventually


def hello_wsgi(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"hello {environ['REMOTE_ADDR']}".encode()]


async def hello_asgi(scope, receive, send):
    if scope["type"] != "http":
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": f"hello {scope['client'][0]}".encode()})


async def hello_stream(reader, writer):
    await reader.readline()
    writer.write(b"HTTP/1.0 200 OK\r\n\r\nhello")
    writer.write_eof()
    writer.close()


@pytest.mark.parametrize("server", [hello_wsgi, hello_asgi, hello_stream], ids=["wsgi", "asgi", "stream"])
def test_pods_reach_it_by_name(namespace, server):
    with namespace.serve(server, "api"):
        assert namespace.run("curl -s http://api/").stdout.startswith("hello")


def test_a_served_pod_sees_its_clients_own_addresses(namespace):
    with namespace.serve(hello_asgi, "api", port=8080):
        answer = namespace.run("curl -s http://api:8080/").stdout
        assert answer == f"hello {namespace.get('pod', 'fairlead-client')['status']['podIP']}"


def test_a_port_of_this_machine_is_served(namespace):
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer():
            connection, _ = listener.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"HTTP/1.0 200 OK\r\n\r\nfrom here")

        thread = threading.Thread(target=answer)
        thread.start()
        with namespace.serve(listener.getsockname()[1], "api"):
            assert namespace.run("curl -s http://api/").stdout == "from here"
        thread.join()


def test_a_served_pod_can_become_unready(namespace):
    with namespace.serve(hello_wsgi, "api", ready=False) as served:
        assert namespace.run("curl -s --max-time 2 http://api/", check=False).code
        served.set_ready(True)
        assert namespace.run("curl -s http://api/").stdout.startswith("hello")
        served.set_ready(False)
        assert namespace.run("curl -s --max-time 2 http://api/", check=False).code


def test_the_behaviour_of_a_server_can_change_while_it_runs(namespace):
    answers = iter([503, 200])

    def flaky(environ, start_response):
        start_response(f"{next(answers)} X", [])
        return [b""]

    with namespace.serve(flaky, "api"):
        ask = "curl -s -o /dev/null -w %{http_code} http://api/"
        assert [namespace.run(ask).stdout for _ in range(2)] == ["503", "200"]


def test_this_program_reaches_it_through_its_service(namespace):
    with (
        namespace.serve(hello_asgi, "api"),
        namespace.forward("api", 80) as forwarded,
        urllib.request.urlopen(forwarded.url, timeout=60) as response,
    ):
        assert response.read().startswith(b"hello")


def test_asynchronous_tests_can_serve_too(namespace):
    async def story():
        with namespace.serve(hello_asgi, "api"):
            return await namespace.aio.run("curl -s http://api/")

    assert asyncio.run(story()).stdout.startswith("hello")


def test_a_server_that_cannot_start_is_reported(namespace):
    with pytest.raises(LabError, match="this takes 1 arguments"):
        namespace.serve(lambda x: x, "api")


def test_a_part_of_the_api_that_it_answers_is_used_by_kubectl(lab, namespace, tmp_path):
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "KUBECONFIG": str(lab.kubeconfig), **UNCOLLECTED}

    def kubectl(*arguments, text=None):
        command = [kubectls()[-1], *arguments]
        done = subprocess.run(command, input=text, env=environment, text=True, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    shown = json.loads(kubectl("get", "cm", "-n", "kube-system", "extension-apiserver-authentication", "-o", "json"))
    host = f"flavours.{namespace.name}.svc"
    extension = ExtensionServer(tmp_path / "pki", host, shown["data"]["requestheader-client-ca-file"])
    where = {"namespace": namespace.name, "name": "flavours", "port": 443}
    spec = {"group": GROUP, "version": "v1", "groupPriorityMinimum": 100, "versionPriority": 10, "service": where}
    spec["caBundle"] = base64.b64encode(extension.authority).decode()
    service = {
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {"name": f"v1.{GROUP}"},
        "spec": spec,
    }
    flavour = f"apiVersion: {GROUP}/v1\nkind: Flavour\nmetadata: {{name: vanilla, namespace: {namespace.name}}}"
    with extension.serving() as port, namespace.serve(port, "flavours", port=443):
        namespace.apply(service)
        try:
            kubectl("wait", "--for=condition=Available", f"apiservice/v1.{GROUP}", "--timeout=60s")
            assert "flavours" in kubectl("api-resources", f"--api-group={GROUP}")
            made = kubectl("create", "--validate=false", "-f", "-", text=flavour)
            assert made == f"flavour.{GROUP}/vanilla created\n"
            assert kubectl("get", "fl", "-n", namespace.name, "-o", "name") == f"flavour.{GROUP}/vanilla\n"
        finally:
            kubectl("delete", "apiservice", f"v1.{GROUP}")
    asked = next(each for each in extension.asked if each[0] == "POST")
    assert asked[2:] == (
        "kubernetes-admin",
        ["system:masters", "system:authenticated"],
        "kube-apiserver-kubelet-client",
    )
    eventually(lambda: GROUP not in kubectl("api-versions"))
