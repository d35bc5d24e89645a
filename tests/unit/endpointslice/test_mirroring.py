"""Endpoints made from Pods for old clients, and slices made from the Endpoints of users."""

import pytest

from fairlead.endpointslice.documents import slice_document
from fairlead.endpointslice.legacy import plan_endpoints
from fairlead.endpointslice.mirroring import CONTROLLER, left_out, plan_mirror
from fairlead.model.decode import decode
from fairlead.model.endpoints import Endpoints
from fairlead.model.objects import EndpointSlice
from tests.support.cluster_objects import make_node, make_pod, make_service
from tests.support.controller_runs import running, settled, until
from tests.support.fake_api import FakeApi

DELETED = {"deletionTimestamp": "2026-01-01T00:00:00Z"}


def planned(service, pods, existing=None, **options):
    return plan_endpoints(service, pods, existing, **options)


def listed(endpoints):
    """(ports, ready addresses, other addresses) of each subset."""
    return [
        (
            [(p.name, p.port) for p in s.ports or ()],
            [a.ip for a in s.addresses or ()],
            [a.ip for a in s.not_ready_addresses or ()],
        )
        for s in endpoints.subsets
    ]


def test_ready_and_other_pods_share_a_subset():
    found = planned(make_service(), [make_pod("a", "10.0.0.1"), make_pod("b", "10.0.0.2", ready=False)])
    assert listed(found) == [([("http", 8080)], ["10.0.0.1"], ["10.0.0.2"])]
    address = found.subsets[0].addresses[0]
    assert (address.node_name, address.target_ref.kind, address.target_ref.name) == ("node-0", "Pod", "a")


def test_pods_with_other_port_numbers_are_another_subset():
    service = make_service(ports=[{"name": "http", "port": 80, "targetPort": "http"}])
    pods = [
        make_pod(
            f"p{n}", f"10.0.0.{n}", containers=[{"name": "c", "ports": [{"name": "http", "containerPort": 8000 + n}]}]
        )
        for n in (1, 2)
    ]
    assert listed(planned(service, pods)) == [
        ([("http", 8001)], ["10.0.0.1"], []),
        ([("http", 8002)], ["10.0.0.2"], []),
    ]


@pytest.mark.parametrize(("publish", "expected"), [(False, []), (True, [([("http", 8080)], ["10.0.0.1"], [])])])
def test_pods_that_are_ending_count_only_where_everything_is_published(publish, expected):
    pod = make_pod("a", "10.0.0.1", metadata=DELETED)
    assert listed(planned(make_service(publishNotReadyAddresses=publish), [pod])) == expected


def test_labels_say_who_made_it_and_whether_it_is_headless():
    found = planned(make_service(labels={"team": "a"}, clusterIP="None", clusterIPs=["None"]), [])
    assert found.labels == {
        "team": "a",
        "endpoints.kubernetes.io/managed-by": "endpoint-controller",
        "service.kubernetes.io/headless": "",
    }


def test_unchanged_slices_are_not_written():
    service, pods = make_service(), [make_pod("a")]
    first = planned(service, pods, trigger_time="2026-01-01T00:00:00Z")
    assert planned(service, pods, first) is None
    changed = planned(service, [], first)
    assert (changed.subsets, dict(changed.annotations)) == ((), {})


def test_services_without_selection_have_none():
    assert planned(make_service(selector={}), []) is None


def test_more_than_a_thousand_addresses_are_cut_off_ready_ones_first():
    pods = [make_pod(f"p{i:04}", f"10.1.{i // 200}.{i % 200 + 1}", ready=i >= 500) for i in range(1200)]
    found = planned(make_service(), pods)
    (subset,) = found.subsets
    assert (len(subset.addresses), len(subset.not_ready_addresses)) == (700, 300)
    assert found.annotations == {"endpoints.kubernetes.io/over-capacity": "truncated"}
    assert planned(make_service(), pods, found) is None


def user_endpoints(*subsets, **metadata):
    metadata = {"name": "web", "namespace": "default", "uid": "ep", **metadata}
    return decode(Endpoints, {"metadata": metadata, "subsets": list(subsets)})


def subset(*ips, unready=(), port=80, **address):
    return {
        "addresses": [{"ip": ip, **address} for ip in ips],
        "notReadyAddresses": [{"ip": ip} for ip in unready],
        "ports": [{"name": "p", "port": port, "protocol": "TCP"}],
    }


SELECTORLESS = make_service(selector={})


def applied(plan, existing=()):
    """The slices after a plan, as the server would hold them."""
    held = {s.name: s for s in existing if s.name not in {d.name for d in plan.deletes}}
    for number, slice_ in enumerate((*plan.creates, *plan.updates)):
        document = slice_document(slice_)
        document["metadata"].setdefault("name", f"mirror-{number}-{slice_.address_type}")
        held[document["metadata"]["name"]] = decode(EndpointSlice, document)
    return list(held.values())


def mirrored(endpoints, service=SELECTORLESS, existing=()):
    slices = applied(plan_mirror(endpoints, service, existing), existing)
    assert plan_mirror(endpoints, service, slices).is_empty
    return slices


def test_each_port_list_and_family_has_a_slice():
    slices = mirrored(user_endpoints(subset("10.0.0.1", "fd00::1", unready=["10.0.0.2"]), subset("10.0.0.1", port=81)))
    found = sorted(
        (s.address_type, s.ports[0].port, [(e.addresses[0], e.is_ready) for e in s.endpoints]) for s in slices
    )
    assert found == [
        ("IPv4", 80, [("10.0.0.1", True), ("10.0.0.2", False)]),
        ("IPv4", 81, [("10.0.0.1", True)]),
        ("IPv6", 80, [("fd00::1", True)]),
    ]


def test_a_mirror_copies_what_the_user_said_and_names_its_origin():
    annotations = {"a": "b", "kubectl.kubernetes.io/last-applied-configuration": "{}"}
    (slice_,) = mirrored(
        user_endpoints(subset("10.0.0.1", hostname="db", nodeName="n"), labels={"k": "v"}, annotations=annotations)
    )
    (endpoint,) = slice_.endpoints
    assert (endpoint.hostname, endpoint.node_name) == ("db", "n")
    assert (endpoint.conditions.serving, endpoint.conditions.terminating) == (None, None)
    assert slice_.labels == {
        "k": "v",
        "kubernetes.io/service-name": "web",
        "endpointslice.kubernetes.io/managed-by": CONTROLLER,
    }
    assert slice_.annotations == {"a": "b"}
    assert (slice_.controller.kind, slice_.controller.uid) == ("Endpoints", "ep")


@pytest.mark.parametrize(
    ("metadata", "service"),
    [
        ({}, None),
        ({}, make_service()),
        ({"labels": {"endpointslice.kubernetes.io/skip-mirror": "true"}}, SELECTORLESS),
        ({"annotations": {"control-plane.alpha.kubernetes.io/leader": "me"}}, SELECTORLESS),
    ],
)
def test_mirrors_of_excluded_endpoints_are_deleted(metadata, service):
    slices = mirrored(user_endpoints(subset("10.0.0.1")))
    plan = plan_mirror(user_endpoints(subset("10.0.0.1"), **metadata), service, slices)
    assert (plan.creates, plan.updates, list(plan.deletes)) == ((), (), slices)
    assert plan_mirror(None, SELECTORLESS, slices).deletes == tuple(slices)


def test_empty_endpoints_have_no_mirror_and_changes_rewrite_it():
    slices = mirrored(user_endpoints(subset("10.0.0.1")))
    assert mirrored(user_endpoints(), existing=slices) == []
    plan = plan_mirror(user_endpoints(subset("10.0.0.2")), SELECTORLESS, slices)
    assert (len(plan.creates), len(plan.updates), len(plan.deletes)) == (0, 1, 0)


def test_a_subset_is_mirrored_up_to_a_thousand_addresses():
    endpoints = user_endpoints(subset(*(f"10.1.{i // 200}.{i % 200 + 1}" for i in range(1003))))
    (slice_,) = mirrored(endpoints)
    assert (len(slice_.endpoints), left_out(endpoints)) == (1000, 3)


@pytest.mark.anyio
async def test_both_controllers_against_an_api_server():
    api = FakeApi()
    await api.put(make_node(), "nodes")
    await api.put(make_service(), "services")
    await api.put(make_pod("a", "10.0.0.1"), "pods")
    await api.put(make_service("custom", selector={}), "services")
    await api.put(user_endpoints(subset("10.9.9.9"), name="custom"), "endpoints")

    def addresses():
        found = {e["metadata"]["name"]: e.get("subsets") or [] for e in api.all("endpoints")}
        return [a["ip"] for s in found.get("web", []) for a in s.get("addresses") or ()]

    def mirrors():
        return [e["addresses"][0] for s in api.all("endpointslices") for e in s["endpoints"]]

    async with running(api, "endpoints", "mirroring"):
        await until(api, lambda: addresses() == ["10.0.0.1"] and mirrors() == ["10.9.9.9"])
        await api.put(make_pod("a", "10.0.0.1", ready=False), "pods")
        await until(api, lambda: addresses() == [])
        await api.put(user_endpoints(subset("10.9.9.8"), name="custom"), "endpoints")
        await until(api, lambda: mirrors() == ["10.9.9.8"])
        await api.put(make_service("custom"), "services")
        await until(api, lambda: api.all("endpointslices") == [])
        await settled(api)


@pytest.mark.anyio
async def test_endpoints_that_are_made_again_while_their_service_goes_go_too():
    api = FakeApi()
    await api.put(make_service(), "services")
    async with running(api, "endpoints"):
        await until(api, lambda: len(api.all("endpoints")) == 1)
        await settled(api)
        api.held.add("services")
        await api.remove("services", "web")
        await api.remove("endpoints", "web")
        await until(api, lambda: api.writes["create", "endpoints"] == 2)
        await api.release("services")
        await until(api, lambda: not api.all("endpoints"))
        users = {"metadata": {"name": "own", "namespace": "default"}, "subsets": []}
        await api.put(users, "endpoints")
        await settled(api)
        assert [each["metadata"]["name"] for each in api.all("endpoints")] == ["own"]


def test_a_pod_on_a_node_that_is_gone_stays_until_it_is_gone_itself():
    pod = make_pod("a", "10.0.0.1", nodeName="nowhere")
    assert listed(planned(make_service(), [pod])) == [([("http", 8080)], ["10.0.0.1"], [])]


@pytest.mark.anyio
async def test_endpoints_of_a_port_without_a_name_are_written_once():
    api = FakeApi()
    await api.put(make_service(ports=[{"port": 80, "targetPort": 8080, "name": ""}]), "services")
    await api.put(make_pod("a", "10.0.0.1"), "pods")
    async with running(api, "endpoints"):
        await until(api, lambda: len(api.all("endpoints")) == 1)
        for turn in range(3):
            await api.put(make_pod("a", "10.0.0.1", labels={"app": "web", "turn": str(turn)}), "pods")
        await settled(api)
    assert api.writes == {("create", "endpoints"): 1}


@pytest.mark.anyio
async def test_endpoints_that_a_server_keeps_in_another_order_are_not_written_again():
    api = FakeApi()
    ports = [{"name": "http", "port": 80, "targetPort": 8080}, {"name": "admin", "port": 81, "targetPort": 9090}]
    await api.put(make_service(ports=ports), "services")
    for name, ip in (("a", "10.0.0.1"), ("b", "10.0.0.2")):
        await api.put(make_pod(name, ip), "pods")
    async with running(api, "endpoints"):
        await until(api, lambda: len(api.all("endpoints")) == 1)
        (kept,) = api.all("endpoints")
        for field in ("addresses", "ports"):
            kept["subsets"][0][field] = kept["subsets"][0][field][::-1]
        await api.put(kept, "endpoints")
        await settled(api)
    assert api.writes == {("create", "endpoints"): 1}


@pytest.mark.anyio
async def test_twin_mirrors_become_one_when_a_controller_starts():
    api = FakeApi()
    await api.put(make_service("custom", selector={}), "services")
    await api.put(user_endpoints(subset("10.9.9.9", "10.9.9.8"), name="custom"), "endpoints")
    async with running(api, "mirroring"):
        await until(api, lambda: len(api.all("endpointslices")) == 1)
        await settled(api)
    (mirror,) = api.all("endpointslices")
    mirror["metadata"]["name"] = "custom-twin"
    await api.put(mirror, "endpointslices")
    async with running(api, "mirroring"):
        await until(api, lambda: len(api.all("endpointslices")) == 1)
        await settled(api)
    assert len(api.all("endpointslices")[0]["endpoints"]) == 2
