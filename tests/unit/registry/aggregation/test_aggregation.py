"""APIServices: what is refused, where requests go, what discovery says, and when a server counts as available."""

import json

import pytest

from fairlead.registry.aggregation.availability import question, update_conditions
from fairlead.registry.aggregation.extensions import STORAGE, extensions
from fairlead.registry.backend import BackendServer
from fairlead.registry.questions import ServerAnswer
from fairlead.registry.requests import User
from fairlead.registry.resources import BUILT_IN
from fairlead.registry.store import Step
from tests.support.api_world import ApiWorld

SERVICES = "/apis/apiregistration.k8s.io/v1/apiservices"
GROUP = "flavours.example.com"
PART = f"/apis/{GROUP}/v1"
AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
JANE = User("jane", ("system:authenticated", "testers"), "u-1", {"Example.com/Team": ("a",)})


def api_service(name=f"v1.{GROUP}", **spec):
    plain = {"group": GROUP, "version": "v1", "groupPriorityMinimum": 1000, "versionPriority": 15}
    where = {"service": {"namespace": "default", "name": "flavours"}}
    found = {key: value for key, value in {**plain, **where, **spec}.items() if value is not None}
    return {"metadata": {"name": name}, "spec": found}


@pytest.fixture
def world():
    world = ApiWorld()
    world.do("POST", SERVICES, api_service())
    return world


@pytest.fixture
def served(world):
    ports = [{"name": "https", "port": 443}]
    world.do(
        "POST", "/api/v1/namespaces/default/services", {"metadata": {"name": "flavours"}, "spec": {"ports": ports}}
    )
    slice_ = {
        "metadata": {"name": "flavours-1", "labels": {"kubernetes.io/service-name": "flavours"}},
        "addressType": "IPv4",
        "endpoints": [{"addresses": ["10.244.1.7"], "conditions": {"ready": True}}],
        "ports": [{"name": "https", "port": 8443, "protocol": "TCP"}],
    }
    world.do("POST", "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices", slice_)
    return world


REFUSED = [
    ({"name": "v1.other"}, 'metadata.name: Invalid value: "v1.other": must be `spec.version+"."+spec.group`'),
    ({"groupPriorityMinimum": 0}, "spec.groupPriorityMinimum: Invalid value: 0: must be positive and less than 20000"),
    ({"versionPriority": 1001}, "spec.versionPriority: Invalid value: 1001: must be positive and less than 1000"),
    ({"service": {"name": "x"}}, "spec.service.namespace: Required value"),
    ({"service": {"name": "x", "namespace": "y", "port": 70000}}, "spec.service.port: Invalid value: 70000"),
    ({"insecureSkipTLSVerify": True, "caBundle": "YQ=="}, "may not be true if caBundle is present"),
    ({"service": None, "insecureSkipTLSVerify": True}, "local APIServices may not have insecureSkipTLSVerify"),
    ({"service": None, "caBundle": "YQ=="}, "local APIServices may not have a caBundle"),
    ({"name": "v2.", "group": "", "version": "v2"}, "spec.group: Required value: only v1 may have an empty group"),
    ({"name": f"V.{GROUP}", "version": "V"}, 'spec.version: Invalid value: "V"'),
]


@pytest.mark.parametrize(("change", "told"), REFUSED)
def test_what_is_refused(change, told):
    assert told in ApiWorld().refused("POST", SERVICES, api_service(**change))["message"]


def test_defaults_and_a_part_of_this_server():
    world = ApiWorld()
    assert world.do("POST", SERVICES, api_service())["spec"]["service"]["port"] == 443
    made = world.do("POST", SERVICES, api_service("v1.apps", group="apps", service=None))
    assert made["status"]["conditions"][0]["reason"] == "Local"


def test_a_request_goes_on_with_who_the_user_is(served):
    rule = {"verbs": ["list"], "apiGroups": [GROUP], "resources": ["flavours"]}
    served.do("POST", "/apis/rbac.authorization.k8s.io/v1/clusterroles", {"metadata": {"name": "r"}, "rules": [rule]})
    binding = {
        "metadata": {"name": "r"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "r"},
        "subjects": [{"kind": "User", "name": "jane", "apiGroup": "rbac.authorization.k8s.io"}],
    }
    served.do("POST", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", binding)
    found = served.ask("GET", f"{PART}/namespaces/default/flavours?limit=5", user=JANE)
    assert isinstance(found, BackendServer)
    assert (found.scheme, found.host, found.port) == ("https", "10.244.1.7", 8443)
    assert found.path == f"{PART}/namespaces/default/flavours?limit=5"
    assert found.extension.name == "flavours.default.svc"
    assert set(found.extension.headers) == {
        ("x-remote-user", "jane"),
        ("x-remote-uid", "u-1"),
        ("x-remote-group", "system:authenticated"),
        ("x-remote-group", "testers"),
        ("x-remote-extra-example.com%2Fteam", "a"),
    }


FORBIDDEN = [
    ("DELETE", "/namespaces/default/flavours", "deletecollection", "flavours"),
    ("GET", "/namespaces/default/flavours/a", "get", "flavours"),
    ("GET", "/flavours?watch=true", "watch", "flavours"),
    ("PUT", "/namespaces/default/flavours/a/status", "update", "flavours/status"),
    ("POST", "/namespaces/default/flavours", "create", "flavours"),
]


@pytest.mark.parametrize(("method", "path", "verb", "resource"), FORBIDDEN)
def test_a_user_without_permissions_is_refused(served, method, path, verb, resource):
    message = served.refused(method, PART + path, user=User("joe"))["message"]
    assert f'User "joe" cannot {verb} resource "{resource}" in API group "{GROUP}"' in message


def test_without_a_server_it_is_503(world):
    status = world.refused("GET", f"{PART}/flavours")
    assert (status["code"], status["reason"], status["message"]) == (503, "ServiceUnavailable", "service unavailable")


def test_a_version_of_this_server_stays_its_own(served):
    served.do("POST", SERVICES, api_service("v1.apps", group="apps"))
    assert served.do("GET", "/apis/apps/v1/deployments")["items"] == []


LIST = {
    "kind": "APIResourceList",
    "resources": [
        {"name": "flavours", "kind": "Flavour", "namespaced": True, "verbs": ["get"], "shortNames": ["fl"]},
        {"name": "flavours/scale", "kind": "Scale", "group": "autoscaling", "version": "v1", "verbs": ["get"]},
    ],
}


def test_discovery_has_the_other_servers_groups_and_resources(world):
    groups = world.do("GET", "/apis")["groups"]
    assert groups[-1]["versions"] == [{"groupVersion": f"{GROUP}/v1", "version": "v1"}]
    assert world.do("GET", f"/apis/{GROUP}")["name"] == GROUP
    world.servers[f"https://flavours.default.svc:443{PART}"] = lambda request: json.dumps(LIST).encode()
    found = world.do("GET", "/apis", accept=AGGREGATED)["items"]
    assert {item["metadata"].get("name") for item in found} >= {"apps", GROUP}
    (version,) = found[-1]["versions"]
    (resource,) = version["resources"]
    assert (version["freshness"], resource["resource"], resource["scope"]) == ("Current", "flavours", "Namespaced")
    assert resource["shortNames"] == ["fl"]
    assert resource["subresources"][0]["responseKind"] == {"group": "autoscaling", "version": "v1", "kind": "Scale"}


@pytest.mark.parametrize("said", [None, b"what?", b'{"resources": [{}]}'])
def test_a_server_that_does_not_tell_is_stale(world, said):
    world.servers[f"https://flavours.default.svc:443{PART}"] = lambda request: said
    found = world.do("GET", "/apis", accept=AGGREGATED)["items"]
    assert found[-1]["versions"] == [{"version": "v1", "freshness": "Stale"}]


def look(world, answer):
    """The condition after the servers have answered."""
    found = extensions(world.state.of(STORAGE), BUILT_IN)
    env = world.env._replace(answers={question(found[0]).key: answer})
    world.state = update_conditions(Step(world.state), found, env).state
    (condition,) = world.do("GET", f"{SERVICES}/v1.{GROUP}")["status"]["conditions"]
    return condition["status"], condition["reason"], condition["message"]


WELL, ILL = ServerAnswer("u", b"{}"), ServerAnswer("u", failure="connect: connection refused")


def test_a_server_is_available_when_it_answers(served):
    assert look(served, WELL) == ("True", "Passed", "all checks passed")
    place = 'service/flavours in "default"'
    told = f"failing or missing response from {place}: connect: connection refused"
    assert look(served, ILL) == ("False", "FailedDiscoveryCheck", told)
    served.do("DELETE", "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/flavours-1")
    assert look(served, WELL)[1] == "MissingEndpoints"
    merge = {"content_type": "application/json-patch+json"}
    operations = [{"op": "replace", "path": "/spec/ports/0/port", "value": 444}]
    served.do("PATCH", "/api/v1/namespaces/default/services/flavours", operations, **merge)
    assert look(served, WELL) == ("False", "ServicePortError", f"{place} is not listening on port 443")
    served.do("DELETE", "/api/v1/namespaces/default/services/flavours")
    assert look(served, WELL) == ("False", "ServiceNotFound", f"{place} is not present")


def test_looking_again_changes_nothing(served):
    look(served, WELL)
    before = served.state.version
    look(served, WELL)
    assert served.state.version == before
