"""A webhook that runs in the lab itself: the API server finds it through its Service, under the Service's name."""

import base64
import json
import os
import sys

import pytest

from fairlead.drivers.identity.pki import ensure_pki
from tests.support.labs import Lab, eventually
from tests.support.users import users
from tests.support.webhooks import add, configuration, patch, webhook

PYTHON = next(filter(os.path.exists, ("/usr/bin/python3", os.path.realpath(sys.executable))))
NAME = "hook.default.svc"

SERVER = """
import http.server, json, ssl
class Hook(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        review = json.loads(self.rfile.read(int(self.headers["content-length"])))
        said = json.load(open("/said/response"))
        body = json.dumps({**review, "response": {"uid": review["request"]["uid"], **said}}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("/tls/tls.crt", "/tls/tls.key")
server = http.server.ThreadingHTTPServer(("0.0.0.0", 8443), Hook)
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
"""


@pytest.fixture(scope="module")
def lab():
    made = Lab(users()[-1], "--nodes", "1")
    try:
        made.up()
        yield made
    finally:
        made.close()


def encoded(path):
    return base64.b64encode(path.read_bytes()).decode()


def manifests(folder):
    ensure_pki(folder, ("127.0.0.1", NAME))
    container = {
        "name": "hook",
        "image": "busybox",
        "command": [PYTHON, "-c", SERVER],
        "readinessProbe": {"tcpSocket": {"port": 8443}, "periodSeconds": 1},
        "volumeMounts": [{"name": "tls", "mountPath": "/tls"}, {"name": "said", "mountPath": "/said"}],
    }
    volumes = [{"name": "tls", "secret": {"secretName": "tls"}}, {"name": "said", "configMap": {"name": "said"}}]
    certificate = {"tls.crt": encoded(folder / "server.crt"), "tls.key": encoded(folder / "server.key")}
    response = json.dumps(patch(add("/metadata/labels", {"by": "hook"})))
    return [
        {"kind": "Secret", "metadata": {"name": "tls"}, "type": "kubernetes.io/tls", "data": certificate},
        {"kind": "ConfigMap", "metadata": {"name": "said"}, "data": {"response": response}},
        {
            "kind": "Pod",
            "metadata": {"name": "hook", "labels": {"app": "hook"}},
            "spec": {"containers": [container], "volumes": volumes},
        },
        {
            "kind": "Service",
            "metadata": {"name": "hook"},
            "spec": {"selector": {"app": "hook"}, "ports": [{"port": 443, "targetPort": 8443}]},
        },
    ]


def ready_endpoints(lab):
    slices = lab.get("endpointslices", "-l", "kubernetes.io/service-name=hook")["items"]
    return [each for found in slices for each in found["endpoints"] or () if each["conditions"]["ready"]]


def test_a_webhook_behind_a_service(lab, tmp_path):
    items = [{"apiVersion": "v1", **each} for each in manifests(tmp_path)]
    lab.kubectl("apply", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
    lab.until_ready("hook", seconds=60)
    client = {
        "url": None,
        "service": {"namespace": "default", "name": "hook", "path": "/mutate"},
        "caBundle": encoded(tmp_path / "ca.crt"),
    }
    about = [{"name": "plain", "expression": "object.metadata.name.startsWith('seen')"}]
    fields = {name: value for name, value in client.items() if value is not None}
    made = configuration("Mutating", webhook(clientConfig=fields, matchConditions=about))
    lab.kubectl("apply", "-f", "-", stdin=json.dumps(made))
    eventually(lambda: ready_endpoints(lab))
    lab.kubectl("create", "configmap", "seen-1")
    assert lab.get("configmap", "seen-1")["metadata"]["labels"] == {"by": "hook"}
    lab.kubectl("delete", "pod", "hook", "--grace-period=1", "--wait")
    lab.kubectl("wait", "--for=delete", "pod/hook", "--timeout=60s")
    told = lab.kubectl("create", "configmap", "seen-2", check=False).stderr
    assert "failed calling webhook" in told, told
    lab.kubectl("delete", "mutatingwebhookconfiguration", "hooks")
    lab.kubectl("create", "configmap", "seen-2")
