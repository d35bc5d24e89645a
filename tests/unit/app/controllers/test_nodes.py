"""Silent Nodes, their taints, and their Pods."""

import pytest
from msgspec import structs

from fairlead.drivers.clock_text import now_text
from fairlead.model.objects import Condition
from fairlead.workloads.node_lifecycle import OUT_OF_SERVICE, evicted_at, is_out_of_service, judge_node
from tests.support.cluster_objects import make_node, make_pod, meta
from tests.support.controller_runs import running, settled, until
from tests.support.fake_api import FakeApi
from tests.support.fake_clock import FakeClock

NOW = "2026-01-01T00:10:00Z"


def node(ready="True", taints=()):
    made = make_node(taints=[t if isinstance(t, dict) else {"key": t[0], "effect": t[1]} for t in taints])
    return structs.replace(made, status=structs.replace(made.status, conditions=(Condition("Ready", ready),)))


def pressed(*kinds, ready="True", taints=()):
    made = node(ready, taints)
    conditions = (*made.status.conditions, *(Condition(kind, "True") for kind in kinds), Condition("Fine", "True"))
    return structs.replace(made, status=structs.replace(made.status, conditions=conditions))


def unspoken():
    made = make_node()
    return structs.replace(made, status=structs.replace(made.status, conditions=None))


NOT_READY = [("node.kubernetes.io/not-ready", "NoSchedule"), ("node.kubernetes.io/not-ready", "NoExecute")]
UNREACHABLE = [("node.kubernetes.io/unreachable", "NoSchedule"), ("node.kubernetes.io/unreachable", "NoExecute")]
MINE = ("mine", "NoSchedule")


def for_(key):
    return (f"node.kubernetes.io/{key}", "NoSchedule")


FULL = for_("disk-pressure")


@pytest.mark.parametrize(
    ("before", "silent", "condition", "taints"),
    [
        pytest.param(node(), False, None, None, id="heard of lately"),
        pytest.param(node(), True, "Unknown", UNREACHABLE, id="silent for too long"),
        pytest.param(unspoken(), False, None, None, id="new, and has said nothing yet"),
        pytest.param(unspoken(), True, "Unknown", UNREACHABLE, id="never said anything"),
        pytest.param(node("Unknown", UNREACHABLE), True, None, None, id="known to be silent"),
        pytest.param(node("Unknown"), False, None, UNREACHABLE, id="taints that are missing"),
        pytest.param(node("False"), False, None, NOT_READY, id="says itself that it is not ready"),
        pytest.param(
            node("True", [MINE, *UNREACHABLE]), False, None, [MINE], id="back again: only its own taint stays"
        ),
        pytest.param(
            node("False", [*UNREACHABLE, MINE]), False, None, [MINE, *NOT_READY], id="speaks again, not ready"
        ),
        pytest.param(pressed("DiskPressure"), False, None, [FULL], id="short of disk space"),
        pytest.param(pressed("DiskPressure", taints=[FULL]), False, None, None, id="known to be short"),
        pytest.param(pressed(taints=[MINE, FULL]), False, None, [MINE], id="no longer short"),
        pytest.param(pressed("DiskPressure", ready="False"), False, None, [*NOT_READY, FULL], id="short, not ready"),
        pytest.param(
            pressed("PIDPressure", "MemoryPressure", "NetworkUnavailable", taints=[MINE]),
            False,
            None,
            [MINE, *(for_(key) for key in ("memory-pressure", "pid-pressure", "network-unavailable"))],
            id="what an agent of somebody else says",
        ),
    ],
)
def test_verdicts(before, silent, condition, taints):
    verdict = judge_node(before, silent, NOW)
    assert (verdict.condition.status if verdict.condition else None) == condition
    assert (None if verdict.taints is None else [(t.key, t.effect) for t in verdict.taints]) == taints


@pytest.mark.parametrize(
    ("taint", "tolerations", "seconds"),
    [
        pytest.param(("mine", "NoSchedule"), [], None, id="only NoExecute drives out"),
        pytest.param(("mine", "NoExecute"), [], 0, id="not borne"),
        pytest.param(("mine", "NoExecute"), [{"operator": "Exists"}], None, id="borne for ever"),
        pytest.param(
            ("mine", "NoExecute"), [{"key": "mine", "operator": "Exists", "tolerationSeconds": 7}], 7, id="for a while"
        ),
        pytest.param(UNREACHABLE[1], [], 300, id="silence is borne for five minutes by default"),
        pytest.param(UNREACHABLE[1], [{"operator": "Exists", "tolerationSeconds": 0}], 0, id="or as the Pod says"),
    ],
)
def test_evictions(taint, tolerations, seconds):
    tainted = node(taints=[{"key": taint[0], "effect": taint[1], "timeAdded": "2026-01-01T00:00:00Z"}])
    due = evicted_at(tainted, make_pod("p", tolerations=tolerations))
    assert (due and int((due - due.replace(minute=0, second=0)).total_seconds())) == seconds


def test_the_default_toleration_of_silent_nodes_can_be_set():
    tainted = node(taints=[{"key": UNREACHABLE[1][0], "effect": "NoExecute", "timeAdded": "2026-01-01T00:00:00Z"}])
    assert evicted_at(tainted, make_pod("p"), 7.0).second == 7


@pytest.mark.parametrize(
    ("silent", "expected"),
    [
        (node("Unknown", [(OUT_OF_SERVICE, "NoExecute")]), True),
        (node("True", [(OUT_OF_SERVICE, "NoExecute")]), False),
        (node("Unknown", UNREACHABLE), False),
    ],
)
def test_when_a_node_counts_as_powered_off(silent, expected):
    assert is_out_of_service(silent) is expected


def ready(api, plural, name):
    document = next(d for d in api.all(plural) if d["metadata"]["name"] == name)
    return next(c["status"] for c in document["status"]["conditions"] if c["type"] == "Ready")


@pytest.mark.anyio
async def test_a_silent_node_its_pods_and_its_return():
    api = FakeApi()
    await api.put(node(), "nodes")
    await api.put(make_pod("patient", "10.0.0.1"), "pods")
    await api.put(make_pod("hasty", "10.0.0.2", tolerations=[{"operator": "Exists", "tolerationSeconds": 0}]), "pods")
    async with running(api, "node", node_grace=0.05):
        await until(api, lambda: ready(api, "nodes", "node-0") == "Unknown")
        await until(api, lambda: [p["metadata"]["name"] for p in api.all("pods")] == ["patient"])
        assert ready(api, "pods", "patient") == "False"
        (tainted,) = api.all("nodes")
        assert [t["key"] for t in tainted["spec"]["taints"]] == [UNREACHABLE[0][0]] * 2
        tainted["status"]["conditions"] = [{"type": "Ready", "status": "True", "lastHeartbeatTime": NOW}]
        await api.put(tainted, "nodes")
        await until(api, lambda: not api.all("nodes")[0]["spec"].get("taints"))


def lease(name, renewed):
    return {"metadata": meta(name, "kube-node-lease"), "spec": {"renewTime": f"2026-01-01T00:00:{renewed:02}.000000Z"}}


@pytest.mark.anyio
async def test_either_a_lease_or_a_status_is_a_sign_of_life():
    api, clock = FakeApi(), FakeClock()
    by_status, by_lease = make_node("by-status"), make_node("by-lease")
    for each in (by_status, by_lease, make_node("silent")):
        await api.put(each, "nodes")
    async with running(api, "node", clock=clock):
        for seconds in (39, 38):
            clock.advance(seconds)
            beat = Condition("Ready", "True", last_heartbeat_time=f"2026-01-01T00:00:{seconds}Z")
            status = structs.replace(by_status.status, conditions=(beat,))
            await api.put(structs.replace(by_status, status=status), "nodes")
            await api.put(lease("by-lease", seconds), "leases")
            await settled(api)
        await until(api, lambda: ready(api, "nodes", "silent") == "Unknown")
        await settled(api)
        assert {ready(api, "nodes", name) for name in ("by-status", "by-lease")} == {"True"}
        clock.advance(41)
        await until(api, lambda: {ready(api, "nodes", name) for name in ("by-status", "by-lease")} == {"Unknown"})


@pytest.mark.anyio
async def test_signs_of_life_do_not_put_an_eviction_off():
    api, clock = FakeApi(), FakeClock()
    tainted = node(taints=[{"key": "mine", "effect": "NoExecute", "timeAdded": now_text()}])
    await api.put(tainted, "nodes")
    tolerations = [{"key": "mine", "operator": "Exists", "tolerationSeconds": 1}]
    await api.put(make_pod("hasty", tolerations=tolerations), "pods")
    async with running(api, "node", clock=clock):
        await settled(api)
        (timer,) = (timer for timer in clock.timers if not timer.cancelled)
        await api.put(lease("node-0", 1), "leases")
        beat = Condition("Ready", "True", last_heartbeat_time=NOW)
        await api.put(structs.replace(tainted, status=structs.replace(tainted.status, conditions=(beat,))), "nodes")
        await settled(api)
        assert not timer.cancelled


@pytest.mark.anyio
async def test_pods_of_a_node_that_is_gone_are_removed():
    api = FakeApi()
    await api.put(node(), "nodes")
    await api.put(make_pod("a"), "pods")
    await api.put(make_pod("lost", nodeName="never-was"), "pods")
    await api.put(make_pod("homeless", nodeName=""), "pods")
    async with running(api, "node", node_grace=0.05):
        await until(api, lambda: "lost" not in {p["metadata"]["name"] for p in api.all("pods")})
        await api.remove("nodes", "node-0", namespace="")
        await until(api, lambda: [p["metadata"]["name"] for p in api.all("pods")] == ["homeless"])


@pytest.mark.anyio
async def test_pods_ending_on_a_silent_node_stay_until_it_is_declared_off():
    api = FakeApi()
    await api.put(node("Unknown", UNREACHABLE), "nodes")
    await api.put(make_pod("ending", metadata={"deletionTimestamp": NOW}), "pods")
    async with running(api, "node"):
        await until(api, lambda: ready(api, "pods", "ending") == "False")
        await settled(api)
        assert api.all("pods")
        (silent,) = api.all("nodes")
        off = {"key": OUT_OF_SERVICE, "value": "nodeshutdown", "effect": "NoExecute"}
        silent["spec"]["taints"] = [*silent["spec"]["taints"], off]
        await api.put(silent, "nodes")
        await until(api, lambda: not api.all("pods"))
