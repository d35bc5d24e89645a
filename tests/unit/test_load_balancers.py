"""Addresses for Services of type LoadBalancer."""

import pytest
from msgspec import structs

from fairlead.allocation.load_balancer import CLASS, NoAddress, Pools, choose_addresses, wants_load_balancer
from fairlead.model.names import ObjectKey
from fairlead.model.objects import IngressPoint, LoadBalancerStatus, ServiceStatus
from tests.unit.cluster_objects import make_service
from tests.unit.controller_runs import running, settled, until
from tests.unit.fake_api import FakeApi

POOLS = Pools(("192.0.2.0/30", "2001:db8::/126"))
OTHER = ObjectKey("default", "other")


def balanced(name="web", status=(), **spec):
    made = make_service(name, type="LoadBalancer", **spec)
    return made if not status else with_ingress(made, status)


def with_ingress(service, addresses):
    points = tuple(IngressPoint(ip=address) for address in addresses)
    return structs.replace(service, status=ServiceStatus(LoadBalancerStatus(points)))


@pytest.mark.parametrize(
    ("service", "expected"),
    [
        (balanced(), True),
        (balanced(loadBalancerClass=CLASS), True),
        (balanced(loadBalancerClass="somebody.else/lb"), False),
        (make_service(type="NodePort"), False),
    ],
)
def test_which_services_want_one(service, expected):
    assert wants_load_balancer(service) is expected


@pytest.mark.parametrize(
    ("service", "taken", "expected"),
    [
        pytest.param(balanced(), {}, ("192.0.2.1",), id="the first of the pool"),
        pytest.param(balanced(), {"192.0.2.1": OTHER}, ("192.0.2.2",), id="the first that is free"),
        pytest.param(balanced(status=["192.0.2.2"]), {}, ("192.0.2.2",), id="the one it has"),
        pytest.param(balanced(status=["198.51.100.1"]), {}, ("192.0.2.1",), id="unless that is in no pool any more"),
        pytest.param(balanced(status=["192.0.2.2"]), {"192.0.2.2": OTHER}, ("192.0.2.1",), id="or another's"),
        pytest.param(balanced(loadBalancerIP="192.0.2.2"), {}, ("192.0.2.2",), id="the one it asks for"),
        pytest.param(
            balanced(ipFamilies=["IPv6", "IPv4"]), {}, ("2001:db8::1", "192.0.2.1"), id="one of each of its families"
        ),
    ],
)
def test_choice(service, taken, expected):
    assert choose_addresses(service, POOLS, taken) == expected


@pytest.mark.parametrize(
    ("service", "taken", "reason"),
    [
        (balanced(), {"192.0.2.1": OTHER, "192.0.2.2": OTHER}, "no IPv4 address is left in the pools"),
        (balanced(loadBalancerIP="203.0.113.1"), {}, "the address 203.0.113.1 is in no pool"),
        (
            balanced(loadBalancerIP="192.0.2.1"),
            {"192.0.2.1": OTHER},
            "the address 192.0.2.1 belongs to Service default/other",
        ),
    ],
)
def test_refusals(service, taken, reason):
    with pytest.raises(NoAddress, match=reason):
        choose_addresses(service, POOLS, taken)


def addresses(api):
    return {
        s["metadata"]["name"]: [p["ip"] for p in s.get("status", {}).get("loadBalancer", {}).get("ingress") or ()]
        for s in api.all("services")
    }


def finalizers(api, name):
    return next(s["metadata"].get("finalizers") or [] for s in api.all("services") if s["metadata"]["name"] == name)


@pytest.mark.anyio
async def test_a_service_gets_an_address_and_gives_it_back_to_the_one_that_waits():
    api = FakeApi()
    await api.put(balanced("a"), "services")
    async with running(api, "load-balancer", load_balancer_pools=("192.0.2.1/32",)):
        await until(api, lambda: addresses(api) == {"a": ["192.0.2.1"]})
        assert finalizers(api, "a") == ["service.kubernetes.io/load-balancer-cleanup"]
        await api.put(balanced("b"), "services")
        await until(api, lambda: any(e["reason"] == "SyncLoadBalancerFailed" for e in api.all("events")))
        (first, _) = api.all("services")
        first["spec"]["type"] = "ClusterIP"
        await api.put(first, "services")
        await until(api, lambda: addresses(api) == {"a": [], "b": ["192.0.2.1"]})
        await settled(api)
        assert finalizers(api, "a") == []


@pytest.mark.anyio
async def test_without_pools_nothing_is_done():
    api = FakeApi()
    await api.put(balanced("a"), "services")
    async with running(api, "load-balancer"):
        await settled(api)
    assert not api.writes
