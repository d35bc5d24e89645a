"""Topology mode Auto: endpoints hinted to zones in proportion to CPUs, and why they are not."""

from collections import Counter
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from fairlead.endpointslice.membership import SliceMember
from fairlead.endpointslice.reconcile import Circumstances, reconcile_slices
from fairlead.endpointslice.topology import (
    DISABLED,
    ENABLED,
    MODE_ANNOTATION,
    NO_NODE_INFORMATION,
    NO_ZONE,
    ONE_ZONE,
    OVERLOADED,
    NoHints,
    ZoneCapacity,
    choose_zones,
    hint_zones,
    quotas,
)
from fairlead.model.addresses import IPFamily
from fairlead.model.objects import Endpoint, EndpointConditions
from tests.support.cluster_objects import make_node, make_pod, make_service
from tests.support.controller_runs import running, until
from tests.support.fake_api import FakeApi

HALF = {"a": Fraction(1, 2), "b": Fraction(1, 2)}
UNEVEN = {"a": Fraction(1, 6), "b": Fraction(7, 9), "c": Fraction(1, 18)}
THIRDS = {zone: Fraction(1, 3) for zone in "abc"}


def node(name, zone, cpu="2", *, ready=True, **labels):
    made = make_node(name, zone, labels=labels)
    conditions = made.status.conditions if ready else ()
    status = structs.replace(made.status, allocatable={"cpu": cpu} if cpu else {}, conditions=conditions)
    return structs.replace(made, status=status)


def capacity(*nodes):
    made = ZoneCapacity()
    for each in nodes:
        made.put(None, each)
    return made


def endpoints(zones):
    """One ready endpoint for each letter."""
    return [Endpoint((f"10.0.0.{i}",), EndpointConditions(ready=True), zone=z) for i, z in enumerate(zones)]


@pytest.mark.parametrize(
    ("nodes", "shares"),
    [
        ([node("x", "a"), node("y", "b")], HALF),
        ([node("x", "a", "1"), node("y", "b", "500m"), node("z", "b", "500m")], HALF),
        ([node("x", "a", "3"), node("y", "b", "1")], {"a": Fraction(3, 4), "b": Fraction(1, 4)}),
        ([node("x", "a"), node("y", "b"), node("z", "b", ready=False)], HALF),
        ([node("x", "a"), node("y", "b"), node("z", "b", **{"node-role.kubernetes.io/control-plane": ""})], HALF),
        ([node("x", "a"), node("y", None)], {}),
        ([node("x", "a"), node("y", "b", "")], {}),
        ([node("x", "a")], {"a": Fraction(1)}),
        ([], {}),
    ],
)  # fmt: skip
def test_shares_of_zones(nodes, shares):
    assert capacity(*nodes).shares == shares


def test_capacity_follows_the_nodes_and_tells_what_matters():
    found = capacity(node("x", "a"), node("y", "b"), node("z", None))
    assert found.put(node("z", None), node("z", "b", "6")) is True
    assert found.shares == {"a": Fraction(1, 5), "b": Fraction(4, 5)}
    assert found.put(node("y", "b"), node("y", "b", other="label")) is False
    assert found.put(node("z", "b", "6"), None) is True
    assert found.shares == HALF


@pytest.mark.parametrize(
    ("count", "shares", "reason"),
    [
        (4, {}, NO_NODE_INFORMATION),
        (4, {"a": Fraction(1)}, ONE_ZONE),
        (1, HALF, "Insufficient number of endpoints (1 endpoints, 2 zones)"),
        (
            3,
            {"a": Fraction(9, 10), "b": Fraction(1, 20), "c": Fraction(1, 20)},
            f"{OVERLOADED} (3 endpoints, 3 zones)",
        ),
    ],
)
def test_zones_that_cannot_be_served_fairly(count, shares, reason):
    with pytest.raises(NoHints) as refusal:
        quotas(count, shares)
    assert str(refusal.value) == reason


def test_a_zone_may_be_overloaded_by_a_fifth():
    # Of ten endpoints five are a fair half; with five divided by 1.2, rounded up, each carries a fifth more at most.
    assert quotas(10, HALF) == {zone: (5, 5, Fraction(5)) for zone in "ab"}
    assert {zone: (q.minimum, q.maximum) for zone, q in quotas(12, HALF).items()} == {"a": (5, 7), "b": (5, 7)}


@pytest.mark.parametrize(
    ("zones", "shares", "served"),
    [
        pytest.param("aabb", HALF, "aabb", id="each its own"),
        pytest.param("aaaa", HALF, "bbaa", id="half of them go to the zone that has none"),
        pytest.param("aaab", HALF, "baab", id="one goes"),
        pytest.param("aaabbbccc", THIRDS, "aaabbbccc", id="three zones"),
        pytest.param("aaaaaaccc", THIRDS, "bbbaaaccc", id="three zones, one empty"),
        pytest.param("aaaaaaaaa", UNEVEN, "bbbbbbcaa", id="what goes to one zone is not given on by it"),
        pytest.param("xxab", HALF, "abab", id="a zone without ready nodes gives all away"),
    ],
)
def test_hints_by_zone(zones, shares, served):
    given_ = endpoints(zones)
    chosen = choose_zones(given_, {}, shares)
    assert "".join(chosen[e.addresses] for e in given_) == served


def test_hints_that_are_there_stay_while_they_do():
    given_ = endpoints("aaab")
    now = dict(zip((e.addresses for e in given_), "aabb", strict=True))
    assert choose_zones(given_, now, HALF) == now
    # Another half is wanted of zone a: too many serve it now.
    assert Counter(choose_zones(given_, dict.fromkeys(now, "a"), HALF).values()) == {"a": 2, "b": 2}


def test_an_endpoint_without_a_zone_takes_all_hints_away():
    hinted = hint_zones([SliceMember((), e) for e in endpoints(["a", "b", "b", None])], {}, HALF)
    assert hinted.message == NO_ZONE
    assert not any(member.endpoint.hints for member in hinted.members)


def test_unready_endpoints_neither_count_nor_get_hints():
    idle = Endpoint(("10.0.9.9",), EndpointConditions(ready=False), zone="a")
    hinted = hint_zones([SliceMember((), e) for e in [*endpoints("ab"), idle]], {}, HALF)
    assert hinted.message == ENABLED
    assert [bool(member.endpoint.hints) for member in hinted.members] == [True, True, False]


SHARES = st.lists(st.integers(1, 20), min_size=2, max_size=4).map(
    lambda cpus: {zone: Fraction(n, sum(cpus)) for zone, n in zip("abcd", cpus, strict=False)}
)


@given(
    SHARES, st.lists(st.sampled_from("abcdx"), min_size=2, max_size=30), st.lists(st.sampled_from("abcdx"), max_size=30)
)
def test_every_zone_has_its_quota_and_a_second_look_changes_nothing(shares, zones, before):
    given_ = endpoints(zones)
    now = dict(zip((e.addresses for e in given_), before, strict=False))
    try:
        quota = quotas(len(given_), shares)
    except NoHints:
        return
    chosen = choose_zones(given_, now, shares)
    counts = Counter(chosen.values())
    assert all(quota[zone].minimum <= counts[zone] <= quota[zone].maximum for zone in shares)
    assert set(counts) <= set(shares)
    assert choose_zones(given_, chosen, shares) == chosen


# In slices, and what the Service is told.

NODES = {"x": node("x", "a"), "y": node("y", "b")}


def automatic(**spec):
    service = make_service(**spec)
    return structs.replace(service, metadata=structs.replace(service.metadata, annotations={MODE_ANNOTATION: "Auto"}))


def test_the_mode_overrides_the_traffic_distribution():
    pods = [make_pod(f"p{i}", f"10.244.0.{i}", nodeName="x") for i in range(4)]
    around = Circumstances(shares=capacity(*NODES.values()).shares)
    plan = reconcile_slices(automatic(trafficDistribution="PreferSameNode"), pods, NODES, [], around)
    hints = [endpoint.hints for endpoint in plan.creates[0].endpoints]
    assert Counter(hint.for_zones[0].name for hint in hints) == {"a": 2, "b": 2}
    assert all(hint.for_nodes is None for hint in hints)
    assert plan.hinting == {IPFamily.IPV4: ENABLED}


def events(api):
    return [(e["type"], e["reason"], e["message"]) for e in api.all("events")]


def hints(api):
    found = [endpoint for slice_ in api.all("endpointslices") for endpoint in slice_["endpoints"]]
    return sorted(e["hints"]["forZones"][0]["name"] if "hints" in e else "" for e in found)


@pytest.mark.anyio
async def test_a_service_gets_events_when_hints_appear_and_disappear():
    api = FakeApi()
    for each in NODES.values():
        await api.put(each, "nodes")
    for index in range(2):
        await api.put(make_pod(f"p{index}", f"10.244.0.{index}", nodeName="x"), "pods")
    await api.put(automatic(), "services")
    async with running(api, "endpointslice"):
        await until(api, lambda: hints(api) == ["a", "b"])
        await until(api, lambda: len(events(api)) == 1)
        await api.put(node("y", "b", ready=False), "nodes")
        await until(api, lambda: hints(api) == ["", ""])
        await until(api, lambda: len(events(api)) == 2)
        await api.put(NODES["y"], "nodes")
        await until(api, lambda: hints(api) == ["a", "b"])
        await api.put(make_service(), "services")
        await until(api, lambda: hints(api) == ["", ""])
        await until(api, lambda: len(events(api)) == 3)
    said = {
        ("Normal", "TopologyAwareHintsEnabled", f"{ENABLED}, addressType: IPv4"),
        ("Warning", "TopologyAwareHintsDisabled", f"{ONE_ZONE}, addressType: IPv4"),
        ("Warning", "TopologyAwareHintsDisabled", f"{DISABLED}, addressType: IPv4"),
    }
    assert set(events(api)) == said
