"""kr8s against a lab: every kind that discovery lists, and a port of a Pod on this machine's loopback."""

import socket

import kr8s
import pytest
from kr8s.objects import Pod

pytestmark = pytest.mark.filterwarnings("ignore:Kubernetes version .* is not supported:UserWarning")


def hello(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"hello"]


def test_kr8s_lists_every_kind_and_forwards_a_port(lab, namespace):
    api = kr8s.api(kubeconfig=str(lab.kubeconfig))
    listed = [row for row in api.api_resources() if "list" in row["verbs"]]
    assert len(listed) > 50
    for row in listed:
        group = row["version"].partition("/")[0] if "/" in row["version"] else ""
        name = f"{row['name']}.{group}" if group else row["name"]
        assert all(found.name for found in api.get(name, namespace=kr8s.ALL)), name
    with namespace.serve(hello, "web", port=8080):
        (pod,) = Pod.list(namespace=namespace.name, api=api)
        with pod.portforward(remote_port=8080) as port, socket.create_connection(("127.0.0.1", port), 10) as client:
            client.sendall(b"GET / HTTP/1.0\r\n\r\n")
            answer = b"".join(iter(lambda: client.recv(4096), b""))
    assert answer.endswith(b"hello")
