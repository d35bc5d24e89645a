"""The chart of ``deploy/``: its output in Helm, and the validation of that by Kubernetes' rules."""

import json
import subprocess

import pytest
import yaml

from fairlead.app.controllers import CONTROLLERS
from fairlead.explain.permissions import cluster_role
from tests.support.charts import CHART, REPOSITORY, render_all, run_helm

MANIFESTS = REPOSITORY / "deploy" / "manifests"
EVERYTHING = {
    "dns": {"service": {"create": True, "clusterIP": "10.96.0.10"}, "autoscaling": {"enabled": True}},
    "proxy": {"enabled": True, "apiServer": "https://192.0.2.1:6443", "enforceNetworkPolicies": True},
    "announcer": {"enabled": True, "pools": ["192.0.2.0/24"]},
    "controllers": {
        "enabled": True,
        "loadBalancerPools": ["192.0.2.0/24"],
        "only": ["load-balancer", "dns-autoscaler"],
    },
    "explain": {"enabled": True, "subjects": [{"kind": "Group", "name": "helpdesk"}]},
    "serviceMonitors": True,
    "networkPolicies": True,
}


@pytest.fixture(scope="module")
def rendered():
    defaults, everything = render_all([{}, EVERYTHING])
    return {"defaults": defaults, "everything": everything}


def named(documents, kind, name):
    (found,) = [d for d in documents if (d["kind"], d["metadata"]["name"]) == (kind, name)]
    return found


def pods(documents):
    return {d["metadata"]["name"]: d["spec"]["template"] for d in documents if d["kind"] in ("Deployment", "DaemonSet")}


def test_helm_has_nothing_against_it():
    lint = run_helm([{}])["lint"]
    assert "'errors': []" in lint
    assert "'severity': 2" not in lint
    assert "'severity': 3" not in lint


def test_by_default_it_is_the_dns_server_beside_what_is_there(rendered):
    kinds = {(d["kind"], d["metadata"]["name"]) for d in rendered["defaults"]}
    assert ("Deployment", "fairlead-dns") in kinds
    assert not {kind for kind, _ in kinds} & {"DaemonSet", "Service", "ServiceMonitor", "NetworkPolicy"}
    assert pods(rendered["defaults"])["fairlead-dns"]["metadata"]["labels"]["k8s-app"] == "kube-dns"


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"dns": {"replica": 2}}, "replica"),
        ({"dns": {"replicas": 0}}, "replicas"),
        ({"dns": {"service": {"create": True}}}, "service"),
        ({"announcer": {"enabled": True}}, "announcer"),
        ({"announcer": {"pools": ["192.0.2.1"]}}, "pools"),
        ({"controllers": {"only": ["scheduler"]}}, "only"),
        ({"image": {"pullPolicy": "Sometimes"}}, "pullPolicy"),
        ({"prxy": {}}, "prxy"),
    ],
)
def test_values_that_mean_nothing_are_refused_by_name(values, field):
    (run,) = run_helm([values])["runs"]
    assert field in run["error"]


def test_every_value_that_there_is_may_be_given():
    (run,) = run_helm([yaml.safe_load((CHART / "values.yaml").read_text())])["runs"]
    assert "error" not in run


def test_the_controllers_that_may_be_chosen_exist_and_have_rights():
    schema = json.loads((CHART / "values.schema.json").read_text())
    offered = set(schema["properties"]["controllers"]["properties"]["only"]["items"]["enum"])
    rights = yaml.safe_load((CHART / "files" / "rights.yaml").read_text())
    assert offered <= CONTROLLERS.keys()
    assert {f"controllers-{name}" for name in offered} == {r for r in rights if r.startswith("controllers-")}


def test_the_role_for_explanations_is_what_they_read(rendered):
    assert named(rendered["everything"], "ClusterRole", "fairlead-explain")["rules"] == cluster_role()["rules"]


def test_a_proxy_may_read_what_policies_are_about_only_where_it_enforces_them(rendered):
    def resources(documents):
        rules = named(documents, "ClusterRole", "fairlead-proxy")["rules"]
        return {resource for rule in rules for resource in rule["resources"]}

    (without,) = render_all([{"proxy": {"enabled": True}}])
    assert not resources(without) & {"pods", "namespaces", "networkpolicies"}
    assert resources(rendered["everything"]) >= {"pods", "namespaces", "networkpolicies"}
    (container,) = pods(rendered["everything"])["fairlead-proxy"]["spec"]["containers"]
    assert "--network-policy=true" in container["args"]


def test_no_role_may_read_secrets(rendered):
    roles = [d for d in rendered["everything"] if d["kind"] in ("ClusterRole", "Role")]
    granted = {r for role in roles for rule in role["rules"] for r in rule.get("resources", ())}
    assert not granted & {"secrets", "*"}


def test_parts_run_as_nobody_but_those_that_write_rules_or_frames(rendered):
    for name, template in pods(rendered["everything"]).items():
        (container,) = template["spec"]["containers"]
        security = container["securityContext"]
        assert security["readOnlyRootFilesystem"] is True, name
        if name in ("fairlead-dns", "fairlead-controllers"):
            assert template["spec"]["securityContext"]["runAsNonRoot"] is True
            assert template["spec"]["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
            assert (security["allowPrivilegeEscalation"], security["capabilities"]) == (False, {"drop": ["ALL"]})


def test_what_runs_on_every_node_runs_on_every_node(rendered):
    for name in ("fairlead-proxy", "fairlead-announcer"):
        spec = pods(rendered["everything"])[name]["spec"]
        assert (spec["hostNetwork"], spec["priorityClassName"]) == (True, "system-node-critical")
        assert spec["tolerations"] == [{"operator": "Exists"}]


def test_a_budget_and_a_monitor_select_the_pods_that_they_are_for(rendered):
    documents = rendered["everything"]
    templates = {name: set(t["metadata"]["labels"].items()) for name, t in pods(documents).items()}
    for document in documents:
        if document["kind"] == "PodDisruptionBudget" or document["kind"] == "NetworkPolicy":
            selector = document["spec"].get("selector") or document["spec"]["podSelector"]
            assert set(selector["matchLabels"].items()) <= templates[document["metadata"]["name"]]
        if document["kind"] == "ServiceMonitor":
            service = named(documents, "Service", f"{document['metadata']['name']}-metrics")
            assert set(document["spec"]["selector"]["matchLabels"].items()) <= set(
                service["metadata"]["labels"].items()
            )
            assert set(service["spec"]["selector"].items()) <= templates[document["metadata"]["name"]]


def test_the_proxy_finds_the_api_server_without_any_rules(rendered):
    (container,) = pods(rendered["everything"])["fairlead-proxy"]["spec"]["containers"]
    environment = {e["name"]: e.get("value") for e in container["env"]}
    assert environment["KUBERNETES_SERVICE_HOST"] == "192.0.2.1"
    assert environment["KUBERNETES_SERVICE_PORT"] == "6443"


def test_the_plain_manifests_are_what_the_chart_makes():
    done = subprocess.run(
        [REPOSITORY / ".venv/bin/python", REPOSITORY / "scripts" / "render_manifests.py", "--check"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_metrics_are_shown_to_those_that_may_see_them_where_that_is_asked():
    plain, guarded = render_all([EVERYTHING, EVERYTHING | {"authorizeMetrics": True}])
    for name in ("fairlead-dns", "fairlead-proxy", "fairlead-announcer", "fairlead-controllers"):
        for documents, is_guarded in ((plain, False), (guarded, True)):
            (container,) = pods(documents)[name]["spec"]["containers"]
            assert ("--authorize-metrics" in container["args"]) is is_guarded
            rules = named(documents, "ClusterRole", name)["rules"]
            assert any("tokenreviews" in rule["resources"] for rule in rules) is is_guarded
    (endpoint,) = named(guarded, "ServiceMonitor", "fairlead-dns")["spec"]["endpoints"]
    assert endpoint["bearerTokenFile"].endswith("/token")
