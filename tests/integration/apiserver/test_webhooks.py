"""Webhooks over real TLS: how they are called, how calls fail, and that one that hangs delays no other request."""

import base64
import socket
import threading
from contextlib import contextmanager

import pytest

from tests.support.api_servers import Kubectl, running_api_server
from tests.support.kubectls import kubectls
from tests.support.net.ports import free_port
from tests.support.webhook_server import WebhookServer
from tests.support.webhooks import add, configuration, patch, webhook


@pytest.fixture(scope="module")
def hook(tmp_path_factory):
    with WebhookServer(tmp_path_factory.mktemp("hook")).serving() as hook:
        yield hook


@pytest.fixture(scope="module")
def kubectl(tmp_path_factory):
    with running_api_server(tmp_path_factory.mktemp("data")) as server:
        yield Kubectl(kubectls()[-1], server, tmp_path_factory.mktemp("home"))


@contextmanager
def configured(kubectl, hook, path, kind="Validating", **fields):
    """While a webhook is asked about ConfigMaps whose name begins with its path."""
    client = {"url": f"{hook.url}{path}", "caBundle": hook.authorities, **fields.pop("clientConfig", {})}
    client = {name: value for name, value in client.items() if value is not None}
    about = [{"name": "mine", "expression": f"object.metadata.name.startsWith('{path.strip('/')}')"}]
    made = configuration(kind, webhook(clientConfig=client, matchConditions=about, **fields), name=path.strip("/"))
    kubectl("create", "-f", "-", stdin=made)
    try:
        yield
    finally:
        kubectl("delete", f"{kind}WebhookConfiguration", path.strip("/"))


def config_map(name):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"x": "1"}}


def test_a_webhook_is_called_with_a_review(kubectl, hook):
    with configured(kubectl, hook, "/allow", timeoutSeconds=7):
        kubectl("create", "-f", "-", stdin=config_map("allow-1"))
    path, headers, review = hook.reviews[-1]
    assert path == "/allow?timeout=7s"
    assert headers["content-type"] == "application/json"
    assert review["request"]["object"]["metadata"]["name"] == "allow-1"


def test_a_denial_reaches_the_user(kubectl, hook):
    with configured(kubectl, hook, "/deny"):
        told = kubectl.fails("create", "-f", "-", stdin=config_map("deny-1"))
    assert 'admission webhook "one.example.com" denied the request: not here' in told


def test_a_patch_and_a_warning(kubectl, hook):
    hook.say["/label"] = lambda request: patch(add("/metadata/labels", {"by": "hook"}), warnings=["labelled"])
    with configured(kubectl, hook, "/label", "Mutating"):
        shown = ("-o", "jsonpath={.metadata.labels}")
        result = kubectl.try_("create", "-f", "-", *shown, stdin=config_map("label"))
    assert result == (0, '{"by":"hook"}', "Warning: labelled\n")


FAILURES = [
    # (path, changed clientConfig, what the client reads)
    ("/absent", {}, "the server could not find the requested resource"),
    ("/garbage", {}, "received invalid webhook response"),
    ("/empty", {}, "received invalid webhook response"),
    ("/huge", {}, "the answer is too large"),
    ("/closed", {"url": "https://127.0.0.1:{closed}/closed"}, "connect: connection refused"),
    ("/strange", {"caBundle": None}, "tls: failed to verify certificate: x509:"),
    ("/named", {"url": "https://localhost.localdomain.invalid/x"}, "no such host"),
    ("/plain", {"url": "https://127.0.0.1:{plain}/plain"}, "failed to call webhook"),
    ("/service", {"url": None, "service": {"namespace": "default", "name": "absent"}}, 'services "absent" not found'),
]


@pytest.fixture(scope="module")
def plain():
    """A server that knows nothing of TLS, nor of HTTP."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                connection.sendall(b"hello\n")
                connection.close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]


@pytest.fixture(scope="module")
def failing(kubectl, hook, plain):
    """All that fail, under either policy, for the ConfigMaps that are named for them."""
    ports = {"closed": free_port(), "plain": plain}
    made = [
        webhook(
            name=f"{path[1:]}.{policy.lower()}.example.com",
            clientConfig=client_config(hook, path, client, ports),
            matchConditions=[{"name": "mine", "expression": f"object.metadata.name == '{path[1:]}-{policy.lower()}'"}],
            failurePolicy=policy,
            timeoutSeconds=30,
        )
        for path, client, _ in FAILURES
        for policy in ("Fail", "Ignore")
    ]
    kubectl("create", "-f", "-", stdin=configuration("Validating", *made, name="failing"))
    yield
    kubectl("delete", "ValidatingWebhookConfiguration", "failing")


def client_config(hook, path, special, ports):
    found = {"url": f"{hook.url}{path}", "caBundle": hook.authorities, **special}
    if found["url"]:
        found["url"] = found["url"].format(**ports)
    return {name: value for name, value in found.items() if value is not None}


@pytest.mark.parametrize(("path", "text"), [(path, text) for path, _, text in FAILURES])
def test_calls_that_fail(kubectl, failing, path, text):
    told = kubectl.fails("create", "-f", "-", stdin=config_map(f"{path[1:]}-fail"))
    assert f'Internal error occurred: failed calling webhook "{path[1:]}.fail.example.com": ' in told
    assert text in told
    kubectl("create", "-f", "-", stdin=config_map(f"{path[1:]}-ignore"))


def test_a_webhook_that_hangs_holds_up_nothing_but_its_own_requests(kubectl, hook):
    ended = []
    with configured(kubectl, hook, "/hang", timeoutSeconds=30):
        waiting = threading.Thread(
            target=lambda: ended.append(kubectl.try_("create", "-f", "-", stdin=config_map("hang-1")))
        )
        waiting.start()
        assert hook.asked.wait(30)
        kubectl("create", "-f", "-", stdin=config_map("free"))
        kubectl("annotate", "configmap", "free", "seen=yes")
        assert not ended
        hook.hanging.set()
        waiting.join()
    assert ended[0][0] == 0


def test_a_webhook_that_does_not_answer_in_its_time(kubectl, hook):
    hook.hanging.clear()
    with configured(kubectl, hook, "/hang", timeoutSeconds=1):
        told = kubectl.fails("create", "-f", "-", stdin=config_map("hang-2"))
    hook.hanging.set()
    assert 'hang?timeout=1s": context deadline exceeded' in told


def test_a_bundle_that_is_no_certificate_is_a_failure_and_no_fault(kubectl, hook):
    wrong = base64.b64encode(b"no certificate").decode()
    with configured(kubectl, hook, "/wrong", clientConfig={"caBundle": wrong}):
        told = kubectl.fails("create", "-f", "-", stdin=config_map("wrong-1"))
    assert "failed calling webhook" in told


def test_a_watch_is_shown_converted_objects(kubectl, hook):
    def convert(request):
        wanted = request["desiredAPIVersion"]
        made = [{**each, "apiVersion": wanted, "spec": {"hours": 2}} for each in request["objects"]]
        return {"result": {"status": "Success"}, "convertedObjects": made}

    hook.say["/convert"] = convert
    client = {"url": f"{hook.url}/convert", "caBundle": hook.authorities}
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    versions = [
        {"name": "v1", "served": True, "storage": False, "schema": schema},
        {"name": "v2", "served": True, "storage": True, "schema": schema},
    ]
    spec = {
        "group": "example.com",
        "scope": "Namespaced",
        "names": {"plural": "backups", "kind": "Backup"},
        "versions": versions,
        "conversion": {
            "strategy": "Webhook",
            "webhook": {"clientConfig": client, "conversionReviewVersions": ["v1"]},
        },
    }
    kind = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "spec": spec}
    kubectl("create", "-f", "-", stdin={**kind, "metadata": {"name": "backups.example.com"}})
    kubectl("wait", "--for=condition=Established", "crd/backups.example.com", "--timeout=30s")
    shown = ("-o", 'jsonpath={.apiVersion} {.spec.hours}{"\\n"}')
    with kubectl.watching("backups.v1.example.com", *shown) as lines:
        made = {"apiVersion": "example.com/v2", "kind": "Backup", "spec": {"minutes": 120}}
        for name in ("a", "b"):
            kubectl("create", "-f", "-", stdin={**made, "metadata": {"name": name}})
            assert lines.readline() == "example.com/v1 2\n"
    hook.say["/convert"] = lambda request: {"result": {"status": "Failure", "message": "cannot"}}
    told = kubectl.fails("get", "backups.v1.example.com", "a")
    assert "conversion webhook for example.com/v2, Kind=Backup failed: cannot" in told
    kubectl("get", "backups.v2.example.com", "a")
