"""Logs, exec and port-forward through the API server, with a stand-in for a node agent that shows what it was asked."""

import json
import socket
import ssl
import threading

import pytest
from tests.integration.api_servers import Kubectl, kubectls, running_api_server

POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "p"},
    "spec": {"nodeName": "n1", "containers": [{"name": "main", "image": "busybox"}]},
}
PATH = "/api/v1/namespaces/default/pods/p"


class Node(threading.Thread):
    """Answers one connection after the other: 101 and an echo for upgrades, else the request's own first line."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen()
        self.start()

    def run(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection:
                self.answer(connection)

    def answer(self, connection):
        head = b""
        while b"\r\n\r\n" not in head:
            head += connection.recv(4096)
        first, *headers = head.decode().splitlines()
        if "upgrade: echo" in headers:
            connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
            connection.sendall(first.encode() + b"\n")
            while data := connection.recv(4096):
                connection.sendall(data)
        else:
            connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + first.encode() + b"\n")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("nodes")
    node = Node(folder / "n1.sock")
    with running_api_server(tmp_path_factory.mktemp("api"), "--node-sockets", str(folder)) as server:
        kubectl = Kubectl(kubectls()[-1], server, folder)
        kubectl("create", "-f", "-", stdin=POD)
        kubectl(
            "create", "-f", "-", stdin={**POD, "metadata": {"name": "lost"}, "spec": {**POD["spec"], "nodeName": "n2"}}
        )
        yield server
    node.listener.close()


def exchange(server, request, headers=()):
    """A TLS connection on which the request has been sent."""
    tls = ssl.create_default_context(cafile=server.data / "pki" / "ca.crt")
    connection = tls.wrap_socket(socket.create_connection(("127.0.0.1", server.port), 10), server_hostname="127.0.0.1")
    lines = [f"{request} HTTP/1.1", "Host: x", f"Authorization: Bearer {server.token}", *headers]
    connection.sendall("\r\n".join([*lines, "", ""]).encode())
    return connection


def read_all(connection):
    received = b""
    while data := connection.recv(4096):
        received += data
    return received


def test_logs_are_the_nodes_answer(server, tmp_path):
    kubectl = Kubectl(kubectls()[-1], server, tmp_path)
    asked = kubectl("logs", "p", "--tail=5", "-f")
    assert asked == "GET /containerLogs/default/p/main?follow=true&tailLines=5 HTTP/1.1\n"


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_upgraded_connection_carries_anything_both_ways(server, method):
    query = "command=sh&command=-c&stdin=true&stdout=true&container=main"
    with exchange(server, f"{method} {PATH}/exec?{query}", ["Connection: Upgrade", "Upgrade: echo"]) as connection:
        stream = connection.makefile("rb")
        assert b"101" in stream.readline()
        while stream.readline().strip():
            pass
        asked = stream.readline().decode()
        assert asked == f"{method} /exec/default/p/main?input=1&output=1&command=sh&command=-c HTTP/1.1\n"
        connection.sendall(b"\x00\xff" * 100_000)
        assert stream.read(200_000) == b"\x00\xff" * 100_000
        stream.close()


REFUSED = [
    ("p/exec?container=other&command=x&stdout=1", 400, "container other is not valid for pod p"),
    ("none/log", 404, 'pods "none" not found'),
    ("lost/log", 503, 'node "n2" cannot be reached'),
]


@pytest.mark.parametrize(("path", "code", "message"), REFUSED)
def test_refusals(server, path, code, message):
    with exchange(server, f"GET /api/v1/namespaces/default/pods/{path}", ["Connection: close"]) as connection:
        head, _, body = read_all(connection).partition(b"\r\n\r\n")
    assert str(code).encode() in head.splitlines()[0]
    assert json.loads(body)["message"] == message
