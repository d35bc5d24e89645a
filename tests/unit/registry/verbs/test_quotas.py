"""Quotas and limits: what they refuse, what they fill in, and that quotas always say what is there."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.registry.status import ApiError
from tests.support.api_world import ApiWorld, config_map, pod
from tests.support.full import some_of

CORE = "/api/v1/namespaces/default"
MERGE = "application/merge-patch+json"


@pytest.fixture
def world():
    return ApiWorld()


def quota(world, name="q", **hard):
    limits = {key.replace("_", "."): value for key, value in hard.items()}
    return world.do("POST", f"{CORE}/resourcequotas", {"metadata": {"name": name}, "spec": {"hard": limits}})


def used(world, name="q"):
    return world.do("GET", f"{CORE}/resourcequotas/{name}")["status"]["used"]


def sized(name, **resources):
    body = pod(name)
    body["spec"]["containers"][0]["resources"] = resources
    return body


def test_a_quota_counts_what_is_there_and_what_comes_and_goes(world):
    world.do("POST", f"{CORE}/pods", pod("a"))
    quota(world, pods=2)
    assert used(world) == {"pods": "1"}
    world.do("POST", f"{CORE}/pods", pod("b"))
    assert used(world) == {"pods": "2"}
    status = world.refused("POST", f"{CORE}/pods", pod("c"))
    assert status["message"] == (
        'pods "c" is forbidden: exceeded quota: q, requested: pods=1, used: pods=2, limited: pods=2'
    )
    world.do("DELETE", f"{CORE}/pods/a")
    assert used(world) == {"pods": "1"}
    world.do("PATCH", f"{CORE}/pods/b/status", {"status": {"phase": "Succeeded"}}, content_type=MERGE)
    assert used(world) == {"pods": "0"}


def test_amounts_are_added_up(world):
    quota(world, requests_cpu="1", limits_memory="1Gi")
    world.do("POST", f"{CORE}/pods", sized("a", requests={"cpu": "300m"}, limits={"memory": "256Mi"}))
    assert used(world) == {"requests.cpu": "300m", "limits.memory": "256Mi"}
    status = world.refused("POST", f"{CORE}/pods", sized("b", requests={"cpu": "800m"}, limits={"memory": "1Mi"}))
    assert "requested: requests.cpu=800m, used: requests.cpu=300m, limited: requests.cpu=1" in status["message"]
    status = world.refused("POST", f"{CORE}/pods", sized("c", requests={"cpu": "1m"}))
    assert status["message"].endswith("failed quota: q: must specify limits.memory for: main")


def test_other_kinds_and_other_namespaces(world):
    quota(world, **{"count/configmaps": 1, "services_nodeports": 1, "configmaps": 5})
    world.do("POST", f"{CORE}/configmaps", config_map("a"))
    assert world.refused("POST", f"{CORE}/configmaps", config_map("b"))["code"] == 403
    world.do("POST", "/api/v1/namespaces/kube-system/configmaps", config_map("b"))
    ports = [{"port": 80, "name": "a"}, {"port": 81, "name": "b"}]
    body = {"metadata": {"name": "s"}, "spec": {"type": "NodePort", "ports": ports}}
    assert "services.nodeports=2" in world.refused("POST", f"{CORE}/services", body)["message"]
    world.do("POST", f"{CORE}/services", {**body, "spec": {"ports": ports}})
    patch = {"spec": {"type": "NodePort"}}
    assert world.refused("PATCH", f"{CORE}/services/s", patch, content_type=MERGE)["code"] == 403


def test_a_quota_of_some_pods(world):
    body = {"metadata": {"name": "q"}, "spec": {"hard": {"pods": 0}, "scopes": ["BestEffort"]}}
    world.do("POST", f"{CORE}/resourcequotas", body)
    assert world.refused("POST", f"{CORE}/pods", pod("a"))["code"] == 403
    world.do("POST", f"{CORE}/pods", sized("b", requests={"cpu": 1}))


@settings(max_examples=some_of(10, 30))
@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["create", "delete", "end"])), max_size=12))
def test_a_quota_always_says_what_is_there(deeds):
    world = ApiWorld()
    quota(world, pods=2, **{"count/pods": 9})
    for name, deed in deeds:
        try:
            if deed == "create":
                world.do("POST", f"{CORE}/pods", pod(name))
            elif deed == "delete":
                world.do("DELETE", f"{CORE}/pods/{name}")
            else:
                patch = {"status": {"phase": "Failed"}}
                world.do("PATCH", f"{CORE}/pods/{name}/status", patch, content_type=MERGE)
        except ApiError:
            pass
        pods = world.do("GET", f"{CORE}/pods")["items"]
        live = [each for each in pods if each["status"].get("phase") != "Failed"]
        assert used(world) == {"pods": str(len(live)), "count/pods": str(len(pods))}


RANGE = {
    "metadata": {"name": "r"},
    "spec": {
        "limits": [
            {
                "type": "Container",
                "max": {"cpu": "1"},
                "min": {"cpu": "100m"},
                "default": {"cpu": "500m"},
                "maxLimitRequestRatio": {"cpu": "4"},
            },
            {"type": "PersistentVolumeClaim", "max": {"storage": "2Gi"}},
        ]
    },
}


def test_a_limit_range_fills_what_containers_lack(world):
    world.do("POST", f"{CORE}/limitranges", RANGE)
    made = world.do("POST", f"{CORE}/pods", pod("a"))
    assert made["spec"]["containers"][0]["resources"] == {"limits": {"cpu": "500m"}, "requests": {"cpu": "500m"}}
    assert made["status"]["qosClass"] == "Burstable"
    said = made["metadata"]["annotations"]["kubernetes.io/limit-ranger"]
    assert said == "LimitRanger plugin set: cpu request for container main; cpu limit for container main"


@pytest.mark.parametrize(
    ("resources", "why"),
    [
        ({"limits": {"cpu": "2"}, "requests": {"cpu": "1"}}, "maximum cpu usage per Container is 1, but limit is 2"),
        (
            {"limits": {"cpu": "90m"}, "requests": {"cpu": "90m"}},
            "minimum cpu usage per Container is 100m, but",
        ),
        ({"limits": {"cpu": "1"}, "requests": {"cpu": "200m"}}, "ratio per Container is 4, but provided ratio is 5.0"),
    ],
)
def test_a_limit_range_refuses_what_is_outside(world, resources, why):
    world.do("POST", f"{CORE}/limitranges", RANGE)
    assert why in world.refused("POST", f"{CORE}/pods", sized("a", **resources))["message"]


def test_a_limit_range_is_about_claims_too(world):
    world.do("POST", f"{CORE}/limitranges", RANGE)
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "3Gi"}}}
    status = world.refused("POST", f"{CORE}/persistentvolumeclaims", {"metadata": {"name": "c"}, "spec": spec})
    assert "maximum storage usage per PersistentVolumeClaim is 2Gi, but request is 3Gi" in status["message"]
