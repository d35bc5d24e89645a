"""Warnings about what is stored all the same, and refusals of small mistakes, as upstream has them."""

import pytest

from tests.support.api_world import ApiWorld, pod

LABELS = {"a": "b"}
APPS, CORE = "/apis/apps/v1/namespaces/default", "/api/v1/namespaces/default"
CONTAINER = {"name": "c", "image": "fairlead/pause"}


def deployment(name="d", **spec):
    template = {"metadata": {"labels": LABELS}, "spec": {"containers": [CONTAINER], **spec}}
    return {"metadata": {"name": name}, "spec": {"selector": {"matchLabels": LABELS}, "template": template}}


def with_container(**fields):
    return deployment(containers=[CONTAINER | fields])


PORT = {"containerPort": 80}
NAMED = (
    "metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label is "
)
ANTI_AFFINITY = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": "zone"}]}}
ZONE = "failure-domain.beta.kubernetes.io/zone"
IN_ZONE = {"nodeSelectorTerms": [{"matchExpressions": [{"key": ZONE, "operator": "Exists"}]}]}
TEMPLATE = "spec.template.spec"
FIRST = f"{TEMPLATE}.containers[0]"
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
TERM = f"{TEMPLATE}.affinity.nodeAffinity.{REQUIRED}.nodeSelectorTerms[0].matchExpressions[0]"
ANTI = f"{TEMPLATE}.affinity.podAntiAffinity.{REQUIRED}"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (deployment(), []),
        (deployment("w.d"), [f"{NAMED}recommended: [must not contain dots]"]),
        (
            deployment(nodeSelector={"beta.kubernetes.io/os": "linux"}),
            [f'{TEMPLATE}.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use "kubernetes.io/os" instead'],
        ),
        (
            deployment(affinity={"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": IN_ZONE}}),
            [f'{TERM}.key: {ZONE} is deprecated since v1.17; use "topology.kubernetes.io/zone" instead'],
        ),
        (
            deployment(affinity=ANTI_AFFINITY),
            [f"{ANTI}[0].labelSelector: a null labelSelector results in matching no pod"],
        ),
        (
            with_container(ports=[PORT, PORT]),
            [f"{TEMPLATE}.containers[0].ports[1]: duplicate port definition with {TEMPLATE}.containers[0].ports[0]"],
        ),
        (with_container(ports=[PORT, PORT | {"protocol": "UDP"}]), []),
        (
            with_container(env=[{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]),
            [f'{FIRST}.env[1]: hides previous definition of "A", which may be dropped when using apply'],
        ),
        (with_container(env=[{"name": "A", "value": "1"}, {"name": "A", "value": "$(A)2"}]), []),
        (
            with_container(resources={"limits": {"memory": "100m"}}),
            [f'{FIRST}.resources.limits[memory]: fractional byte value "100m" is invalid, must be an integer'],
        ),
        (deployment(imagePullSecrets=[{}]), [f'{TEMPLATE}.imagePullSecrets[0].name: invalid empty name ""']),
    ],
)
def test_warnings_of_a_deployment(body, expected):
    assert list(ApiWorld().ask("POST", f"{APPS}/deployments", body).warnings) == expected


def test_only_changed_parts_cause_warnings():
    world = ApiWorld()
    stored = world.do("POST", f"{APPS}/deployments", deployment("w.d", imagePullSecrets=[{}]))
    stored["metadata"]["labels"] = LABELS
    assert world.ask("PUT", f"{APPS}/deployments/w.d", stored).warnings == ()


def test_warnings_of_deprecated_class_annotations():
    spec = {"defaultBackend": {"service": {"name": "x", "port": {"number": 80}}}}
    body = {"metadata": {"name": "i", "annotations": {"kubernetes.io/ingress.class": "nginx"}}, "spec": spec}
    found = ApiWorld().ask("POST", "/apis/networking.k8s.io/v1/namespaces/default/ingresses", body).warnings
    text = "annotation \"kubernetes.io/ingress.class\" is deprecated, please use 'spec.ingressClassName' instead"
    assert found == (text,)


@pytest.mark.parametrize("query", ["", "?watch=true"])
def test_every_request_for_endpoints_has_a_warning(query):
    found = ApiWorld().ask("GET", f"{CORE}/endpoints{query}").warnings
    assert found == ("v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice",)


def test_a_subject_of_the_whole_cluster_says_its_namespace():
    ref = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"}
    body = {"metadata": {"name": "n"}, "roleRef": ref, "subjects": [{"kind": "ServiceAccount", "name": "default"}]}
    status = ApiWorld().refused("POST", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", body)
    assert status["message"].endswith("is invalid: subjects[0].namespace: Required value")


def test_a_strategic_merge_patch_may_say_another_kind():
    world = ApiWorld()
    world.do("POST", f"{APPS}/deployments", deployment())
    patch = {"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"replicas": 3}}
    kind = "application/strategic-merge-patch+json"
    scale = world.do("PATCH", f"{APPS}/deployments/d/scale", patch, content_type=kind)
    assert (scale["kind"], scale["spec"]) == ("Scale", {"replicas": 3})


def test_pages_say_how_much_is_left_and_objects_of_the_future_are_waited_for():
    world = ApiWorld()
    for name in "abc":
        world.do("POST", f"{CORE}/pods", pod(name))
    first = world.do("GET", f"{CORE}/pods?limit=1")["metadata"]
    assert first["remainingItemCount"] == 2
    assert world.do("GET", f"{CORE}/pods?limit=1&continue={first['continue']}")["metadata"]["remainingItemCount"] == 1
    assert "remainingItemCount" not in world.do("GET", f"{CORE}/pods?limit=1&labelSelector=!a")["metadata"]
    assert world.refused("GET", f"{CORE}/pods/a?resourceVersion=999999")["code"] == 504
