"""The initial objects of a cluster, and their repair."""

import pytest

from fairlead.registry.bootstrap.cluster import bootstrap, ensure_kubernetes_service
from fairlead.registry.status import ApiError
from fairlead.registry.store import Step
from tests.support.api_world import ApiWorld

ADVERTISED = ("192.0.2.1", 6443)
KUBERNETES = (
    "/api/v1/namespaces/default/services/kubernetes",
    "/api/v1/namespaces/default/endpoints/kubernetes",
    "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes",
)


def test_a_second_bootstrap_writes_nothing():
    world = ApiWorld()
    assert not bootstrap(world.state, ADVERTISED, world.env).changes


def test_the_kubernetes_service_comes_back():
    world = ApiWorld()
    before = [world.do("GET", path) for path in KUBERNETES]
    for path in (KUBERNETES[0], KUBERNETES[2]):  # the Endpoints go with the Service
        world.do("DELETE", path)
    world.state = ensure_kubernetes_service(Step(world.state), ADVERTISED, world.env).state
    after = [world.do("GET", path) for path in KUBERNETES]
    assert after[0]["spec"] == before[0]["spec"]
    assert after[1]["subsets"] == before[1]["subsets"]
    assert after[2]["endpoints"] == before[2]["endpoints"]
    assert not ensure_kubernetes_service(Step(world.state), ADVERTISED, world.env).changes


def test_the_kubernetes_service_does_not_take_another_services_address():
    world = ApiWorld()
    world.do("DELETE", KUBERNETES[0])
    thief = {"metadata": {"name": "thief"}, "spec": {"clusterIP": "10.96.0.1", "ports": [{"port": 80}]}}
    world.do("POST", "/api/v1/namespaces/default/services", thief)
    with pytest.raises(ApiError, match="already allocated"):
        ensure_kubernetes_service(Step(world.state), ADVERTISED, world.env)


# Roles and bindings.

RBAC = "/apis/rbac.authorization.k8s.io/v1"
VIEW, PROXIER = f"{RBAC}/clusterroles/view", f"{RBAC}/clusterrolebindings/system:node-proxier"
MERGE = "application/merge-patch+json"
OWN_RULE = {"verbs": ["get"], "apiGroups": [""], "resources": ["secrets"]}
OWN_SUBJECT = {"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "jane"}


def restarted(world):
    world.state = bootstrap(world.state, ADVERTISED, world.env).state
    return world


def test_roles_and_bindings_get_back_what_they_lack_and_keep_what_they_have():
    world = ApiWorld()
    role, binding = world.do("GET", VIEW), world.do("GET", PROXIER)
    world.do("PATCH", VIEW, {"rules": [*role["rules"][1:], OWN_RULE]}, content_type=MERGE)
    world.do("PATCH", PROXIER, {"subjects": [OWN_SUBJECT]}, content_type=MERGE)
    restarted(world)
    assert world.do("GET", VIEW)["rules"] == [*role["rules"][1:], OWN_RULE, role["rules"][0]]
    assert world.do("GET", PROXIER)["subjects"] == [OWN_SUBJECT, *binding["subjects"]]


def test_roles_of_an_earlier_version_come_to_say_that_they_are_kept():
    world = ApiWorld()
    old = {"metadata": {"annotations": None, "labels": None}, "aggregationRule": None}
    role = world.do("GET", VIEW)
    world.do("PATCH", VIEW, old, content_type=MERGE)
    after = restarted(world).do("GET", VIEW)
    for name in ("labels", "annotations"):
        assert after["metadata"][name] == role["metadata"][name]
    assert after["aggregationRule"] == role["aggregationRule"]


@pytest.mark.parametrize(("path", "nothing"), [(VIEW, {"rules": []}), (PROXIER, {"subjects": []})])
def test_an_object_without_autoupdate_is_not_changed(path, nothing):
    world = ApiWorld()
    annotations = {"rbac.authorization.kubernetes.io/autoupdate": "false"}
    world.do("PATCH", path, {"metadata": {"annotations": annotations}, **nothing}, content_type=MERGE)
    before = world.state
    assert restarted(world).state is before


def test_a_binding_recreated_with_another_role_is_kept():
    world = ApiWorld()
    world.do("DELETE", PROXIER)
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"}
    world.do("POST", PROXIER.rpartition("/")[0], {"metadata": {"name": "system:node-proxier"}, "roleRef": role})
    before = world.state
    assert restarted(world).state is before
