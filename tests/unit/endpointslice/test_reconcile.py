"""The plan for a Service's slices: its content, unchanged slices, and its cost."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from fairlead.endpointslice.documents import slice_document
from fairlead.endpointslice.reconcile import CONTROLLER, Circumstances, reconcile_slices
from fairlead.model.decode import decode
from fairlead.model.objects import EndpointSlice, Service
from tests.support.cluster_objects import make_node, make_pod, make_service

NODES = {"node-0": make_node(zone="z1"), "node-1": make_node("node-1", zone="z2")}
TRIGGER = "endpoints.kubernetes.io/last-change-trigger-time"


class Slices:
    """What the API server would hold after the plans that were applied."""

    def __init__(self, existing=()):
        self.held = {s.name: s for s in existing}
        self.counter = 0

    def apply(self, plan):
        for slice_ in plan.creates:
            self.counter += 1
            document = slice_document(slice_)
            document["metadata"]["name"] = f"{document['metadata'].pop('generateName')}{self.counter:05}"
            self.put(document)
        for slice_ in plan.updates:
            assert slice_.name in self.held
            self.put(slice_document(slice_))
        for slice_ in plan.deletes:
            del self.held[slice_.name]

    def put(self, document):
        slice_ = decode(EndpointSlice, document)
        self.held[slice_.name] = slice_

    def plan(self, service, pods, **options):
        return reconcile_slices(service, pods, NODES, self.held.values(), Circumstances(**options))

    def settle(self, service, pods, **options):
        """Plan, apply, and make sure that nothing is left to do; the plan that was applied."""
        plan = self.plan(service, pods, **options)
        self.apply(plan)
        again = self.plan(service, pods, **options)
        assert again.is_empty, again
        return plan

    def sizes(self):
        return sorted(len(s.endpoints) for s in self.held.values())

    def names(self):
        return sorted(e.target_ref.name for s in self.held.values() for e in s.endpoints)


def cost(plan):
    return len(plan.creates), len(plan.updates), len(plan.deletes)


def pods(count, start=0, **fields):
    return [make_pod(f"p{i:04}", f"10.244.{i // 250}.{i % 250 + 1}", **fields) for i in range(start, start + count)]


def test_a_service_without_pods_has_one_empty_slice():
    slices = Slices()
    slices.settle(make_service(), [])
    (slice_,) = slices.held.values()
    assert (slice_.endpoints, slice_.ports, slice_.address_type) == ((), (), "IPv4")


def test_the_empty_slice_is_filled_when_pods_come_and_kept_when_they_go():
    slices = Slices()
    slices.settle(make_service(), [])
    assert cost(slices.settle(make_service(), pods(3))) == (0, 1, 0)
    assert cost(slices.settle(make_service(), [])) == (0, 1, 0)
    assert slices.sizes() == [0]


def test_a_slice_says_whose_it_is():
    service = make_service(labels={"team": "a", "kubernetes.io/service-name": "forged"})
    slices = Slices()
    slices.settle(service, pods(1))
    (slice_,) = slices.held.values()
    assert slice_.labels == {
        "team": "a",
        "kubernetes.io/service-name": "web",
        "endpointslice.kubernetes.io/managed-by": CONTROLLER,
    }
    (owner,) = slice_.metadata.owner_references
    assert (owner.api_version, owner.kind, owner.name, owner.uid) == ("v1", "Service", "web", "uid-web")
    assert owner.controller
    assert owner.block_owner_deletion


def test_a_headless_service_labels_its_slices_and_may_have_no_ports():
    slices = Slices()
    slices.settle(make_service(ports=[], clusterIP="None", clusterIPs=["None"]), pods(2))
    (slice_,) = slices.held.values()
    assert slice_.labels["service.kubernetes.io/headless"] == ""
    assert (slice_.ports, len(slice_.endpoints)) == ((), 2)


def test_changed_labels_of_the_service_reach_the_slices():
    slices = Slices()
    slices.settle(make_service(labels={"team": "a"}), pods(1))
    assert cost(slices.settle(make_service(labels={"team": "b"}), pods(1))) == (0, 1, 0)
    assert [s.labels["team"] for s in slices.held.values()] == ["b"]


@pytest.mark.parametrize(
    ("spec", "metadata"),
    [({"selector": {}}, {}), ({"type": "ExternalName", "clusterIPs": [], "clusterIP": ""}, {})],
)
def test_services_without_selection_are_left_alone(spec, metadata):
    slices = Slices()
    slices.settle(make_service(), pods(1))
    assert slices.plan(make_service(**spec), pods(1)).is_empty


def test_a_deleted_service_gets_no_new_slices():
    service = make_service()
    going = structs.replace(
        service, metadata=structs.replace(service.metadata, deletion_timestamp="2026-01-01T00:00:00Z")
    )
    assert Slices().plan(going, pods(1)).is_empty


def test_one_slice_for_each_family():
    service = make_service(ipFamilies=["IPv4", "IPv6"])
    slices = Slices()
    slices.settle(service, [make_pod("a", ["10.0.0.1", "fd00::1"]), make_pod("b", "10.0.0.2")])
    found = {s.address_type: [e.addresses[0] for e in s.endpoints] for s in slices.held.values()}
    assert found == {"IPv4": ["10.0.0.1", "10.0.0.2"], "IPv6": ["fd00::1"]}


def test_slices_of_a_family_that_the_service_gave_up_go():
    slices = Slices()
    slices.settle(make_service(ipFamilies=["IPv4", "IPv6"]), [])
    assert cost(slices.settle(make_service(), [])) == (0, 0, 1)


def test_pods_that_mean_another_port_are_in_another_slice():
    service = make_service(ports=[{"name": "http", "port": 80, "targetPort": "http"}])
    numbers = [8080, 8081, 8080]
    found = [
        make_pod(
            f"p{i}", f"10.0.0.{i + 1}", containers=[{"name": "c", "ports": [{"name": "http", "containerPort": n}]}]
        )
        for i, n in enumerate(numbers)
    ]
    slices = Slices()
    slices.settle(service, found)
    by_port = {s.ports[0].port: [e.target_ref.name for e in s.endpoints] for s in slices.held.values()}
    assert by_port == {8080: ["p0", "p2"], 8081: ["p1"]}


def test_a_changed_port_rewrites_the_slice_that_is_there():
    slices = Slices()
    slices.settle(make_service(), pods(2))
    assert cost(slices.settle(make_service(ports=[{"name": "http", "port": 80, "targetPort": 9}]), pods(2))) == (
        0,
        1,
        0,
    )


@pytest.mark.parametrize(
    ("before", "after", "writes", "sizes"),
    [  # (start, count) of the Pods; writes: creates, updates, deletes; at most 10 in a slice
        pytest.param((0, 0), (0, 25), (2, 1, 0), [5, 10, 10], id="the placeholder becomes the first slice"),
        pytest.param((0, 25), (0, 26), (0, 1, 0), [6, 10, 10], id="one more goes where there is room"),
        pytest.param((0, 25), (0, 31), (1, 0, 0), [5, 6, 10, 10], id="what fits no slice whole gets its own"),
        pytest.param((0, 25), (1, 24), (0, 1, 0), [5, 9, 10], id="one less: one write, no rebalancing"),
        pytest.param((0, 25), (1, 25), (0, 1, 0), [5, 10, 10], id="one for one: the slice that is written takes it"),
        pytest.param((0, 25), (10, 15), (0, 0, 1), [5, 10], id="a slice whose endpoints are all gone goes"),
        pytest.param((0, 10), (10, 10), (0, 1, 0), [10], id="all replaced: rewritten, not deleted and made"),
    ],
)
def test_packing(before, after, writes, sizes):
    slices = Slices()
    service = make_service()
    slices.settle(service, [], limit=10)
    slices.settle(service, pods(before[1], before[0]), limit=10)
    plan = slices.settle(service, pods(after[1], after[0]), limit=10)
    assert (cost(plan), slices.sizes()) == (writes, sizes)


def test_an_unready_pod_costs_one_update_and_no_other_slice_is_touched():
    slices = Slices()
    slices.settle(make_service(), pods(250))
    changed = [*pods(120), *pods(1, 120, ready=False), *pods(129, 121)]
    plan = slices.settle(make_service(), changed)
    assert cost(plan) == (0, 1, 0)
    assert [e.target_ref.name for e in plan.updates[0].endpoints if not e.is_ready] == ["p0120"]


def test_slices_of_others_are_not_touched():
    other = decode(
        EndpointSlice,
        {
            "metadata": {
                "name": "by-hand",
                "namespace": "default",
                "labels": {"kubernetes.io/service-name": "web", "endpointslice.kubernetes.io/managed-by": "me"},
            },
            "addressType": "IPv4",
            "endpoints": [{"addresses": ["10.0.0.1"]}],
        },
    )
    slices = Slices([other])
    assert cost(slices.settle(make_service(), pods(1))) == (1, 0, 0)
    assert slices.held["by-hand"] is other


def test_a_slice_of_an_earlier_service_of_that_name_is_not_taken_over():
    slices = Slices()
    slices.settle(make_service(), pods(1))
    old = make_service()
    again = structs.replace(old, metadata=structs.replace(old.metadata, uid="second"))
    assert cost(slices.settle(again, pods(1))) == (1, 0, 1)


def test_an_endpoint_in_two_slices_stays_in_one():
    slices = Slices()
    plan = slices.plan(make_service(), pods(2))
    slices.apply(plan)
    slices.apply(plan)  # as when the answer to a create was lost and it was sent again
    slices.settle(make_service(), pods(2))
    assert slices.names() == ["p0000", "p0001"]


def test_the_trigger_time_is_noted_where_something_is_written_and_taken_off_when_unknown():
    slices = Slices()
    slices.settle(make_service(), pods(1), trigger_time="2026-01-01T00:00:01Z")
    assert [s.annotations for s in slices.held.values()] == [{TRIGGER: "2026-01-01T00:00:01Z"}]
    assert slices.plan(make_service(), pods(1), trigger_time="2026-01-01T00:00:02Z").is_empty
    slices.settle(make_service(), pods(2))
    assert [s.annotations for s in slices.held.values()] == [{}]


@pytest.mark.parametrize(
    ("wish", "ready", "zones", "nodes"),
    [
        ("PreferClose", True, ["z1"], None),
        ("PreferSameZone", True, ["z1"], None),
        ("PreferSameNode", True, ["z1"], ["node-0"]),
        ("PreferSameNode", False, None, None),
        (None, True, None, None),
    ],
)
def test_hints_follow_the_traffic_distribution(wish, ready, zones, nodes):
    slices = Slices()
    slices.settle(make_service(trafficDistribution=wish), [make_pod("p", ready=ready)])
    ((endpoint,),) = (s.endpoints for s in slices.held.values())
    found = endpoint.hints
    assert ([h.name for h in found.for_zones] if found and found.for_zones else None) == zones
    assert ([h.name for h in found.for_nodes] if found and found.for_nodes else None) == nodes


pod_worlds = st.lists(
    st.builds(
        lambda i, ready, port, node: make_pod(
            f"p{i:02}",
            [f"10.0.0.{i + 1}", f"fd00::{i + 1:x}"],
            ready=ready,
            nodeName=node,
            containers=[{"name": "c", "ports": [{"name": "http", "containerPort": port}]}],
        ),
        st.integers(0, 30),
        st.booleans(),
        st.sampled_from([8080, 8081]),
        st.sampled_from(["node-0", "node-1"]),
    ),
    max_size=20,
    unique_by=lambda pod: pod.name,
)
services = st.builds(
    lambda families, labels, publish: make_service(
        ports=[{"name": "http", "port": 80, "targetPort": "http"}],
        ipFamilies=families,
        labels=labels,
        publishNotReadyAddresses=publish,
    ),
    st.sampled_from([["IPv4"], ["IPv6"], ["IPv4", "IPv6"]]),
    st.sampled_from([{}, {"team": "a"}]),
    st.booleans(),
)


@settings(max_examples=60)
@given(st.lists(st.tuples(services, pod_worlds), min_size=1, max_size=4))
def test_slices_say_exactly_what_the_pods_are_whatever_came_before(history):
    slices = Slices()
    for service, world in history:
        before = dict(slices.held)
        plan = slices.settle(service, world, limit=4)
        assert_exact(service, world, slices.held.values())
        written = {s.name for s in (*plan.updates, *plan.deletes)}
        assert all(slices.held[name] is s for name, s in before.items() if name not in written)
        assert all(before[s.name] != s for s in plan.updates)


def assert_exact(service: Service, world, held):
    for family in ("IPv4", "IPv6"):
        mine = [s for s in held if s.address_type == family]
        wanted = family in service.spec.ip_families
        assert bool(mine) is wanted
        assert all(len(s.endpoints) <= 4 for s in mine)
        assert [s for s in mine if not s.endpoints] == ([] if world or not wanted else mine[:1])
        found = sorted(
            (e.target_ref.name, e.conditions.serving, p.port) for s in mine for e in s.endpoints for p in s.ports
        )
        expected = sorted((p.name, p.is_ready, p.spec.containers[0].ports[0].container_port) for p in world)
        assert found == (expected if wanted else [])
