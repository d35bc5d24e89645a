"""Lists, pages, selectors, watches and the forms that they are shown in."""

import json

import pytest

from fairlead.registry import store
from fairlead.registry.verbs.watches import PermittedWatch, bookmark
from tests.support.api_world import ApiWorld, config_map, pod

MAPS = "/api/v1/namespaces/default/configmaps"
PODS = "/api/v1/namespaces/default/pods"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
PARTIAL = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"


@pytest.fixture
def world():
    world = ApiWorld()
    for name, labels in [("a", {"app": "web"}), ("b", {"app": "db"}), ("c", None)]:
        world.do("POST", MAPS, config_map(name, labels))
    return world


def names(document):
    return [item["metadata"]["name"] for item in document["items"]]


SELECTORS = [
    ("", "abc"),
    ("labelSelector=app=web", "a"),
    ("labelSelector=app!=web", "bc"),
    ("labelSelector=app in (web,db)", "ab"),
    ("labelSelector=!app", "c"),
    ("fieldSelector=metadata.name=b", "b"),
    ("fieldSelector=metadata.name!=b,metadata.namespace=default", "ac"),
    ("fieldSelector=metadata.namespace=other", ""),
    ("labelSelector=app&fieldSelector=metadata.name=b", "b"),
]


@pytest.mark.parametrize(("query", "expected"), SELECTORS)
def test_selectors(world, query, expected):
    assert names(world.do("GET", f"{MAPS}?{query}")) == list(expected)
    assert names(world.do("GET", f"/api/v1/configmaps?{query}")) == list(expected)


REFUSED_READS = [
    ("fieldSelector=spec.x=1", 400, "field label not supported: spec.x"),
    ("fieldSelector=nonsense", 400, "invalid field selector"),
    ("labelSelector=a in b", 400, ""),
    ("limit=-1", 400, "limit"),
    ("continue=%25", 400, "continue key is not valid"),
    ("resourceVersion=abc", 400, "resourceVersion"),
    ("resourceVersion=999999", 504, "Too large resource version"),
    ("resourceVersionMatch=Exact", 422, "forbidden unless resourceVersion is provided"),
    ("resourceVersionMatch=Exact&resourceVersion=0", 422, 'resourceVersionMatch \\"exact\\" is forbidden'),
    ("resourceVersionMatch=Exact&resourceVersion=1", 410, "too old"),
    ("resourceVersionMatch=Sometimes&resourceVersion=1", 422, "supported values"),
    ("sendInitialEvents=true", 422, "forbidden for list"),
    ("watch=1&sendInitialEvents=true", 422, "requires setting resourceVersionMatch to NotOlderThan"),
    ("watch=1&resourceVersionMatch=NotOlderThan", 422, "forbidden for watch unless sendInitialEvents"),
    ("watch=1&resourceVersion=999999", 504, "Too large resource version"),
]


@pytest.mark.parametrize(("query", "code", "text"), REFUSED_READS)
def test_reads_refuse(world, query, code, text):
    status = world.refused("GET", f"{MAPS}?{query}")
    assert status["code"] == code
    assert text in json.dumps(status)


NOWHERE = [
    "/a",
    "/api/v2/pods",
    "/api/v1/widgets",
    "/apis/apps/v1/pods",
    "/api/v1/pods/p",
    "/api/v1/namespaces/d/nodes",
]


@pytest.mark.parametrize("path", NOWHERE)
def test_paths_that_name_nothing(world, path):
    status = world.refused("GET", path)
    assert status["message"] == "the server could not find the requested resource"
    assert status["details"] == {}  # kubectl debug reads them unasked


@pytest.mark.parametrize(("method", "path"), [("POST", "/api/v1/pods"), ("PUT", MAPS), ("TRACE", MAPS)])
def test_methods_that_a_path_does_not_have(world, method, path):
    assert world.refused(method, path, {})["code"] == 405


def test_pages_show_one_moment_whatever_happens_between(world):
    first = world.do("GET", f"{MAPS}?limit=2")
    world.do("DELETE", f"{MAPS}/c")
    world.do("POST", MAPS, config_map("d"))
    second = world.do("GET", f"{MAPS}?limit=2&continue={first['metadata']['continue']}")
    assert names(first) + names(second) == ["a", "b", "c"]
    assert "continue" not in second["metadata"]
    assert first["metadata"]["resourceVersion"] == second["metadata"]["resourceVersion"]


def test_a_page_of_a_forgotten_moment_has_expired(world):
    first = world.do("GET", f"{MAPS}?limit=2")
    world.do("POST", MAPS, config_map("d"))
    world.kept.clear()
    status = world.refused("GET", f"{MAPS}?continue={first['metadata']['continue']}")
    assert (status["code"], status["reason"]) == (410, "Expired")


def watch(world, query):
    found = world.ask("GET", f"{MAPS}?watch=true&{query}")
    assert isinstance(found, PermittedWatch)
    return found


def test_a_watch_shows_each_change_once_in_order(world):
    stream = watch(world, f"resourceVersion={world.state.version}")
    world.do("POST", MAPS, config_map("d", x="1"))
    world.do("PUT", f"{MAPS}/d", config_map("d", x="2"))
    world.do("POST", PODS, pod("unrelated"))
    world.do("DELETE", f"{MAPS}/d")
    seen = world.events(stream)
    assert [type_ for type_, _ in seen] == ["ADDED", "MODIFIED", "DELETED"]
    versions = [int(document["metadata"]["resourceVersion"]) for _, document in seen]
    assert versions == sorted(set(versions))
    assert versions[-1] == world.state.version


def test_a_selector_turns_changes_into_arrivals_and_departures(world):
    stream = watch(world, f"labelSelector=app=web&resourceVersion={world.state.version}")
    for labels in ({"app": "db"}, {"app": "web", "more": "x"}, {"app": "web"}, {}):
        world.do("PUT", f"{MAPS}/a", config_map("a", labels))
    world.do("DELETE", f"{MAPS}/a")
    seen = world.events(stream)
    assert [type_ for type_, _ in seen] == ["DELETED", "ADDED", "MODIFIED", "DELETED"]
    # What leaves is shown as it last matched, at the version of the change.
    assert seen[0][1]["metadata"]["labels"] == {"app": "web"}
    assert int(seen[0][1]["metadata"]["resourceVersion"]) < int(seen[1][1]["metadata"]["resourceVersion"])


STARTS = [("", True), ("resourceVersion=0", True), ("resourceVersion={now}", False)]


@pytest.mark.parametrize(("query", "has_initial"), STARTS)
def test_where_a_watch_begins(world, query, has_initial):
    stream = watch(world, query.format(now=world.state.version))
    assert len(stream.initial) == (3 if has_initial else 0)
    assert stream.version == world.state.version


def test_initial_events_end_with_a_bookmark(world):
    query = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
    stream = watch(world, query)
    assert len(stream.initial) == 3
    assert stream.announce_end
    line = json.loads(bookmark(stream.view, stream.version, True, world.kinds))
    assert line["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
    assert line["object"]["kind"] == "ConfigMap"


def test_a_watch_from_before_the_log_has_expired(world, monkeypatch):
    monkeypatch.setattr(store, "LOG_CHANGES", 3)
    start = world.state.version
    for number in range(store.LOG_CHANGES + 1):
        world.do("PUT", f"{MAPS}/a", config_map("a", x=str(number)))
    event = world.do("GET", f"{MAPS}?watch=1&resourceVersion={start}")
    assert (event["type"], event["object"]["code"], event["object"]["reason"]) == ("ERROR", 410, "Expired")
    # Another resource's log is its own.
    world.ask("GET", f"{PODS}?watch=1&resourceVersion={start}")


def test_a_table_has_a_row_for_each_object(world):
    table = world.do("GET", MAPS, accept=TABLE)
    assert (table["kind"], table["apiVersion"]) == ("Table", "meta.k8s.io/v1")
    assert [row["cells"][0] for row in table["rows"]] == ["a", "b", "c"]
    assert all(len(row["cells"]) == len(table["columnDefinitions"]) for row in table["rows"])
    assert {row["object"]["kind"] for row in table["rows"]} == {"PartialObjectMetadata"}
    whole = world.do("GET", f"{MAPS}?includeObject=Object", accept=TABLE)
    assert whole["rows"][0]["object"]["kind"] == "ConfigMap"
    none = world.do("GET", f"{MAPS}?includeObject=None", accept=TABLE)
    assert none["rows"][0]["object"] is None


def test_metadata_alone(world):
    found = world.do("GET", MAPS, accept=PARTIAL)
    assert found["kind"] == "PartialObjectMetadataList"
    assert {tuple(sorted(item)) for item in found["items"]} == {("apiVersion", "kind", "metadata")}


ACCEPTED = [("", 200), ("*/*", 200), ("application/vnd.kubernetes.protobuf,application/json", 200), ("text/html", 406)]


@pytest.mark.parametrize(("accept", "code"), ACCEPTED)
def test_what_clients_accept(world, accept, code):
    if code == 200:
        assert world.do("GET", MAPS, accept=accept)["kind"] == "ConfigMapList"
    else:
        assert world.refused("GET", MAPS, accept=accept)["code"] == code


# Upstream's tables, of the kinds' ``AddFieldLabelConversions`` functions.
SELECTABLE = {
    "/api/v1/pods": (
        "metadata.name metadata.namespace spec.nodeName spec.restartPolicy spec.schedulerName spec.serviceAccountName "
        "spec.hostNetwork status.phase status.podIP status.nominatedNodeName"
    ),
    "/api/v1/nodes": "metadata.name spec.unschedulable",
    "/api/v1/namespaces": "metadata.name status.phase",
    "/api/v1/secrets": "metadata.name metadata.namespace type",
    "/api/v1/services": "metadata.name metadata.namespace spec.clusterIP spec.type",
    "/api/v1/replicationcontrollers": "metadata.name metadata.namespace status.replicas",
    "/apis/apps/v1/replicasets": "metadata.name metadata.namespace status.replicas",
    "/apis/apps/v1/deployments": "metadata.name metadata.namespace",
    "/apis/batch/v1/jobs": "metadata.name metadata.namespace status.successful",
    "/apis/certificates.k8s.io/v1/certificatesigningrequests": "metadata.name spec.signerName",
    "/api/v1/events": (
        "metadata.name metadata.namespace involvedObject.kind involvedObject.namespace involvedObject.name "
        "involvedObject.uid involvedObject.apiVersion involvedObject.resourceVersion involvedObject.fieldPath reason "
        "reportingComponent source type"
    ),
    "/apis/events.k8s.io/v1/events": (
        "metadata.name metadata.namespace regarding.kind regarding.namespace regarding.name regarding.uid "
        "regarding.apiVersion regarding.resourceVersion regarding.fieldPath reason reportingController type"
    ),
}


@pytest.mark.parametrize("url", SELECTABLE)
def test_fields_to_select_by(world, url):
    for field in SELECTABLE[url].split():
        assert world.do("GET", f"{url}?fieldSelector={field}=nothing-has-this")["items"] == []
    told = world.refused("GET", f"{url}?fieldSelector=spec.unheard=x")["message"]
    assert told == "field label not supported: spec.unheard"


def test_events_are_selected_by_the_names_of_their_version(world):
    about = {"kind": "Pod", "name": "p", "namespace": "default"}
    for name, of in (("a", about), ("b", {**about, "name": "q"})):
        event = {"metadata": {"name": name}, "involvedObject": of, "reportingComponent": "kubelet", "reason": "Seen"}
        world.do("POST", "/api/v1/namespaces/default/events", event)
    newer = "/apis/events.k8s.io/v1/namespaces/default/events"
    found = world.do("GET", f"{newer}?fieldSelector=regarding.name=p,reportingController=kubelet")["items"]
    assert [event["metadata"]["name"] for event in found] == ["a"]
    refused = world.refused("GET", f"{newer}?fieldSelector=involvedObject.name=p")
    assert refused["message"] == "field label not supported: involvedObject.name"
