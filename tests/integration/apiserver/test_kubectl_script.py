"""One long session with every kubectl of this machine: the output is the expected one. By default, with the oldest; the
newest has the shorter ones of test_kubectl.py.

Each version has a namespace of its own on one server, so that its session finds nothing left by another. A step is a
command line and what it must print; text between slashes is a regular expression. Nothing may be printed to standard
error that is not expected there: a warning is a failure.
"""

import json
import re
import shlex
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple
from urllib.request import urlopen

import pytest

from tests.support.api_servers import Kubectl, running_api_server
from tests.support.kubectls import oldest, some_kubectls


class Step(NamedTuple):
    """A command line, what it prints, and how it ends."""

    command: str
    out: str = ""
    stdin: str | None = None
    code: int = 0
    err: str = ""
    editor: str = ""


SHOP = """
apiVersion: v1
kind: Service
metadata: {name: shop, labels: {app: shop}}
spec:
  selector: {app: shop}
  ports: [{name: http, port: 80, targetPort: 8080}, {name: dns, port: 53, protocol: UDP}]
"""
SETTINGS = """
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {colour: red}
"""
BOTH = SHOP + "---" + SETTINGS
SERVER_SIDE = SETTINGS.replace("settings", "server")
BLUE = SETTINGS.replace("red", "blue")
BROKEN = SHOP.replace("port: 80", "port: 80, prot: TCP")
SLICE = """
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: shop-1, labels: {kubernetes.io/service-name: shop}}
addressType: IPv4
endpoints: [{addresses: [192.0.2.1]}]
ports: [{name: http, port: 8080}]
"""

CREATE = (
    Step("create -f -", "service/shop created", stdin=SHOP),
    Step(
        "create -f -",
        stdin=SHOP,
        code=1,
        err='Error from server (AlreadyExists): error when creating "STDIN": services "shop" already exists',
    ),
    Step(
        "create -f -",
        stdin=BROKEN,
        code=1,
        err='Error from server (BadRequest): error when creating "STDIN": Service in version "v1" cannot be handled as '
        'a Service: strict decoding error: unknown field "spec.ports[0].prot"',
    ),
    Step("create -f - --dry-run=server", "configmap/settings created (server dry run)", stdin=SETTINGS),
    Step("get cm settings", code=1, err='Error from server (NotFound): configmaps "settings" not found'),
    Step("create configmap made --from-literal=a=1", "configmap/made created"),
    Step("create secret generic secret --from-literal=a=1", "secret/secret created"),
    Step("get secret secret -o jsonpath={.type}:{.data.a}", "Opaque:MQ=="),
    Step("create serviceaccount robot", "serviceaccount/robot created"),
    Step("create service clusterip plain --tcp=80:8080", "service/plain created"),
    Step("get svc plain -o jsonpath={.spec.ports[0].targetPort}", "8080"),
    Step("create service nodeport outside --tcp=80", "service/outside created"),
    Step("create service externalname alias --external-name=example.com", "service/alias created"),
    Step("create service loadbalancer balanced --tcp=80", "service/balanced created"),
    Step("create deployment front --image=busybox --replicas=2", "deployment.apps/front created"),
    Step("create role reader --verb=get --resource=pods", "role.rbac.authorization.k8s.io/reader created"),
    Step("create rolebinding r --role=reader --user=u", "rolebinding.rbac.authorization.k8s.io/r created"),
    Step("create ingress way --rule=example.com/*=shop:80", "ingress.networking.k8s.io/way created"),
    Step("run one --image=busybox --labels=app=shop", "pod/one created"),
    Step("create -f -", "endpointslice.discovery.k8s.io/shop-1 created", stdin=SLICE),
)

APPLY = (
    Step("delete svc shop --wait=true", '/service "shop" deleted( from .* namespace)?/'),
    Step("apply -f -", "service/shop created\nconfigmap/settings created", stdin=BOTH),
    Step("apply -f -", "service/shop unchanged\nconfigmap/settings unchanged", stdin=BOTH),
    Step("apply -f - --dry-run=server", "configmap/settings configured (server dry run)", stdin=BLUE),
    Step("diff -f -", stdin=BOTH),
    Step("diff -f -", r"/(?s).*\n-  colour: red\n\+  colour: blue\n.*/", stdin=BLUE, code=1),
    Step("apply -f -", "configmap/settings configured", stdin=BLUE),
    Step("get cm settings -o jsonpath={.data}", '{"colour":"blue"}'),
    Step("replace -f -", "configmap/settings replaced", stdin=SETTINGS),
    Step("apply --server-side -f -", "configmap/server serverside-applied", stdin=SERVER_SIDE),
    Step("apply --server-side -f -", "configmap/server serverside-applied", stdin=SERVER_SIDE),
    Step("diff --server-side -f -", stdin=SERVER_SIDE),
    Step(
        "apply --server-side --field-manager=other -f -",
        stdin=SERVER_SIDE.replace("red", "blue"),
        code=1,
        err='/(?s)error: Apply failed with 1 conflict: conflict with "kubectl": \\.data\\.colour\n.*/',
    ),
    Step(
        "apply --server-side --field-manager=other --force-conflicts -f -",
        "configmap/server serverside-applied",
        stdin=SERVER_SIDE.replace("red", "blue"),
    ),
    Step("get cm server --show-managed-fields -o jsonpath={.metadata.managedFields[*].manager}", "other"),
    Step(
        "replace -f -",
        stdin=SETTINGS.replace("settings", "nothing"),
        code=1,
        err='Error from server (NotFound): error when replacing "STDIN": configmaps "nothing" not found',
    ),
)

CHANGE = (
    Step("edit configmap settings", "configmap/settings edited", editor="sed -i s/red/green/"),
    Step("get cm settings -o jsonpath={.data.colour}", "green"),
    Step("edit configmap settings", err="Edit cancelled, no changes made.", editor="true"),
    Step('patch cm settings --type=merge -p \'{"data":{"size":"2"}}\'', "configmap/settings patched"),
    Step(
        """patch cm settings --type=json -p '[{"op":"remove","path":"/data/size"}]'""",
        "configmap/settings patched",
    ),
    Step('patch cm settings -p \'{"data":{"colour":"green"}}\'', "configmap/settings patched (no change)"),
    Step('patch svc shop -p \'{"spec":{"ports":[{"port":53,"$patch":"delete"}]}}\'', "service/shop patched"),
    Step("get svc shop -o jsonpath={.spec.ports[*].port}", "80"),
    Step(
        """patch svc shop --type=json -p '[{"op":"replace","path":"/spec/nowhere/x","value":1}]'""",
        code=1,
        err="/The request is invalid: .*/",
    ),
    Step("label svc shop tier=front", "service/shop labeled"),
    Step("label svc shop tier=front", "service/shop not labeled"),
    Step("label svc shop tier=back", code=1, err="error: 'tier' already has a value (front), and --overwrite is false"),
    Step("label svc shop tier=back --overwrite", "service/shop labeled"),
    Step("label svc shop tier-", "service/shop unlabeled"),
    Step("annotate svc shop note='two words'", "/service/shop annotated?/"),  # 1.27 forgets a letter
    Step("annotate svc shop note-", "/service/shop annotated?/"),
    Step("set selector svc shop app=other", "service/shop selector updated"),
    Step("expose service shop --name=again --port=81", "service/again exposed"),
    Step("expose pod one --port=80", "service/one exposed"),
    Step("get svc one -o jsonpath={.spec.selector}", '{"app":"shop"}'),
    Step("scale deployment front --replicas=3", "deployment.apps/front scaled"),
    Step("get deployment front -o jsonpath={.spec.replicas}", "3"),
    Step("set image deployment front busybox=busybox:2", "deployment.apps/front image updated"),
    Step("set env deployment front A=b", "deployment.apps/front env updated"),
    Step("rollout pause deployment front", "deployment.apps/front paused"),
    Step("rollout restart deployment front", code=1, err='/error: deployments.apps "front" can\'t restart paused .*/'),
    Step("rollout resume deployment front", "deployment.apps/front resumed"),
    Step("rollout restart deployment front", "deployment.apps/front restarted"),
    Step("rollout status deployment front --watch=false", "Waiting for deployment spec update to be observed..."),
    Step("rollout history deployment front", "deployment.apps/front \nNo rollout history found."),
)

NUMBER = "10\\.96\\.\\d+\\.\\d+"
SHOW = (
    Step(
        "get svc shop plain",
        f"/NAME +TYPE +CLUSTER-IP +EXTERNAL-IP +PORT\\(S\\) +AGE\n"
        f"shop +ClusterIP +{NUMBER} +<none> +80/TCP +\\w+\n"
        f"plain +ClusterIP +{NUMBER} +<none> +80/TCP +\\w+/",
    ),
    Step("get svc shop -o wide --no-headers", f"/shop +ClusterIP +{NUMBER} +<none> +80/TCP +\\w+ +app=other/"),
    Step("get svc alias --no-headers", r"/alias +ExternalName +<none> +example.com +<none> +\w+/"),
    Step("get svc outside --no-headers", f"/outside +NodePort +{NUMBER} +<none> +80:3\\d{{4}}/TCP +\\w+/"),
    Step("get svc balanced --no-headers", f"/balanced +LoadBalancer +{NUMBER} +<pending> +80:3\\d{{4}}/TCP +\\w+/"),
    Step("get svc shop --show-labels --no-headers", r"/shop .* app=shop/"),
    Step("get svc -l 'app in (plain,none),!tier' -o name", "service/plain"),
    Step("get svc --field-selector metadata.name=shop -o name", "service/shop"),
    Step(
        "get svc --field-selector nothing=1",
        code=1,
        err='/(Error from server \\(BadRequest\\): )?Unable to find "/v1, Resource=services" that match label selector '
        '"", field selector "nothing=1": .*field label not supported: nothing/',
    ),
    Step("get svc shop -o name", "service/shop"),
    Step("get svc shop -o jsonpath='{.spec.ports[?(@.name==\"http\")].targetPort}'", "8080"),
    Step("get svc shop -o custom-columns=NAME:.metadata.name,TYPE:.spec.type", "NAME   TYPE\nshop   ClusterIP"),
    Step("get svc shop -o go-template='{{.spec.type}}'", "ClusterIP"),
    Step("get svc shop -o jsonpath-as-json={.spec.type}", '[\n    "ClusterIP"\n]'),
    Step("get svc shop -o jsonpath-file=/dev/stdin", "ClusterIP", stdin="{.spec.type}"),
    Step("get svc shop -o go-template-file=/dev/stdin", "ClusterIP", stdin="{{.spec.type}}"),
    Step("get svc shop -o custom-columns-file=/dev/stdin", "TYPE\nClusterIP", stdin="TYPE\n.spec.type\n"),
    Step("get svc shop -o json", r'/(?s)\{\n    "apiVersion": "v1",\n    "kind": "Service",\n.*\}/'),
    Step("get svc shop -o yaml", r"/(?s)apiVersion: v1\nkind: Service\nmetadata:\n  .*status:\n  loadBalancer: \{\}/"),
    Step("get cm,secrets -o name", "configmap/made\nconfigmap/server\nconfigmap/settings\nsecret/secret"),
    Step("get svc --sort-by=.metadata.name -o name --chunk-size=2 -l app", "/(service/\\w+\n?)+/"),
    Step("get endpointslice shop-1 --no-headers", r"/shop-1 +IPv4 +8080 +192.0.2.1 +\w+/"),
    Step("get deployment front --no-headers", r"/front +0/3 +0 +0 +\w+/"),
    Step("get pods --no-headers", r"/one +0/1 +Pending +0 +\w+/"),
    Step("get all -o name -l app=shop", "pod/one\nservice/again\nservice/one\nservice/shop"),
    Step("get ingress way --no-headers", r"/way +<none> +example.com +80 +\w+/"),
    Step("get nothing", code=1, err='error: the server doesn\'t have a resource type "nothing"'),
    Step("get leases", err="/No resources found in .* namespace\\./"),
    Step("describe svc shop", r"/(?s)Name: +shop\n.*Selector: +app=other\n.*Events: +<none>/"),
    Step("describe deployment front", r"/(?s)Name: +front\n.*Replicas: +3 desired.*Events: +<none>/"),
    Step("explain service.spec.ports.port", r"/(?s)KIND: +Service\nVERSION: +v1\n\nFIELD: port <integer>.*/"),
    Step("explain svc.spec.clusterIP", r"/(?s).*FIELD: clusterIP <string>.*DESCRIPTION:\n.*virtual IP\..*/"),
    Step(
        "explain endpointslice.endpoints",
        r"/(?s).*FIELD: endpoints <\[\]Endpoint>.*One endpoint.*hostname\t<string>.*/",
    ),
    Step("explain service.spec --recursive", r"/(?s).*  ports\t<\[\]ServicePort>\n    appProtocol\t<string>\n.*/"),
    Step("explain deploy.spec.replicas", r"/(?s)GROUP: +apps\nKIND: +Deployment\n.*FIELD: replicas <integer>.*/"),
    Step(
        "explain svc.nothing",
        "KIND:       Service\nVERSION:    v1",
        code=1,
        err='error: field "nothing" does not exist',
    ),
)

READY = '{"status":{"conditions":[{"type":"Ready","status":"True"}]}}'
WAIT = (
    Step("wait svc/shop --for=jsonpath='{.spec.type}'=ClusterIP --timeout=50s", "service/shop condition met"),
    Step(f"patch pod one --subresource=status --type=merge -p '{READY}'", "pod/one patched"),
    Step("wait pod/one --for=condition=Ready --timeout=50s", "pod/one condition met"),
    Step("wait pod/none --for=delete --timeout=50s"),
    Step(
        "wait pod/one --for=condition=Ready=False --timeout=0.1s",
        code=1,
        err="error: timed out waiting for the condition on pods/one",
    ),
)

GOVERN = (
    Step("autoscale deployment front --min=1 --max=5", "horizontalpodautoscaler.autoscaling/front autoscaled"),
    Step("get hpa front --no-headers", r"/front +Deployment/front +\S.* +1 +5 +0 +\w+/"),
    Step("set resources deployment front --limits=cpu=200m", "deployment.apps/front resource requirements updated"),
    Step("set serviceaccount deployment front robot", "deployment.apps/front serviceaccount updated"),
    Step("set subject rolebinding r --user=jane", "rolebinding.rbac.authorization.k8s.io/r subjects updated"),
    Step("get deployment front --subresource=scale -o jsonpath={.spec.replicas}", "3"),
    Step(
        """patch deployment front --subresource=scale --type=merge -p '{"spec":{"replicas":4}}'""",
        "/(deployment.apps|scale.autoscaling)/front patched/",
    ),
    Step(
        "scale deployment front --current-replicas=9 --replicas=1",
        code=1,
        err="error: Expected replicas to be 9, was 4",
    ),
    Step("rollout undo deployment front", code=1, err='error: no rollout history found for deployment "front"'),
    Step("create quota q --hard=pods=30", "resourcequota/q created"),
    Step("create poddisruptionbudget p --selector=app=front --min-available=1", "poddisruptionbudget.policy/p created"),
    Step("create cronjob c --image=busybox --schedule='*/5 * * * *' -- date", "cronjob.batch/c created"),
    Step("create job manual --from=cronjob/c", "job.batch/manual created"),
    Step("label deployment front --list", "app=front"),
    Step("annotate deployment front a=b", "/deployment.apps/front annotated?/"),
    Step(
        "annotate deployment front a=c",
        code=1,
        err="error: --overwrite is false but found the following declared annotation(s): 'a' already has a value (b)",
    ),
    Step("annotate deployment front a=c --overwrite", "/deployment.apps/front annotated?/"),
    Step("auth can-i list pods", "yes"),
    Step("auth can-i list pods --as=nobody", "no", code=1),
    Step("auth can-i --list --no-headers", r"/(?s)\*\.\* +\[\] +\[\] +\[\*\]\n.*selfsubjectaccessreviews.*/"),
    Step("create token robot --duration=10m", r"/[\w-]+\.[\w-]+\.[\w-]+/"),
    Step("top pods", code=1, err="error: Metrics API not available"),
    Step("replace --force -f -", '/configmap "settings" deleted.*\nconfigmap/settings replaced/', stdin=SETTINGS),
)

# There is no garbage collector here: the steps show what is asked of one, and then do its part.
DELETED = r'/{kind} "{name}" deleted( from \S+ namespace)?/'
LET_GO = 'patch svc {name} --type=merge -p \'{{"metadata":{{"finalizers":null}}}}\''
DELETE = (
    Step("delete svc again --cascade=background", DELETED.format(kind="service", name="again")),
    Step("delete svc one --cascade=foreground --wait=false", DELETED.format(kind="service", name="one")),
    Step("get svc one -o jsonpath={.metadata.finalizers}", '["foregroundDeletion"]'),
    Step(LET_GO.format(name="one"), "service/one patched"),
    Step("get svc one", code=1, err='Error from server (NotFound): services "one" not found'),
    Step("delete svc plain --cascade=orphan --wait=false", DELETED.format(kind="service", name="plain")),
    Step("get svc plain -o jsonpath={.metadata.finalizers}", '["orphan"]'),
    Step(LET_GO.format(name="plain"), "service/plain patched"),
    Step("delete pod one --now", DELETED.format(kind="pod", name="one")),
    Step("delete cm settings --dry-run=server", r'/configmap "settings" deleted.* \(server dry run\)/'),
    Step("delete cm none", code=1, err='Error from server (NotFound): configmaps "none" not found'),
    Step("delete cm none --ignore-not-found"),
    Step("delete cm --all", '/configmap "made" deleted.*\nconfigmap "server" deleted.*\nconfigmap "settings".*/'),
    Step("delete -f -", '/service "shop" deleted.*/', stdin=SHOP),
    Step("delete svc --all -o name", "service/alias\nservice/balanced\nservice/outside"),
)

WHOLE = (
    Step("api-versions", r"/(?s).*apps/v1\n.*discovery\.k8s\.io/v1\n.*\nv1/"),
    Step("api-resources --api-group=discovery.k8s.io -o name", "endpointslices.discovery.k8s.io"),
    Step(
        "api-resources --api-group=networking.k8s.io --verbs=list -o wide",
        r"/(?s)NAME .*servicecidrs .* ServiceCIDR +.*list.*/",
    ),
    Step(
        "api-resources --no-headers --namespaced=false --api-group=",
        r"/(?s)componentstatuses +cs .*namespaces +ns +v1 +false +Namespace.*/",
    ),
    Step("cluster-info", r"/(?s).*Kubernetes control plane.* is running at .*https://127.0.0.1:\d+.*/"),
    Step("get --raw /readyz", "ok"),
    Step("get --raw /api/v1/namespaces/kube-system", r'/\{.*"kind":"Namespace".*\}/'),
    Step(
        "get --raw /nowhere",
        code=1,
        err="Error from server (NotFound): the server could not find the requested resource",
    ),
    Step("get svc kubernetes -n default -o jsonpath={.spec.clusterIP}", "10.96.0.1"),
    Step("get namespaces kube-system --no-headers", r"/kube-system +Active +\w+/"),
)

SCRIPT = {
    "create": CREATE,
    "apply": APPLY,
    "change": CHANGE,
    "show": SHOW,
    "wait": WAIT,
    "govern": GOVERN,
    "delete": DELETE,
    "whole": WHOLE,
}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running_api_server(tmp_path_factory.mktemp("api")) as server:
        yield server


@pytest.fixture(scope="module")
def sessions(server, tmp_path_factory):
    """The faults of each version's session; two at a time, since a session mostly waits."""
    with ThreadPoolExecutor(2) as pool:
        faults = pool.map(lambda program: session(program, server, tmp_path_factory.mktemp("home")), oldest())
        return dict(zip(oldest(), faults, strict=True))


def session(program, server, home):
    kubectl = Kubectl(program, server, home)
    namespace = re.sub(r"[^a-z0-9]", "-", program.name)
    kubectl("create", "namespace", namespace)
    steps = [(part, step) for part, steps in SCRIPT.items() for step in steps]
    return [fault for part, step in steps if (fault := fault_of(kubectl, namespace, part, step))]


@pytest.mark.parametrize("program", oldest(), ids=lambda path: path.name)
def test_a_session(sessions, program):
    assert not sessions[program], "\n\n".join(sessions[program])


@pytest.mark.parametrize("program", some_kubectls(), ids=lambda path: path.name)
def test_proxy(server, tmp_path, program):
    path = "/api/v1/namespaces/default/services/kubernetes"
    with Kubectl(program, server, tmp_path).proxying() as url, urlopen(url + path) as reply:
        assert json.load(reply)["spec"]["clusterIP"] == "10.96.0.1"


def fault_of(kubectl, namespace, part, step):
    """What a step printed when that is not what it had to print; else nothing."""
    arguments = shlex.split(step.command)
    code, out, err = kubectl.try_("--namespace", namespace, *arguments, stdin=step.stdin, KUBE_EDITOR=step.editor)
    if code == step.code and matches(step.out, out.rstrip("\n")) and matches(step.err, err.rstrip("\n")):
        return ""
    return (
        f"{part}: kubectl {step.command}\nwanted {step.code} {step.out!r} {step.err!r}\nfound  {code} {out!r} {err!r}"
    )


def matches(wanted, text):
    if len(wanted) > 1 and wanted[0] == wanted[-1] == "/":
        return re.fullmatch(wanted[1:-1], text) is not None
    return wanted == text
