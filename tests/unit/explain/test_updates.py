"""A followed cluster is the one that a reading of the same objects would give."""

import pytest

from fairlead.explain.cluster import Cluster, Ref
from fairlead.explain.doctor.examine import examine
from fairlead.explain.reading import FoundDocument, cluster_of
from fairlead.explain.updates import updated
from tests.support.broken_clusters import client, whole
from tests.support.cluster_dumps import service, web

KINDS = ("Namespace", "Node", "Service", "Pod", "EndpointSlice", "Endpoints", "Event", "ConfigMap", "NetworkPolicy")


def by_ref(documents):
    read = cluster_of([FoundDocument("", d) for d in documents])
    return dict(read.documents)


def read_at_once(documents):
    return cluster_of([FoundDocument("the API", d) for d in by_ref(documents).values()], kinds=KINDS)


@pytest.mark.parametrize("step", [1, 3, 1000])
def test_following_step_by_step_gives_what_reading_gives(step):
    documents = whole(service(), web(), client())
    changes = list(by_ref(documents).items())
    followed = Cluster()
    for start in range(0, len(changes), step):
        followed = updated(followed, dict(changes[start : start + step]), KINDS, "the API")
    whole_reading = read_at_once(documents)
    assert followed.snapshot == whole_reading.snapshot
    assert followed.documents == whole_reading.documents
    assert examine(followed) == examine(whole_reading)


def test_a_deleted_object_is_gone_everywhere():
    read = read_at_once(whole(service(), web()))
    gone = Ref("Pod", "default", "web-0")
    after = updated(read, {gone: None}, KINDS, "the API")
    assert gone not in after.documents
    assert not [key for key in after.snapshot.pods if key.name == "web-0"]
    assert [key for key in read.snapshot.pods if key.name == "web-0"], "the moment before is as it was"


def test_a_slice_that_changes_its_service_is_indexed_again():
    read = read_at_once(whole(service(), service("other", "10.96.0.11"), web()))
    (ref,) = [r for r in read.documents if r.kind == "EndpointSlice" and r.namespace == "default" and "web" in r.name][
        :1
    ]
    document = read.documents[ref]
    moved = {**document, "metadata": {**document["metadata"], "labels": {"kubernetes.io/service-name": "other"}}}
    after = updated(read, {ref: moved}, KINDS, "the API")
    assert {key.name for key, slices in after.snapshot.slices.items() if ref.name in slices} == {"other"}


def test_an_object_that_cannot_be_read_is_a_fault_that_heals():
    read = read_at_once(whole(service(), web()))
    ref = Ref("Service", "default", "web")
    broken = {**read.documents[ref], "spec": {"ports": "none"}}
    sick = updated(read, {ref: broken}, KINDS, "the API")
    assert [fault.ref for fault in sick.faults] == [ref]
    assert not [key for key in sick.snapshot.services if key.name == "web"]
    well = updated(sick, {ref: read.documents[ref]}, KINDS, "the API")
    assert not well.faults
    assert well.snapshot == read.snapshot
