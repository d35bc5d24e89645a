"""What a change of manifests would do, and that it is what the controllers and proxies then do."""

import pytest

from fairlead.explain.changing.applied import apply
from fairlead.explain.changing.compare import compare
from fairlead.explain.proxying import Proxying
from tests.support.broken_clusters import LOCAL, NODE_PORT, whole
from tests.support.cluster_dumps import changed, cluster, external_name, service, web, workload
from tests.unit.explain.test_subjects import has

OWNED = {"owner": ("ReplicaSet", "web-5d9f")}
DEPLOYMENT = workload("Deployment", "web", 2)
BASE = whole(service(**NODE_PORT), web(2, **OWNED), DEPLOYMENT)


def compared(base, *changes, **options):
    before = cluster(base)
    return compare(before, apply(before, cluster(changes, whole=False)), Proxying(), **options)


def written(document):
    """A manifest as a user writes it: without what the server adds."""
    spec = {k: v for k, v in document["spec"].items() if k not in ("clusterIP", "clusterIPs", "ipFamilies")}
    return {**document, "spec": spec, "metadata": {k: v for k, v in document["metadata"].items() if k != "uid"}}


@pytest.mark.parametrize(
    ("change", "stops", "words"),
    [
        (written(service(**NODE_PORT)), False, ["nothing that a client could notice changes"]),
        (
            written(service(selector={"app": "wbe"}, **NODE_PORT)),
            True,
            ["ready endpoints 2 -> 0", "10.96.0.10:80/TCP stops", "new:"],
        ),
        (
            written(service(ports=((8080, 8080, "http"),))),
            True,
            ["10.96.0.10:80/TCP stops answering", "10.96.0.10:8080/TCP: nobody ->"],
        ),
        (written(service(**LOCAL)), False, ["on node-1: 10.244.1.154:8080, 10.244.2.155:8080 -> 10.244.1.154:8080"]),
        (
            written(service("new", selector={"app": "web"})),
            False,
            ["Service default/new is new", "ready endpoints 0 -> 2"],
        ),
        (changed(DEPLOYMENT, "spec.replicas", 1), False, ["ready endpoints 2 -> 1: -10.244.2.155 (Pod web-1)"]),
        (changed(DEPLOYMENT, "spec.replicas", 0), True, ["ready endpoints 2 -> 0"]),
        (changed(DEPLOYMENT, "spec.template.metadata.labels", {"app": "web2"}), True, ["ready endpoints 2 -> 0"]),
        (external_name("web", "web.example.com"), True, ["web.default.svc.cluster.local A", "stops answering"]),
    ],
)
def test_what_a_change_does(change, stops, words):
    found = compared(BASE, change)
    has([s.text for s in found.statement.walk()], *words)
    assert found.stops is stops


def test_policy_local_stops_a_node_without_endpoints():
    base = whole(service(**NODE_PORT), web(1, **OWNED), DEPLOYMENT)
    found = compared(base, written(service(**LOCAL)))
    has([s.text for s in found.statement.walk()], "192.168.0.3:30080/TCP on node-2 stops answering")
    assert found.stops


def test_a_repair_is_reported():
    base = whole(service(selector={"app": "wbe"}), web(2, **OWNED))
    found = compared(base, written(service()))
    has([s.text for s in found.statement.walk()], "ready endpoints 0 -> 2", "put right: the selector app=wbe")
    assert not found.stops


def test_a_service_keeps_its_address_and_its_node_port():
    before = cluster(BASE)
    wanted = written(service(type="NodePort", ports=((80, 8080, "http"),)))
    after = apply(before, cluster([wanted], whole=False))
    (kept,) = [s for s in after.snapshot.services.values() if s.name == "web"]
    assert (kept.cluster_ips, kept.spec.ports[0].node_port) == (("10.96.0.10",), 30080)


def test_the_slices_after_a_change_are_those_of_the_controller():
    before = cluster(whole(service(), web(2, **OWNED), DEPLOYMENT))
    after = apply(before, cluster([changed(DEPLOYMENT, "spec.replicas", 1)], whole=False))
    fresh = cluster(whole(service(), web(1, **OWNED), DEPLOYMENT))
    listed = [
        sorted(e.addresses for s in c.snapshot.slices_of(key) for e in s.endpoints)
        for c, key in ((after, k) for k in before.snapshot.services)
    ]
    wanted = [
        sorted(e.addresses for s in fresh.snapshot.slices_of(k) for e in s.endpoints) for k in before.snapshot.services
    ]
    assert listed == wanted


def test_rules_are_listed_when_asked_for():
    found = compared(BASE, written(service(selector={"app": "wbe"}, **NODE_PORT)), with_rules=True)
    (rules,) = [s for s in found.statement.walk() if s.text.startswith("rules on node-1 (nft)")]
    assert any(e.what.startswith("- tcp-endpoints") for e in rules.because)
    assert any(e.what.startswith("+ unserved-ports") for e in rules.because)


def test_kinds_that_were_not_read_are_listed():
    documents = [d for d in BASE if d["kind"] != "Pod"]
    before = cluster(documents, whole=False)
    found = compare(before, apply(before, cluster([], whole=False)), Proxying())
    has([s.text for s in found.statement.walk()], "whether more changes: Pods were not read")
