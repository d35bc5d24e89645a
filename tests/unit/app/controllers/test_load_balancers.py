"""Addresses for Services of type LoadBalancer."""

import pytest
from msgspec import structs

from fairlead.allocation.load_balancer import CLASS, AddressPool, NoAddress, choose_addresses, wants_load_balancer
from fairlead.allocation.shared_addresses import claim_of
from fairlead.model.objects import IngressPoint, LoadBalancerStatus, ServiceStatus
from tests.support.cluster_objects import make_service
from tests.support.controller_runs import running, settled, until
from tests.support.fake_api import FakeApi

POOLS = (AddressPool(("192.0.2.0/30", "2001:db8::/126")),)
POOLS_OF_TEAMS = (
    AddressPool(("192.0.2.1/32",)),
    AddressPool(("198.51.100.1/32",), namespaces=("team-a",)),
    AddressPool(("203.0.113.1/32",), load_balancer_class="example.com/inner"),
)
REQUEST = "fairlead.dev/load-balancer-ips"
SHARE = "fairlead.dev/allow-shared-ip"


def balanced(name="web", status=(), namespace="default", annotations=None, **spec):
    made = make_service(name, type="LoadBalancer", **spec)
    metadata = structs.replace(made.metadata, namespace=namespace, annotations=annotations)
    made = structs.replace(made, metadata=metadata)
    return made if not status else with_ingress(made, status)


def with_ingress(service, addresses):
    points = tuple(IngressPoint(ip=address) for address in addresses)
    return structs.replace(service, status=ServiceStatus(LoadBalancerStatus(points)))


def had_by(*services):
    """Who has an address."""
    return {service.key: claim_of(service) for service in services}


OTHER = had_by(balanced("other"))


@pytest.mark.parametrize(
    ("service", "expected"),
    [
        (balanced(), True),
        (balanced(loadBalancerClass=CLASS), True),
        (balanced(loadBalancerClass="somebody.else/lb"), False),
        (make_service(type="NodePort"), False),
    ],
)
def test_which_services_need_a_load_balancer(service, expected):
    assert wants_load_balancer(service, POOLS) is expected


def test_a_pools_class_is_ours_too():
    assert wants_load_balancer(balanced(loadBalancerClass="example.com/inner"), POOLS_OF_TEAMS)


@pytest.mark.parametrize(
    ("service", "expected"),
    [
        pytest.param(balanced(), "192.0.2.1", id="the pool of all"),
        pytest.param(balanced(namespace="team-a"), "198.51.100.1", id="the namespace's own first"),
        pytest.param(balanced(loadBalancerClass="example.com/inner"), "203.0.113.1", id="the class's own"),
        pytest.param(balanced(namespace="team-a", loadBalancerIP="192.0.2.1"), "192.0.2.1", id="by request from any"),
    ],
)
def test_which_pool_a_service_uses(service, expected):
    assert choose_addresses(service, POOLS_OF_TEAMS, {}) == (expected,)


def test_the_pool_of_all_serves_a_namespace_whose_own_is_exhausted():
    assert choose_addresses(balanced(namespace="team-a"), POOLS_OF_TEAMS, {"198.51.100.1": OTHER}) == ("192.0.2.1",)


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
            balanced(ipFamilies=["IPv4", "IPv6"], annotations={REQUEST: "2001:db8::2, 192.0.2.2"}),
            {},
            ("192.0.2.2", "2001:db8::2"),
            id="those it asks for",
        ),
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
            "the address 192.0.2.1 is not free: it belongs to Service default/other",
        ),
        (balanced(annotations={REQUEST: "192.0.2.300"}), {}, "'192.0.2.300' is not an IP address"),
        (balanced(annotations={REQUEST: "192.0.2.1,192.0.2.2"}), {}, "more than one IPv4 address is asked for"),
        (
            balanced(annotations={REQUEST: "192.0.2.1"}, loadBalancerIP="192.0.2.2"),
            {},
            "both spec.loadBalancerIP and the annotation fairlead.dev/load-balancer-ips are set",
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
async def test_the_lab_learns_of_the_first_load_balancer():
    seen, api = [], FakeApi()
    async with running(api, "load-balancer", load_balancer_pools=POOLS, load_balancer_seen=lambda: seen.append(1)):
        await api.put(make_service("plain"), "services")
        await settled(api)
        assert not seen
        await api.put(balanced(loadBalancerClass="somebody.else/lb"), "services")
        await settled(api)
        assert seen


@pytest.mark.anyio
async def test_a_service_gets_an_address_and_gives_it_back_to_the_one_that_waits():
    api = FakeApi()
    await api.put(balanced("a"), "services")
    async with running(api, "load-balancer", load_balancer_pools=(AddressPool(("192.0.2.1/32",)),)):
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


def test_pools_of_other_namespaces_and_classes_are_unavailable():
    for address in ("198.51.100.1", "203.0.113.1"):
        with pytest.raises(NoAddress, match=f"the address {address} is in no pool"):
            choose_addresses(balanced(loadBalancerIP=address), POOLS_OF_TEAMS, {})


def shared(name="web", key="k", port=80, **spec):
    ports = [{"port": port, "protocol": spec.pop("protocol", "TCP")}]
    return balanced(name, annotations={SHARE: key} if key else None, ports=ports, **spec)


LOCAL = {"externalTrafficPolicy": "Local"}


@pytest.mark.parametrize(
    ("service", "holder"),
    [
        pytest.param(shared(port=80), shared("other", port=81), id="other ports"),
        pytest.param(shared(protocol="UDP"), shared("other"), id="another protocol"),
        pytest.param(
            shared(selector={"a": "1"}), shared("other", port=81, selector={"a": "2"}), id="Cluster: any Pods"
        ),
        pytest.param(
            shared(selector={"a": "1"}, **LOCAL),
            shared("other", port=81, selector={"a": "1"}, **LOCAL),
            id="Local: the same Pods",
        ),
    ],
)
def test_an_address_is_shared(service, holder):
    """Rather than that a free one is taken."""
    assert choose_addresses(service, POOLS, {"192.0.2.2": had_by(holder)}) == ("192.0.2.2",)


@pytest.mark.parametrize(
    ("service", "holder", "reason"),
    [
        (shared(), shared("other", key="", port=81), "differs: only one of the two has"),
        (shared(key=""), shared("other", port=81), "differs: only one of the two has"),
        (shared(), shared("other", key="z", port=81), "differs: 'k' here and 'z' there"),
        (shared(), shared("other"), "Service default/other, which shares it, has port 80/TCP already"),
        (shared(), shared("other", port=81, **LOCAL), "is served by other nodes"),
        (
            shared(selector={"a": "1"}, **LOCAL),
            shared("other", port=81, selector={"a": "2"}, **LOCAL),
            "is served by other nodes",
        ),
        (
            shared(selector={"a": "1"}, **LOCAL),
            shared("other", port=81, selector={"a": "1"}, namespace="elsewhere", **LOCAL),
            "Service elsewhere/other, which shares it, is served by other nodes",
        ),
        (
            shared(selector={}, **LOCAL),
            shared("other", port=81, selector={}, **LOCAL),
            "is served by other nodes",
        ),
    ],
)
def test_an_address_is_not_shared(service, holder, reason):
    taken = {"192.0.2.2": had_by(holder)}
    assert choose_addresses(service, POOLS, taken) == ("192.0.2.1",)
    asking = structs.replace(service, spec=structs.replace(service.spec, load_balancer_ip="192.0.2.2"))
    with pytest.raises(NoAddress, match=reason):
        choose_addresses(asking, POOLS, taken)


@pytest.mark.anyio
async def test_services_share_until_one_of_them_changes():
    """The one that changes gives the address up, says why, and gets it back when it fits again."""
    api = FakeApi()
    await api.put(shared("a"), "services")
    async with running(api, "load-balancer", load_balancer_pools=(AddressPool(("192.0.2.1/32",)),)):
        await until(api, lambda: addresses(api) == {"a": ["192.0.2.1"]})
        await api.put(shared("b", port=81), "services")
        await until(api, lambda: addresses(api) == {"a": ["192.0.2.1"], "b": ["192.0.2.1"]})
        await _set_port(api, "b", 80)
        await until(api, lambda: addresses(api) == {"a": ["192.0.2.1"], "b": []})
        reason = "gives the address 192.0.2.1 up: Service default/a, which shares it, has port 80/TCP already"
        told = ("b", "LoadBalancerAddressConflict", reason)
        await until(
            api, lambda: told in {(e["involvedObject"]["name"], e["reason"], e["message"]) for e in api.all("events")}
        )
        await _set_port(api, "a", 82)
        await until(api, lambda: addresses(api) == {"a": ["192.0.2.1"], "b": ["192.0.2.1"]})


async def _set_port(api, name, port):
    (service,) = (s for s in api.all("services") if s["metadata"]["name"] == name)
    service["spec"]["ports"][0]["port"] = port
    await api.put(service, "services")
