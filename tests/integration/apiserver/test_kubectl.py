"""The real kubectl against the API server alone."""

import pytest

from tests.support.api_servers import Kubectl, running_api_server
from tests.support.kubectls import newest

MANIFEST = """
apiVersion: v1
kind: Service
metadata: {name: web, labels: {tier: front}}
spec:
  selector: {app: web}
  ports: [{name: http, port: 80, targetPort: 8080}]
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {colour: blue}
---
apiVersion: v1
kind: Pod
metadata: {name: one, labels: {app: web}}
spec:
  containers: [{name: main, image: busybox}]
"""


TOKENS = """master,admin,1,"system:masters"
for-jane,jane,2,"developers,testers"
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    data = tmp_path_factory.mktemp("api")
    (data / "tokens.csv").write_text(TOKENS)
    with running_api_server(data) as server:
        yield server


@pytest.fixture(params=newest(), ids=lambda path: path.name)
def kubectl(request, server, tmp_path):
    kubectl = Kubectl(request.param, server, tmp_path)
    yield kubectl
    kubectl.try_("delete", "-f", "-", "--ignore-not-found", stdin=MANIFEST)


def test_apply_get_change_delete(kubectl):
    assert kubectl("apply", "-f", "-", stdin=MANIFEST).splitlines() == [
        "service/web created",
        "configmap/settings created",
        "pod/one created",
    ]
    assert kubectl("apply", "-f", "-", stdin=MANIFEST).splitlines()[0] == "service/web unchanged"
    address = kubectl.json("get", "service", "web")["spec"].get("clusterIP")
    changed = MANIFEST.replace("port: 80,", "port: 81,")
    assert kubectl("apply", "-f", "-", stdin=changed).splitlines()[0] == "service/web configured"
    service = kubectl.json("get", "svc", "web")
    assert [port["port"] for port in service["spec"]["ports"]] == [81]
    assert service["spec"].get("clusterIP") == address
    assert kubectl("delete", "-f", "-", stdin=MANIFEST).count("deleted") == 3
    assert kubectl("get", "configmaps", "settings", "--ignore-not-found") == ""


def test_every_output_format(kubectl):
    kubectl("apply", "-f", "-", stdin=MANIFEST)
    assert kubectl("get", "svc", "-o", "name").splitlines() == ["service/kubernetes", "service/web"]
    assert kubectl("get", "svc", "web", "-o", "jsonpath={.spec.selector.app}") == "web"
    assert "kind: Service" in kubectl("get", "svc", "web", "-o", "yaml")
    assert kubectl("get", "svc", "web", "-o", "custom-columns=N:.metadata.name", "--no-headers").strip() == "web"
    header, *rows = kubectl("get", "services", "-o", "wide").splitlines()
    assert header.split() == ["NAME", "TYPE", "CLUSTER-IP", "EXTERNAL-IP", "PORT(S)", "AGE", "SELECTOR"]
    assert [row.split()[0] for row in rows] == ["kubernetes", "web"]
    assert kubectl("get", "svc", "-l", "tier=front", "-o", "name").strip() == "service/web"
    assert kubectl("get", "svc", "--field-selector", "metadata.name=web", "-o", "name").strip() == "service/web"
    assert kubectl("get", "svc,endpointslices,pods", "-A", "-o", "wide")


def test_label_annotate_patch_and_replace(kubectl):
    kubectl("apply", "-f", "-", stdin=MANIFEST)
    kubectl("label", "service", "web", "extra=1")
    kubectl("annotate", "service", "web", "note=hello there")
    metadata = kubectl.json("get", "service", "web")["metadata"]
    assert (metadata["labels"]["extra"], metadata["annotations"]["note"]) == ("1", "hello there")
    kubectl("label", "service", "web", "extra-")
    kubectl("patch", "configmap", "settings", "--type=merge", "-p", '{"data":{"colour":"red"}}')
    kubectl("patch", "configmap", "settings", "--type=json", "-p", '[{"op":"add","path":"/data/size","value":"2"}]')
    kubectl("patch", "service", "web", "-p", '{"spec":{"ports":[{"port":80,"targetPort":9090}]}}')
    assert kubectl.json("get", "cm", "settings")["data"] == {"colour": "red", "size": "2"}
    assert kubectl.json("get", "svc", "web")["spec"]["ports"][0]["targetPort"] == 9090
    kubectl("replace", "-f", "-", stdin=kubectl("get", "cm", "settings", "-o", "yaml").replace("red", "green"))
    assert kubectl.json("get", "cm", "settings")["data"]["colour"] == "green"


def test_describe_diff_and_expose(kubectl):
    kubectl("apply", "-f", "-", stdin=MANIFEST)
    assert "Selector:" in kubectl("describe", "service", "web")
    assert "Containers:" in kubectl("describe", "pod", "one")
    code, out, err = kubectl.try_("diff", "-f", "-", stdin=MANIFEST.replace("blue", "red"))
    assert (code, err) == (1, ""), err
    assert "+  colour: red" in out
    kubectl("expose", "pod", "one", "--port=80", "--name=exposed")
    assert kubectl.json("get", "svc", "exposed")["spec"]["selector"] == {"app": "web"}
    kubectl("delete", "svc", "exposed")


def test_a_watch_prints_each_change(kubectl):
    with kubectl.watching("configmaps", "-o", "jsonpath={.metadata.name}={.data.colour} ") as lines:
        kubectl("create", "configmap", "seen", "--from-literal=colour=blue")
        text = ""
        while "seen=blue" not in text:
            text += lines.read(1)
        kubectl("patch", "configmap", "seen", "-p", '{"data":{"colour":"red"}}')
        while "seen=red" not in text:
            text += lines.read(1)
    kubectl("delete", "configmap", "seen")
    assert text.split() == ["seen=blue", "seen=red"]


def test_wait_for_deletion_and_for_a_condition(kubectl):
    kubectl("apply", "-f", "-", stdin=MANIFEST)
    status = '{"status":{"conditions":[{"type":"Ready","status":"True"}]}}'
    kubectl("patch", "pod", "one", "--subresource=status", "--type=strategic", "-p", status)
    assert "condition met" in kubectl("wait", "pod/one", "--for=condition=Ready", "--timeout=60s")
    kubectl("delete", "pod", "one", "--wait=true")


def test_server_side_apply(kubectl):
    assert "service/web serverside-applied" in kubectl("apply", "--server-side", "-f", "-", stdin=MANIFEST)
    kubectl("apply", "--server-side", "-f", "-", stdin=MANIFEST.replace("port: 80,", "port: 81,"))
    assert [port["port"] for port in kubectl.json("get", "svc", "web")["spec"]["ports"]] == [81]
    blue = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {colour: red}\n"
    message = kubectl.fails("apply", "--server-side", "--field-manager=other", "-f", "-", stdin=blue)
    assert 'conflict with "kubectl": .data.colour' in message
    kubectl("apply", "--server-side", "--field-manager=other", "--force-conflicts", "-f", "-", stdin=blue)
    assert kubectl.json("get", "cm", "settings")["data"] == {"colour": "red"}
    managers = kubectl.json("get", "cm", "settings", "--show-managed-fields")["metadata"]["managedFields"]
    assert [entry["manager"] for entry in managers] == ["other"]


def test_from_client_side_to_server_side_apply(kubectl):
    kubectl("apply", "-f", "-", stdin=MANIFEST)
    kubectl("apply", "--server-side", "-f", "-", stdin=MANIFEST)
    kubectl("apply", "--server-side", "-f", "-", stdin=MANIFEST)


def test_commands_that_build_their_objects(kubectl):
    """Since 1.32 these are sent in protobuf."""
    made = [
        ("configmap", "made", "--from-literal=a=b"),
        ("secret", "generic", "made", "--from-literal=a=b"),
        ("service", "clusterip", "made", "--tcp=80:http"),
        ("deployment", "made", "--image=busybox", "--replicas=2", "--port=80"),
        ("role", "made", "--verb=get", "--resource=pods"),
        ("ingress", "made", "--rule=example.com/=made:80"),
    ]
    for arguments in made:
        kubectl("create", *arguments)
    assert kubectl.json("get", "secret", "made")["data"] == {"a": "Yg=="}
    assert kubectl.json("get", "service", "made")["spec"]["ports"][0]["targetPort"] == "http"
    kubectl("scale", "deployment", "made", "--replicas=3")
    assert kubectl.json("get", "deployment", "made")["spec"]["replicas"] == 3
    kubectl("delete", "configmap,secret,service,deployment,role,ingress", "made")


def by_token(server, token):
    arguments = ("--server", f"https://127.0.0.1:{server.port}", "--token", token, "--kubeconfig", "/dev/null")
    return (*arguments, "--certificate-authority", server.data / "pki" / "ca.crt")


def test_access_and_tokens(kubectl, server):
    assert kubectl("auth", "can-i", "create", "pods").strip() == "yes"
    _, out, err = kubectl.try_("auth", "whoami")
    assert "admin" in out or "v1beta1 API" in err, "1.27 asks for the beta of this API alone"
    kubectl("create", "serviceaccount", "joe")
    token = kubectl("create", "token", "joe").strip()
    as_joe = by_token(server, token)
    refusal = 'serviceaccounts is forbidden: User "system:serviceaccount:default:joe" cannot list resource'
    assert refusal in kubectl.fails("get", "sa", *as_joe)
    kubectl("create", "rolebinding", "joe", "--clusterrole=view", "--serviceaccount=default:joe")
    assert kubectl("get", "sa", "joe", "-o", "name", *as_joe) == "serviceaccount/joe\n"
    assert kubectl("auth", "can-i", "get", "sa", *as_joe).strip() == "yes"
    assert kubectl.try_("auth", "can-i", "get", "secrets", *as_joe)[1].strip() == "no"
    assert 'cannot get path "/metrics"' in kubectl.fails("get", "--raw", "/metrics", *as_joe)
    kubectl("delete", "rolebinding,serviceaccount", "joe")
    assert "Unauthorized" in kubectl.fails("get", "sa", *as_joe)


def test_users_of_the_token_file(kubectl, server):
    as_jane = by_token(server, "for-jane")
    refusal = 'pods is forbidden: User "jane" cannot list resource "pods" in API group "" in the namespace "default"'
    assert refusal in kubectl.fails("get", "pods", *as_jane)
    assert kubectl("auth", "can-i", "*", "*", *by_token(server, "master")).strip() == "yes"
    kubectl("create", "rolebinding", "jane", "--clusterrole=view", "--group=developers")
    assert kubectl("get", "configmaps", "-o", "name", *as_jane) == ""
    assert "endpointslices.discovery.k8s.io" in kubectl("auth", "can-i", "--list", *as_jane)
    kubectl("delete", "rolebinding", "jane")


REFUSED = [
    ({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "spec": 1}, 'unknown field "spec"'),
    (
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "A_b"}},
        'The ConfigMap "A_b" is invalid: metadata.name',
    ),
    (
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}, "spec": {"ports": [{"port": "x"}]}},
        "type int32",
    ),
    ({"apiVersion": "v1", "kind": "Widget", "metadata": {"name": "a"}}, 'no matches for kind "Widget" in version "v1"'),
]


@pytest.mark.parametrize(("document", "text"), REFUSED)
def test_invalid_manifests(kubectl, document, text):
    assert text in kubectl.fails("create", "-f", "-", stdin=document)


def test_unknown_resources_and_missing_objects(kubectl):
    assert 'the server doesn\'t have a resource type "widgets"' in kubectl.fails("get", "widgets")
    assert 'Error from server (NotFound): services "none" not found' in kubectl.fails("get", "service", "none")
    assert 'namespaces "nowhere" not found' in kubectl.fails("create", "cm", "a", "-n", "nowhere")


def test_available_resources(kubectl):
    kubectl("get", "namespaces")
    listed = kubectl("api-resources", "--no-headers", "-o", "name").split()
    assert {"services", "pods", "endpointslices.discovery.k8s.io", "events.events.k8s.io"} <= set(listed)
    assert "discovery.k8s.io/v1" in kubectl("api-versions").split()
    assert kubectl("get", "--raw", "/readyz") == "ok"
    assert 'apiserver_request_total{code="200",resource="namespaces",verb="GET"}' in kubectl("get", "--raw", "/metrics")
    assert kubectl("get", "namespaces", "-o", "name").split() == [
        f"namespace/{name}" for name in ("default", "kube-node-lease", "kube-public", "kube-system")
    ]
