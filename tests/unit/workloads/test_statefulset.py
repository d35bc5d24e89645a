"""What a StatefulSet does next, by table and by simulation."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from fairlead.model.decode import decode
from fairlead.model.objects import Pod
from fairlead.model.storage import PersistentVolumeClaim
from fairlead.model.workloads import ControllerRevision, StatefulSet
from fairlead.workloads.history import plan_history, revisions_of, surplus_revisions, template_of, update_revision
from fairlead.workloads.statefulset import (
    Replica,
    Revisions,
    claim_owners,
    claims_to_delete,
    make_claims,
    make_pod,
    observe_pods,
    plan_pods,
)

NOW = "2026-01-01T00:00:00Z"
OLD, NEW = "old", "new"


def stateful_set(replicas=3, image="db:1", current="", **spec):
    template = {"metadata": {"labels": {"app": "db"}}, "spec": {"containers": [{"name": "c", "image": image}]}}
    spec = {
        "selector": {"matchLabels": {"app": "db"}},
        "replicas": replicas,
        "serviceName": "db",
        "template": template,
        **spec,
    }
    metadata = {"name": "db", "namespace": "ns", "uid": "s"}
    return decode(StatefulSet, {"metadata": metadata, "spec": spec, "status": {"currentRevision": current}})


def pod(ordinal, state="ready", revision=NEW, since=None):
    """A Pod that is ready (since then), starting, ending or finished."""
    metadata = {"name": f"db-{ordinal}", "namespace": "ns", "labels": {"controller-revision-hash": revision}}
    if state == "ending":
        metadata["deletionTimestamp"] = NOW
    status = {
        "phase": "Failed" if state == "finished" else "Running",
        "conditions": [
            {"type": "Ready", "status": "True" if state == "ready" else "False", "lastTransitionTime": since}
        ],
    }
    return decode(Pod, {"metadata": metadata, "status": status})


def moves(wanted, *pods):
    plan = plan_pods(wanted, pods, Revisions(OLD, NEW), NOW)
    return [f"+{r.ordinal}:{r.revision}" for r in plan.creates] + [
        f"-{p.name.removeprefix('db-')}" for p in plan.deletes
    ]


PATIENT, JUST_NOW = {"minReadySeconds": 5}, "2025-12-31T23:59:56Z"
PARALLEL = {"podManagementPolicy": "Parallel"}
PARTITION = {"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}}


@pytest.mark.parametrize(
    ("spec", "pods", "expected"),
    [
        pytest.param({}, [], ["+0:new"], id="the first comes alone"),
        pytest.param({}, [pod(0, "starting")], [], id="the next waits until it is ready"),
        pytest.param({}, [pod(0)], ["+1:new"], id="then comes the next"),
        pytest.param(PATIENT, [pod(0, since=JUST_NOW)], [], id="the next waits until it has been ready for a while"),
        pytest.param(PATIENT, [pod(0, since="2025-12-31T23:59:55Z")], ["+1:new"], id="which passes"),
        pytest.param(
            PATIENT, [pod(0, revision=OLD), pod(1, revision=OLD), pod(2, since=JUST_NOW)], [], id="so does an update"
        ),
        pytest.param({}, [pod(0), pod(1), pod(2)], [], id="complete"),
        pytest.param({}, [pod(0), pod(2)], ["+1:new"], id="a gap is filled"),
        pytest.param({}, [pod(0), pod(1, "ending"), pod(2)], [], id="one that is ending is awaited"),
        pytest.param({}, [pod(0), pod(1, "finished"), pod(2)], ["-1"], id="a finished one is replaced"),
        pytest.param({"replicas": 1}, [pod(0), pod(1), pod(2)], ["-2"], id="down from the top, one at a time"),
        pytest.param({"replicas": 1}, [pod(0), pod(1), pod(2, "ending")], [], id="the next waits until it is gone"),
        pytest.param({"replicas": 1}, [pod(0, "starting"), pod(1)], [], id="down only while the rest is well"),
        pytest.param(PARALLEL, [], ["+0:new", "+1:new", "+2:new"], id="parallel: all at once"),
        pytest.param(PARALLEL, [pod(0, "starting"), pod(4)], ["+1:new", "+2:new", "-4"], id="parallel: both ways"),
        pytest.param({"ordinals": {"start": 5}, "replicas": 1}, [], ["+5:new"], id="numbers may start elsewhere"),
        pytest.param(
            {}, [pod(0, revision=OLD), pod(1, revision=OLD), pod(2, revision=OLD)], ["-2"], id="update from the top"
        ),
        pytest.param({}, [pod(0, revision=OLD), pod(1, revision=OLD), pod(2, "starting")], [], id="one at a time"),
        pytest.param({}, [pod(0, revision=OLD), pod(1, revision=OLD), pod(2)], ["-1"], id="then the next below"),
        pytest.param(PARTITION, [pod(0, revision=OLD), pod(1, revision=OLD), pod(2)], [], id="down to the partition"),
        pytest.param(PARTITION, [pod(1, revision=OLD), pod(2)], ["+0:old"], id="below it, the earlier template"),
        pytest.param(
            {"updateStrategy": {"type": "OnDelete"}}, [pod(n, revision=OLD) for n in range(3)], [], id="only on delete"
        ),
    ],
)
def test_next_step(spec, pods, expected):
    assert moves(stateful_set(**spec), *pods) == expected


def test_pods_of_other_names_are_not_counted():
    stranger = structs.replace(pod(0), metadata=structs.replace(pod(0).metadata, name="db-x"))
    assert moves(stateful_set(1), stranger) == ["+0:new"]


def test_a_pod_has_its_identity():
    wanted = stateful_set()
    document = make_pod(wanted, Replica(2, "db-abc"), wanted.spec.template)
    assert (document["metadata"]["name"], document["spec"]["hostname"], document["spec"]["subdomain"]) == (
        "db-2",
        "db-2",
        "db",
    )
    assert document["metadata"]["labels"] == {
        "app": "db",
        "statefulset.kubernetes.io/pod-name": "db-2",
        "apps.kubernetes.io/pod-index": "2",
        "controller-revision-hash": "db-abc",
    }
    assert document["metadata"]["ownerReferences"][0]["kind"] == "StatefulSet"
    assert "hostname" not in wanted.spec.template["spec"]


CLAIMS = {"volumeClaimTemplates": [{"metadata": {"name": "www"}, "spec": {"accessModes": ["ReadWriteOnce"]}}]}
TAKEN_ALONG = {"persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Delete", "whenScaled": "Delete"}}


def test_a_pod_mounts_its_claims_in_place_of_volumes_of_the_same_names():
    wanted = stateful_set(**CLAIMS)
    others = [{"name": "www", "emptyDir": {}}, {"name": "tmp", "emptyDir": {}}]
    template = {"spec": {**wanted.spec.template["spec"], "volumes": others}}
    volumes = make_pod(wanted, Replica(2, NEW), template)["spec"]["volumes"]
    claimed = {"name": "www", "persistentVolumeClaim": {"claimName": "www-db-2", "readOnly": False}}
    assert volumes == [claimed, others[1]]
    (claim,) = make_claims(wanted, 2)
    assert claim["metadata"] == {"name": "www-db-2", "namespace": "ns", "labels": {"app": "db"}, "annotations": {}}
    assert claim["spec"] == {"accessModes": ["ReadWriteOnce"]}
    assert "volumes" not in make_pod(stateful_set(), Replica(2, NEW), wanted.spec.template)["spec"]


def test_claims_are_retained_unless_the_set_says_otherwise():
    claim = decode(PersistentVolumeClaim, make_claims(stateful_set(**CLAIMS), 0)[0])
    retaining, taking = stateful_set(1, **CLAIMS), stateful_set(1, **CLAIMS, **TAKEN_ALONG)
    assert (claim_owners(retaining, claim), claims_to_delete(retaining, pod(1))) == ((), [])
    (owner,) = claim_owners(taking, claim)
    assert (owner.kind, owner.uid, owner.controller) == ("StatefulSet", "s", False)
    owned = structs.replace(claim, metadata=structs.replace(claim.metadata, owner_references=(owner,)))
    assert (claim_owners(taking, owned), claim_owners(retaining, owned)) == ((owner,), ())
    assert [claims_to_delete(taking, pod(n)) for n in (0, 1)] == [[], ["www-db-1"]]


@pytest.mark.parametrize(
    ("pods", "expected"),
    [  # replicas, ready, current, updated, current revision
        ([pod(0), pod(1), pod(2)], (3, 3, 3, 3, NEW)),
        ([pod(0, revision=OLD), pod(1, revision=OLD), pod(2)], (3, 3, 2, 1, OLD)),
        ([pod(0, revision=OLD), pod(1, "starting"), pod(2)], (3, 2, 1, 2, OLD)),
        ([pod(0), pod(1), pod(2, "ending")], (3, 2, 0, 2, OLD)),
    ],
)
def test_status(pods, expected):
    status = observe_pods(stateful_set(), pods, Revisions(OLD, NEW), NOW)
    counts = (status.replicas, status.ready_replicas, status.current_replicas, status.updated_replicas)
    assert (*counts, status.current_revision) == expected


def remembered(wanted, known=()):
    """The revisions after the set's template was remembered."""
    plan = plan_history(wanted, known)
    if plan.create:
        return [*known, decode(ControllerRevision, plan.create)]
    return [structs.replace(r, revision=plan.number) if r is plan.renumber else r for r in known]


def test_a_returning_template_reuses_its_revision_with_a_new_number():
    first, second = stateful_set(), stateful_set(image="db:2")
    known = remembered(first)
    assert remembered(first, known) == known
    known = remembered(second, known)
    assert [r.revision for r in known] == [1, 2]
    known = remembered(first, known)
    assert [r.revision for r in known] == [3, 2]
    assert template_of(second, update_revision(first), known) == first.spec.template


def test_the_current_revision_is_the_sets_own_word_while_it_is_remembered():
    first = stateful_set()
    known = remembered(first)
    current = update_revision(first)
    second = stateful_set(image="db:2", current=current)
    known = remembered(second, known)
    assert revisions_of(second, known) == (current, update_revision(second))
    assert revisions_of(stateful_set(image="db:2", current="gone"), known).current == update_revision(second)


def test_only_revisions_that_nobody_uses_are_forgotten():
    known = []
    for i in range(5):
        known = remembered(stateful_set(image=f"db:{i}"), known)
    wanted = stateful_set(image="db:4", revisionHistoryLimit=1)
    in_use = {known[0].name, update_revision(wanted)}
    assert [r.revision for r in surplus_revisions(wanted, known, in_use)] == [2, 3]


@settings(max_examples=60)
@given(
    st.sampled_from([{}, PARALLEL]),
    st.integers(0, 4),
    st.dictionaries(
        st.integers(0, 5), st.tuples(st.sampled_from(["ready", "starting", "finished"]), st.sampled_from([OLD, NEW]))
    ),
)
def test_it_always_ends_with_exactly_its_pods_all_of_the_new_revision(spec, replicas, start):
    wanted = stateful_set(replicas, **spec)
    pods = {n: pod(n, state, revision) for n, (state, revision) in start.items()}
    for _ in range(60):
        plan = plan_pods(wanted, pods.values(), Revisions(OLD, NEW), NOW)
        for gone in plan.deletes:
            del pods[int(gone.name.removeprefix("db-"))]
        for new in plan.creates:
            assert new.ordinal not in pods
            pods[new.ordinal] = pod(new.ordinal, "starting", new.revision)
        if not (plan.creates or plan.deletes):
            pods = {
                n: p if p.is_finished else pod(n, "ready", p.labels["controller-revision-hash"])
                for n, p in pods.items()
            }
    assert sorted(pods) == list(range(replicas))
    assert {p.labels["controller-revision-hash"] for p in pods.values()} <= {NEW}
