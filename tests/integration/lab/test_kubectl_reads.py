"""A lab as the oldest and the newest kubectl see it: it must read as a real cluster does, without a warning."""

import subprocess
import threading

import pytest

from tests.support.kubectls import kubectls
from tests.support.labs import Lab, eventually
from tests.support.users import CHECKOUT, users

MANIFESTS = str(CHECKOUT / "examples" / "headless" / "manifests.yaml")

# What `kubectl get -o wide` heads its columns with, as upstream's printers name them.
COLUMNS = {
    "services": "NAME TYPE CLUSTER-IP EXTERNAL-IP PORT(S) AGE SELECTOR",
    "endpointslices": "NAME ADDRESSTYPE PORTS ENDPOINTS AGE",
    "pods": "NAME READY STATUS RESTARTS AGE IP NODE NOMINATED NODE READINESS GATES",
    "nodes": "NAME STATUS ROLES AGE VERSION INTERNAL-IP EXTERNAL-IP OS-IMAGE KERNEL-VERSION CONTAINER-RUNTIME",
    "namespaces": "NAME STATUS AGE",
}


# kubectl before 1.31 describes a Service by its Endpoints, of which a server of today warns.
ENDPOINTS_ARE_OLD = "Warning: v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"


@pytest.fixture(scope="module")
def lab():
    lab = Lab(users()[0], "-f", MANIFESTS)
    try:
        lab.up()
        yield lab
    finally:
        lab.close()


@pytest.fixture(params=sorted({kubectls()[0], kubectls()[-1]}), ids=lambda path: path.name)
def kubectl(lab, request):
    def run(*arguments: str, stdin: str | None = None) -> str:
        done = lab.kubectl(*arguments, stdin=stdin, program=request.param)
        told = [line for line in done.stderr.splitlines() if line != ENDPOINTS_ARE_OLD]
        assert told == [], done.stderr
        return done.stdout

    return run


def rows(table: str) -> list[list[str]]:
    return [line.split() for line in table.splitlines()[1:]]


def refusal(lab: Lab, *arguments: str, stdin: str | None = None) -> str:
    done = lab.kubectl(*arguments, stdin=stdin, check=False)
    assert done.returncode == 1
    return done.stderr


@pytest.mark.parametrize("kind", COLUMNS)
def test_columns(kubectl, kind):
    assert " ".join(kubectl("get", kind, "-o", "wide").splitlines()[0].split()) == COLUMNS[kind]


def test_rows(kubectl):
    services = {name: rest for name, *rest in rows(kubectl("get", "services", "-o", "wide"))}
    assert services["headless-service-selector"][:4] == ["ClusterIP", "None", "<none>", "80/TCP"]
    assert services["my-headless-service"][-1] == "<none>"
    assert services["web"][-1] == "app=web"
    pods = {name: rest for name, *rest in rows(kubectl("get", "pods", "-o", "wide"))}
    assert [pods[name][:3] for name in ("web-0", "web-1", "client")] == [["1/1", "Running", "0"]] * 3
    assert {name for name, *_ in rows(kubectl("get", "nodes"))} == {"node-1", "node-2"}


def test_several_kinds_at_once(kubectl):
    output = kubectl("get", "svc,endpointslices,pods", "-o", "wide")
    for prefix in ("service/web", "endpointslice.discovery.k8s.io/web-", "pod/web-0"):
        assert prefix in output


def test_describe(kubectl):
    pod = kubectl("describe", "pod", "web-0").splitlines()
    assert ["Status:", "Running"] in [line.split() for line in pod]
    assert ["Ready:", "True"] in [line.split() for line in pod]
    service = [line.split() for line in kubectl("describe", "service", "web").splitlines()]
    assert ["Selector:", "app=web"] in service
    (endpoints,) = [words[1] for words in service if words[:1] == ["Endpoints:"]]
    assert [endpoint.rpartition(":")[2] for endpoint in endpoints.split(",")] == ["80", "80"]
    assert "InternalIP:" in kubectl("describe", "node", "node-1")


def test_apply_label_watch_and_delete(lab, kubectl):
    manifest = "apiVersion: v1\nkind: Service\nmetadata: {name: extra}\nspec: {ports: [{port: 80}], selector: {a: b}}\n"
    assert kubectl("apply", "-f", "-", stdin=manifest) == "service/extra created\n"
    assert kubectl("apply", "-f", "-", stdin=manifest) == "service/extra unchanged\n"
    assert kubectl("label", "service", "extra", "tier=back") == "service/extra labeled\n"
    changed = manifest.replace("port: 80", "port: 81")
    assert kubectl("apply", "-f", "-", stdin=changed) == "service/extra configured\n"
    eventually(lambda: rows(kubectl("get", "endpointslices", "-l", "kubernetes.io/service-name=extra")))
    assert kubectl("delete", "service", "extra").startswith('service "extra" deleted')
    eventually(lambda: "extra" not in kubectl("get", "endpointslices"))


def test_a_watch_shows_a_pod_come_and_go(lab, kubectl):
    watch = subprocess.Popen(
        [kubectls()[-1], "--kubeconfig", lab.kubeconfig, "get", "pods", "-w", "--field-selector=metadata.name=visitor"],
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    hanging = threading.Timer(60, watch.kill)
    hanging.start()
    with watch:
        try:
            kubectl("run", "visitor", "--image=fairlead/pause")
            kubectl("wait", "--for=condition=Ready", "pod/visitor", "--timeout=60s")
            until_shown(watch, "Running")
            kubectl("delete", "pod", "visitor", "--grace-period=1")
            until_shown(watch, "Terminating")
        finally:
            hanging.cancel()
            watch.terminate()


def until_shown(watch: subprocess.Popen[str], status: str) -> None:
    """Read on to a line with this status."""
    lines = []
    for line in watch.stdout:
        lines.append(line)
        if line.split()[2:3] == [status]:
            return
    raise AssertionError(lines)


def test_an_unknown_kind_differs_from_a_missing_object(lab):
    assert 'the server doesn\'t have a resource type "gadgets"' in refusal(lab, "get", "gadgets")
    assert refusal(lab, "get", "pod", "nobody") == 'Error from server (NotFound): pods "nobody" not found\n'


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (
            "{ports: [{port: 70000}]}",
            "spec.ports[0].port: Invalid value: 70000: must be between 1 and 65535, inclusive",
        ),
        ("{type: Cloud, ports: [{port: 1}]}", 'spec.type: Unsupported value: "Cloud"'),
        ("{}", "spec.ports: Required value"),
        ("{ports: [{port: 80}], selectr: {a: b}}", 'unknown field "spec.selectr"'),
    ],
)
def test_an_invalid_manifest_is_refused_in_upstreams_words(lab, spec, message):
    manifest = f"apiVersion: v1\nkind: Service\nmetadata: {{name: wrong}}\nspec: {spec}\n"
    assert message in refusal(lab, "create", "-f", "-", stdin=manifest)
    assert "wrong" not in lab.kubectl("get", "services").stdout
