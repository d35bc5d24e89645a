"""ServiceCIDRs: which ranges give virtual IPs, what may be changed about them, and when one may go."""

from contextlib import asynccontextmanager

import pytest

from fairlead.allocation.service_ranges import FINALIZER, given_ranges, is_needed
from fairlead.model.decode import decode
from fairlead.model.networking import ServiceCIDR
from fairlead.registry.bootstrap.cluster import ensure_service_cidr
from fairlead.registry.status import ApiError
from fairlead.registry.store import Step
from tests.support.api_world import NOW, ApiWorld
from tests.support.controller_runs import running, settled, until
from tests.support.fake_api import FakeApi
from tests.support.service_requests import IPV4, IPV6, Cluster, document

RANGES = "/apis/networking.k8s.io/v1/servicecidrs"
SERVICES = "/api/v1/namespaces/default/services"
V1 = "networking.k8s.io/v1"


def service_cidr(name, *cidrs, ready=None, deleted=False, finalizers=()):
    metadata = {"name": name, **({"finalizers": list(finalizers)} if finalizers else {})}
    body = document("ServiceCIDR", name, V1, metadata=metadata, spec={"cidrs": list(cidrs)})
    if deleted:
        body["metadata"]["deletionTimestamp"] = NOW
    if ready is not None:
        body["status"] = {"conditions": [{"type": "Ready", "status": ready}]}
    return body


def slim(*args, **kwargs):
    return decode(ServiceCIDR, service_cidr(*args, **kwargs))


@pytest.mark.parametrize(
    ("ranges", "given"),
    [
        pytest.param([slim("a", IPV4, ready="True")], (IPV4,), id="ready"),
        pytest.param([slim("a", IPV4, IPV6)], (IPV4, IPV6), id="nobody has said yet"),
        pytest.param([slim("a", IPV4, ready="False")], (), id="not ready"),
        pytest.param([slim("a", IPV4, ready="True", deleted=True)], (), id="leaving"),
        pytest.param([slim("a", IPV4, deleted=True), slim("b", IPV4)], (IPV4,), id="named by another too"),
        pytest.param([slim("a", "fd00::/48", IPV4)], (IPV4,), id="more addresses than can be counted"),
    ],
)
def test_which_ranges_give_addresses(ranges, given):
    assert given_ranges(ranges) == given


LEAVING = slim("a", "10.97.0.0/24", deleted=True)


@pytest.mark.parametrize(
    ("others", "addresses", "needed"),
    [
        pytest.param([], [], False, id="no address"),
        pytest.param([], ["10.97.0.5"], True, id="an address of its own"),
        pytest.param([], ["10.96.0.5", "fd00::1"], False, id="addresses of others"),
        pytest.param([slim("b", "10.97.0.0/24")], ["10.97.0.5"], False, id="another names the same range"),
        pytest.param([slim("b", "10.96.0.0/12")], ["10.97.0.5"], False, id="another contains it"),
        pytest.param([slim("b", "10.97.0.0/28")], ["10.97.0.5"], False, id="another contains the address"),
        pytest.param([slim("b", "10.97.0.0/28")], ["10.97.0.5", "10.97.0.99"], True, id="but not all of them"),
        pytest.param([slim("b", "10.96.0.0/12", deleted=True)], ["10.97.0.5"], True, id="the other leaves as well"),
    ],
)
def test_which_ranges_may_go(others, addresses, needed):
    assert is_needed(LEAVING, [LEAVING, *others], addresses) is needed


def test_the_default_one_is_there_and_ready():
    world = ApiWorld()
    made = world.do("GET", f"{RANGES}/kubernetes")
    assert made["spec"] == {"cidrs": [IPV4]}
    assert made["metadata"]["finalizers"] == [FINALIZER]
    assert made["status"]["conditions"] == [
        {
            "type": "Ready",
            "status": "True",
            "reason": "",
            "message": "Kubernetes default Service CIDR is ready",
            "lastTransitionTime": NOW,
        }
    ]
    assert ensure_service_cidr(Step(world.state), world.env).changes == ()


def test_the_default_one_learns_a_second_family_and_nothing_else():
    cluster = Cluster()
    for cidrs, expected in (((IPV4, IPV6), [IPV4, IPV6]), (("10.0.0.0/16",), [IPV4, IPV6])):
        other = Cluster(*cidrs)
        other.state = ensure_service_cidr(Step(cluster.state), other.env).state
        assert other.stored("ServiceCIDR", "kubernetes", V1)["spec"]["cidrs"] == expected
        cluster = other


def test_a_range_that_a_user_adds_gives_addresses_when_the_first_is_full():
    cluster = Cluster("10.96.0.0/30")
    cluster.service("one")
    cluster.service("two")
    with pytest.raises(ApiError, match="range is full"):
        cluster.service("three")
    made = cluster.create(service_cidr("more", "10.97.0.0/24", ready="True"))
    assert made["status"] == {}, "nobody makes a status"
    assert cluster.service("three")["clusterIP"] == "10.97.0.17"
    assert cluster.service("chosen", clusterIP="10.97.0.200")["clusterIP"] == "10.97.0.200"


def test_a_range_that_is_not_ready_or_is_leaving_gives_none():
    world = ApiWorld()
    asked = {"metadata": {"name": "web"}, "spec": {"clusterIP": "10.97.0.9", "ports": [{"port": 80}]}}
    world.do("POST", RANGES, service_cidr("more", "10.97.0.0/24", finalizers=[FINALIZER]))
    for status, refused in (("False", True), ("True", False)):
        patch = {"status": {"conditions": [{"type": "Ready", "status": status}]}}
        patch_type = "application/merge-patch+json"
        world.do("PATCH", f"{RANGES}/more/status", patch, content_type=patch_type)
        if refused:
            message = world.refused("POST", SERVICES, asked)["message"]
            assert "the provided network does not match the current range" in message
    world.do("POST", SERVICES, asked)
    assert world.do("DELETE", f"{RANGES}/more")["metadata"]["deletionTimestamp"]
    world.do("DELETE", f"{SERVICES}/web")
    assert world.refused("POST", SERVICES, asked)["code"] == 422


TWO_OF_A_FAMILY = "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64"


@pytest.mark.parametrize(
    ("cidrs", "fault"),
    [
        ((), "spec.cidrs: Required value: at least one CIDR required"),
        ((IPV4, IPV6, "10.97.0.0/16"), "may only hold up to 2 values"),
        ((IPV4, "10.97.0.0/16"), TWO_OF_A_FAMILY),
        ((IPV6, "fd00::/64"), TWO_OF_A_FAMILY),
        (("10.96.0.1/16",), "spec.cidrs[0]: Invalid value"),
        ((IPV4, "fd00::/200"), "spec.cidrs[1]: Invalid value"),
    ],
)
def test_ranges_that_are_refused(cidrs, fault):
    with pytest.raises(ApiError) as refusal:
        Cluster().create(service_cidr("more", *cidrs))
    assert refusal.value.code == 422
    assert fault in refusal.value.message


@pytest.mark.parametrize(
    ("before", "after", "fault"),
    [
        ([IPV4], [IPV4, IPV6], None),
        ([IPV4], [IPV6, IPV4], "spec.cidrs[0]: Invalid value"),
        ([IPV4], ["10.97.0.0/16"], "spec.cidrs[0]: Invalid value"),
        ([IPV4, IPV6], [IPV4], "spec.cidrs: Invalid value"),
        ([IPV4, IPV6], [IPV4, "fd00::/64"], "spec.cidrs[1]: Invalid value"),
    ],
)
def test_ranges_may_only_gain_a_second_family(before, after, fault):
    cluster = Cluster()
    cluster.create(service_cidr("more", *before))
    if fault is None:
        assert cluster.put(service_cidr("more", *after))["spec"]["cidrs"] == after
        return
    with pytest.raises(ApiError) as refusal:
        cluster.put(service_cidr("more", *after))
    assert fault in refusal.value.message
    assert "field is immutable" in refusal.value.message


# The controller.


@asynccontextmanager
async def controlled(*ranges, addresses=()):
    api = FakeApi()
    for body in ranges:
        await api.put(body, "servicecidrs")
    for address in addresses:
        await api.put(document("IPAddress", address, V1), "ipaddresses")
    async with running(api, "service-cidr"):
        yield api


def named(api, name):
    return next(body for body in api.all("servicecidrs") if body["metadata"]["name"] == name)


def condition(api, name):
    found = named(api, name).get("status", {}).get("conditions") or [{}]
    return found[0].get("status"), found[0].get("reason")


def finalizers(api, name):
    return named(api, name)["metadata"].get("finalizers") or []


@pytest.mark.anyio
async def test_a_new_range_is_taken_in_and_then_left_alone():
    async with controlled(service_cidr("more", IPV4)) as api:
        await until(api, lambda: condition(api, "more") == ("True", ""))
        assert finalizers(api, "more") == [FINALIZER]
        await settled(api)
        assert sum(api.writes.values()) == 2


@pytest.mark.anyio
async def test_a_range_waits_for_its_last_address_before_it_goes():
    leaving = service_cidr("more", "10.97.0.0/24", ready="True", deleted=True, finalizers=[FINALIZER, "mine"])
    async with controlled(leaving, addresses=["10.97.0.5", "10.97.0.6"]) as api:
        await until(api, lambda: condition(api, "more") == ("False", "Terminating"))
        await api.remove("ipaddresses", "10.97.0.5", namespace="")
        await settled(api)
        assert finalizers(api, "more") == [FINALIZER, "mine"]
        await api.remove("ipaddresses", "10.97.0.6", namespace="")
        await until(api, lambda: finalizers(api, "more") == ["mine"])


@pytest.mark.anyio
async def test_a_range_goes_when_another_takes_over_its_addresses():
    leaving = service_cidr("more", "10.97.0.0/24", ready="True", deleted=True, finalizers=[FINALIZER])
    async with controlled(leaving, addresses=["10.97.0.5"]) as api:
        await until(api, lambda: condition(api, "more") == ("False", "Terminating"))
        await api.put(service_cidr("parent", "10.96.0.0/12"), "servicecidrs")
        await until(api, lambda: finalizers(api, "more") == [])
