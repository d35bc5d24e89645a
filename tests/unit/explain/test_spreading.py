"""How a change spreads, put together from what is heard in whatever order: causes, stations, times."""

from itertools import permutations

import pytest

from fairlead.explain.cluster import Cluster, Ref
from fairlead.explain.spreading import MOST_CHANGES, SpreadingChanges
from fairlead.model.marks import Mark, Station

SLICE, POD = Ref("EndpointSlice", "default", "web-x"), Ref("Pod", "default", "web-0")


def slice_(version, **pods):
    """A slice with Pods that are ready, or not."""
    endpoints = [
        {"addresses": [f"10.0.0.{n}"], "targetRef": {"name": name.replace("_", "-")}, "conditions": {"ready": ready}}
        for n, (name, ready) in enumerate(pods.items())
    ]
    labels = {"kubernetes.io/service-name": "web"}
    return {"metadata": {"resourceVersion": str(version), "labels": labels}, "endpoints": endpoints}


def pod(version):
    return {"metadata": {"resourceVersion": str(version)}}


def mark(station, part, version, began, done, ref=SLICE):
    return Mark(part, station, ref.kind, ref.namespace, ref.name, version, began, done)


MARKS = [
    mark(Station.STATUS, "node-1", 10, 100.0, 100.01, POD),
    mark(Station.SLICE, "controllers", 11, 100.015, 100.02),
    mark(Station.NAMES, "coredns-1", 11, 100.021, 100.022),
    mark(Station.RULES, "node-1", 11, 100.021, 100.025),
    mark(Station.RULES, "node-2", 11, 100.021, 100.027),
]


def told(marks=MARKS):
    spread = SpreadingChanges()
    spread.hear(POD, pod(9), pod(10), 100.012)
    spread.hear(SLICE, slice_(8, web_0=True, web_1=True), slice_(11, web_0=False, web_1=True), 100.0205)
    spread.mark(marks)
    return spread


def test_a_change_has_its_cause_its_stations_and_their_times():
    (change,) = told().changes()
    assert (change.subject, change.object, change.causes) == ("default/web", SLICE, ("web-0 is not ready",))
    assert [(row.station, row.part, round(row.done * 1000)) for row in change.rows] == [
        (Station.STATUS, "web-0 · node-1", 10),
        (Station.SLICE, "controllers", 20),
        (Station.NAMES, "coredns-1", 22),
        (Station.RULES, "node-1", 25),
        (Station.RULES, "node-2", 27),
    ]
    assert all(row.is_told for row in change.rows)
    assert change.began == 100.0
    assert change.seconds == pytest.approx(0.027)


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_the_order_of_events_does_not_matter(order):
    spread = SpreadingChanges()
    acts = [
        lambda: spread.hear(POD, pod(9), pod(10), 100.012),
        lambda: spread.hear(SLICE, slice_(8, web_0=True), slice_(11, web_0=False), 100.0205),
        lambda: spread.mark(MARKS),
    ]
    for number in order:
        acts[number]()
    (change,) = spread.changes()
    assert [row.station for row in change.rows] == [m.station for m in MARKS]


def test_without_marks_the_watch_stands_in():
    (change,) = told([]).changes()
    assert [(row.station, row.is_told) for row in change.rows] == [(Station.STATUS, False), (Station.SLICE, False)]
    assert change.seconds == pytest.approx(0.0085)


def test_a_cause_is_never_after_what_follows_from_it():
    """Watches of two kinds do not keep to an order, and a DNS server may have heard before this page has."""
    spread = SpreadingChanges()
    spread.hear(SLICE, slice_(8, web_0=True), slice_(11, web_0=False), 100.03)
    spread.hear(POD, pod(9), pod(10), 100.04)
    spread.mark([mark(Station.NAMES, "coredns-1", 11, 100.001, 100.002)])
    (change,) = spread.changes()
    assert [(row.station, row.began) for row in change.rows] == [
        (Station.STATUS, 0.0), (Station.SLICE, 0.0), (Station.NAMES, 0.0)
    ]  # fmt: skip


def test_marks_of_other_versions_do_not_count():
    (change,) = told(
        [mark(Station.RULES, "node-1", 12, 1, 2), mark(Station.RULES, "node-1", 11, 100.021, 100.1)]
    ).changes()
    assert [row.done for row in change.rows if row.station is Station.RULES] == [pytest.approx(0.088)]


@pytest.mark.parametrize(
    ("old", "new", "causes"),
    [
        (None, {"web_0": True}, ("web-0 comes, ready",)),
        ({"web_0": True}, {}, ("web-0 leaves",)),
        ({"web_0": False}, {"web_0": True}, ("web-0 is ready",)),
        (
            {"web_0": True, "web_1": True}, {"web_0": False, "web_2": False},
            ("web-0 is not ready", "web-1 leaves", "web-2 comes, not ready"),
        ),
        ({"web_0": True}, {"web_0": True}, None),
    ],
)  # fmt: skip
def test_causes_are_what_differs(old, new, causes):
    spread = SpreadingChanges()
    is_one = spread.hear(SLICE, None if old is None else slice_(1, **old), slice_(2, **new), 5.0)
    assert is_one is (causes is not None)
    assert [change.causes for change in spread.changes()] == ([causes] if causes else [])


def test_a_pod_that_changed_long_ago_is_no_station():
    spread = SpreadingChanges()
    spread.hear(POD, pod(9), pod(10), 10.0)
    spread.hear(SLICE, slice_(8, web_0=True), slice_(11, web_0=False), 100.0)
    (change,) = spread.changes()
    assert [row.station for row in change.rows] == [Station.SLICE]


def test_malformed_marks_are_ignored():
    spread = SpreadingChanges()
    assert not spread.hear(Ref("ConfigMap", "default", "web"), None, {}, 1.0)
    assert not spread.hear(Ref("Service", "default", "web"), {}, {"spec": {"selector": None}}, 1.0)
    assert not spread.hear(SLICE, slice_(1, web_0=True), None, 1.0)
    assert not spread.hear(SLICE, None, {"endpoints": "none"}, 1.0)
    assert spread.hear(SLICE, None, {"endpoints": [{"addresses": ["10.0.0.1"]}]}, 1.0)
    assert spread.changes()[0].causes == ("10.0.0.1 comes, ready",)


def test_memory_is_bounded():
    spread = SpreadingChanges()
    for version in range(MOST_CHANGES * 3):
        spread.hear(SLICE, slice_(0), slice_(version + 1, web_0=True), float(version))
        spread.mark([mark(Station.RULES, f"node-{n}", version + 1, version, version) for n in range(3)])
        spread.mark([mark(Station.RULES, "stray", 10**9 + version * 10 + n, 0, 0) for n in range(10)])
    assert len(spread.changes()) == MOST_CHANGES
    assert len(spread._marks) <= 4000


def test_dns_servers_are_waited_for():
    spread = told([m for m in MARKS if m.station is not Station.NAMES])
    assert spread.waits_for("coredns-1", 100.0)
    assert not spread.waits_for("coredns-1", 200.0)
    spread.mark(MARKS)
    assert not spread.waits_for("coredns-1", 100.0)


# --- other objects ---------------------------------------------------------------------------------------------------

SERVICE, POLICY = Ref("Service", "default", "web"), Ref("NetworkPolicy", "default", "deny")


def service(version, **spec):
    return {"metadata": {"resourceVersion": str(version)}, "spec": {"type": "ClusterIP", **spec}}


def test_a_change_of_a_service_goes_from_the_api_to_names_and_rules():
    spread = SpreadingChanges()
    old, new = service(3, ports=[{"port": 80}]), service(4, ports=[{"port": 81}])
    assert spread.hear(SERVICE, old, new, 100.003)
    spread.mark([
        mark(Station.NAMES, "coredns-1", 4, 100.001, 100.002, SERVICE),
        mark(Station.RULES, "node-1", 4, 100.001, 100.005, SERVICE),
    ])  # fmt: skip
    (change,) = spread.changes()
    assert (change.subject, change.causes) == ("default/web", ("ports: 80 -> 81",))
    assert [(row.station, row.is_told) for row in change.rows] == [
        (Station.OBJECT, False), (Station.NAMES, True), (Station.RULES, True)
    ]  # fmt: skip
    assert change.began == 100.001, "the API had it before anybody acted on it"


def test_a_policy_has_rules_and_no_names():
    spread = SpreadingChanges()
    spread.hear(POLICY, None, {"metadata": {"resourceVersion": "7"}, "spec": {"podSelector": {}}}, 5.0)
    spread.mark([mark(Station.RULES, "node-1", 7, 5.0, 5.5, POLICY)])
    (change,) = spread.changes()
    assert (change.subject, change.causes) == ("NetworkPolicy default/deny", ("NetworkPolicy is new",))
    assert not spread.waits_for("coredns-1", 0)


def test_dns_servers_are_waited_for_after_a_service():
    spread = SpreadingChanges()
    spread.hear(SERVICE, service(3), service(4, type="NodePort"), 5.0)
    assert spread.waits_for("coredns-1", 0)
    spread.mark([mark(Station.NAMES, "coredns-1", 4, 5.0, 5.1, SERVICE)])
    assert not spread.waits_for("coredns-1", 0)


def test_earlier_marks_are_remembered():
    spread = SpreadingChanges()
    spread.remember(MARKS)
    (change,) = spread.changes()
    assert (change.object, change.causes) == (SLICE, ("before this page was opened",))
    assert [row.part for row in change.rows] == ["controllers", "coredns-1", "node-1", "node-2"]
    spread.remember(MARKS)
    assert len(spread.changes()) == 1, "the same marks again are the same change"


def test_remembered_slices_are_named_by_their_service():
    spread = SpreadingChanges()
    spread.remember(MARKS)
    assert [change.subject for change in spread.changes()] == ["EndpointSlice default/web-x"]
    spread.place(Cluster(documents={SLICE: slice_(12, web_0=True)}))
    assert [change.subject for change in spread.changes()] == ["default/web"]
