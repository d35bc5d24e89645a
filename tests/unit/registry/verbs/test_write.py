"""What writes do to objects, and how they are refused: metadata, versions, namespaces, sides of an object."""

import pytest

from tests.support.api_world import NOW, ApiWorld, config_map, pod

MAPS = "/api/v1/namespaces/default/configmaps"
PODS = "/api/v1/namespaces/default/pods"


@pytest.fixture
def world():
    return ApiWorld()


def test_create_sets_what_the_server_decides(world):
    metadata = world.do("POST", MAPS, config_map("a", x="1"))["metadata"]
    assert metadata["namespace"] == "default"
    assert metadata["creationTimestamp"] == NOW
    assert metadata["uid"]
    assert metadata["resourceVersion"] == str(world.state.version)
    assert world.do("GET", f"{MAPS}/a")["data"] == {"x": "1"}


def test_generated_names_are_short_enough_and_differ(world):
    body = {"metadata": {"generateName": "x" * 80}}
    first, second = world.do("POST", MAPS, body), world.do("POST", MAPS, body)
    assert len(first["metadata"]["name"]) == 63
    assert first["metadata"]["name"] != second["metadata"]["name"]


REFUSED_CREATES = [
    (config_map(""), 422, "Invalid", "metadata.name: Required value: name or generateName is required"),
    (config_map("Upper"), 422, "Invalid", 'metadata.name: Invalid value: "Upper"'),
    (config_map("a", labels={"-x": "1"}), 422, "Invalid", 'metadata.labels: Invalid value: "-x"'),
    (config_map("a", labels={"x": "no spaces"}), 422, "Invalid", 'metadata.labels: Invalid value: "no spaces"'),
    (config_map("present"), 409, "AlreadyExists", 'configmaps "present" already exists'),
    ({**config_map("a"), "kind": "Secret"}, 400, "BadRequest", "cannot be handled as a ConfigMap"),
    ({**config_map("a"), "apiVersion": "v2"}, 400, "BadRequest", "does not match the expected API version (v1)"),
    ({"metadata": {"name": "a", "namespace": "x"}}, 400, "BadRequest", "does not match the namespace sent"),
    ({"metadata": {"name": "a", "resourceVersion": "7"}}, 400, "BadRequest", "resourceVersion should not be set"),
    ({"metadata": {"name": "a", "finalizers": ["x"]}}, 422, "Invalid", "nor is it fully qualified"),
    ({"metadata": {"name": "a", "labels": 5}}, 400, "BadRequest", "cannot unmarshal number"),
    ({"metadata": None}, 422, "Invalid", "name or generateName is required"),
    ([], 400, "BadRequest", "must be a JSON object"),
    (b"{", 400, "BadRequest", "not valid JSON"),
    (b"[" * 100_000, 400, "BadRequest", "not valid JSON"),
]


@pytest.mark.parametrize(("body", "code", "reason", "text"), REFUSED_CREATES)
def test_create_refuses(world, body, code, reason, text):
    world.do("POST", MAPS, config_map("present"))
    status = world.refused("POST", MAPS, body)
    assert (status["code"], status["reason"]) == (code, reason)
    assert text in status["message"]


def test_creating_in_a_missing_namespace_is_not_found(world):
    status = world.refused("POST", "/api/v1/namespaces/nowhere/configmaps", config_map("a"))
    assert (status["code"], status["message"]) == (404, 'namespaces "nowhere" not found')


def test_a_terminating_namespace_takes_nothing_new(world):
    world.do("POST", "/api/v1/namespaces", {"metadata": {"name": "going"}, "spec": {"finalizers": ["kubernetes"]}})
    world.do("DELETE", "/api/v1/namespaces/going")
    assert world.do("GET", "/api/v1/namespaces/going")["status"]["phase"] == "Terminating"
    status = world.refused("POST", "/api/v1/namespaces/going/configmaps", config_map("a"))
    assert (status["code"], status["details"]["causes"][0]["reason"]) == (403, "NamespaceTerminating")
    finished = world.do("GET", "/api/v1/namespaces/going") | {"spec": {"finalizers": []}}
    world.do("PUT", "/api/v1/namespaces/going/finalize", finished)
    assert world.refused("GET", "/api/v1/namespaces/going")["code"] == 404


def test_system_namespaces_may_not_be_deleted(world):
    status = world.refused("DELETE", "/api/v1/namespaces/default")
    assert status["message"] == 'namespaces "default" is forbidden: this namespace may not be deleted'


def test_a_stale_put_is_a_conflict(world):
    old = world.do("POST", MAPS, config_map("a", x="1"))
    world.do("PUT", f"{MAPS}/a", {**old, "data": {"x": "2"}})
    status = world.refused("PUT", f"{MAPS}/a", {**old, "data": {"x": "3"}})
    assert (status["code"], status["reason"]) == (409, "Conflict")
    assert status["message"] == (
        'Operation cannot be fulfilled on configmaps "a": the object has been modified; please apply your changes to '
        "the latest version and try again"
    )


def test_a_put_without_version_overwrites(world):
    world.do("POST", MAPS, config_map("a", x="1"))
    assert world.do("PUT", f"{MAPS}/a", config_map("a", x="2"))["data"] == {"x": "2"}


def test_an_update_that_changes_nothing_writes_nothing(world):
    old = world.do("POST", MAPS, config_map("a", x="1"))
    before = world.state
    assert world.do("PUT", f"{MAPS}/a", old) == old
    assert world.state is before


IMMUTABLE = [("uid", "another", 409), ("creationTimestamp", "2020-01-01T00:00:00Z", 422), ("name", "b", 400)]


@pytest.mark.parametrize(("field", "value", "code"), IMMUTABLE)
def test_metadata_that_may_not_change(world, field, value, code):
    old = world.do("POST", MAPS, config_map("a"))
    old["metadata"][field] = value
    assert world.refused("PUT", f"{MAPS}/a", old)["code"] == code


def test_only_some_kinds_are_created_by_put(world):
    endpoints = {"metadata": {"name": "e"}, "subsets": []}
    assert world.ask("PUT", "/api/v1/namespaces/default/endpoints/e", endpoints).code == 201
    assert world.refused("PUT", f"{MAPS}/a", config_map("a"))["code"] == 404


def test_leases_must_name_the_version_they_replace(world):
    leases = "/apis/coordination.k8s.io/v1/namespaces/default/leases"
    lease = {"metadata": {"name": "l"}, "spec": {"holderIdentity": "a"}}
    world.do("POST", leases, lease)
    status = world.refused("PUT", f"{leases}/l", lease)
    assert "metadata.resourceVersion: Invalid value: 0: must be specified for an update" in status["message"]


def test_status_and_the_rest_are_written_apart(world):
    created = world.do("POST", PODS, pod("p"))
    through_main = world.do("PUT", f"{PODS}/p", {**created, "status": {"phase": "Running"}})
    assert through_main.get("status") == created.get("status")
    changed = {**created, "status": {"phase": "Running"}, "spec": {}}
    through_status = world.do("PUT", f"{PODS}/p/status", changed)
    assert through_status["status"]["phase"] == "Running"
    assert through_status["spec"] == created["spec"]


def test_dry_run_shows_and_keeps_nothing(world):
    before = world.state
    shown = world.do("POST", f"{MAPS}?dryRun=All", config_map("a"))
    assert shown["metadata"]["uid"]
    assert "resourceVersion" not in shown["metadata"]
    assert world.state is before
    assert world.refused("POST", f"{MAPS}?dryRun=Some", config_map("a"))["code"] == 422


def test_a_dry_run_of_a_change_shows_the_version_in_force(world):
    stored = world.do("POST", MAPS, config_map("a", x="1"))
    shown = world.do("PUT", f"{MAPS}/a?dryRun=All", config_map("a", x="2"))
    assert shown["data"] == {"x": "2"}
    assert shown["metadata"]["resourceVersion"] == stored["metadata"]["resourceVersion"]
    assert world.do("GET", f"{MAPS}/a") == stored


FIELD_VALIDATION = [
    ("Strict", b'{"metadata":{"name":"a"},"spec":1}', 'unknown field "spec"', None),
    ("Strict", b'{"metadata":{"name":"a"},"data":{"x":"1","x":"2"}}', 'duplicate field "x"', None),
    ("Warn", b'{"metadata":{"name":"a"},"spec":1}', None, ('unknown field "spec"',)),
    ("", b'{"metadata":{"name":"a"},"spec":1}', None, ('unknown field "spec"',)),
    ("Ignore", b'{"metadata":{"name":"a"},"spec":1}', None, ()),
]


@pytest.mark.parametrize(("mode", "body", "refusal", "warnings"), FIELD_VALIDATION)
def test_unknown_and_duplicate_fields(world, mode, body, refusal, warnings):
    url = f"{MAPS}?fieldValidation={mode}"
    if refusal:
        status = world.refused("POST", url, body)
        assert status["code"] == 400
        assert f"strict decoding error: {refusal}" in status["message"]
    else:
        assert world.ask("POST", url, body).warnings == warnings
        assert "spec" not in world.do("GET", f"{MAPS}/a")


def test_binding_gives_a_pod_its_node_once(world):
    world.do("POST", PODS, pod("p"))
    binding = {"target": {"kind": "Node", "name": "n1"}}
    assert world.do("POST", f"{PODS}/p/binding", binding)["status"] == "Success"
    bound = world.do("GET", f"{PODS}/p")
    assert bound["spec"]["nodeName"] == "n1"
    assert [c["status"] for c in bound["status"]["conditions"] if c["type"] == "PodScheduled"] == ["True"]
    assert 'already assigned to node "n1"' in world.refused("POST", f"{PODS}/p/binding", binding)["message"]
    assert world.refused("POST", f"{PODS}/p/binding", {"target": {}})["code"] == 422


def test_a_binding_on_its_own_names_its_pod(world):
    world.do("POST", PODS, pod("p"))
    bindings = "/api/v1/namespaces/default/bindings"
    binding = {"metadata": {"name": "p"}, "target": {"kind": "Node", "name": "n1"}}
    assert world.do("POST", bindings, binding)["status"] == "Success"
    assert world.do("GET", f"{PODS}/p")["spec"]["nodeName"] == "n1"
    assert world.refused("POST", bindings, {**binding, "metadata": {"name": "q"}})["code"] == 404
    assert world.refused("POST", bindings, {"target": {"name": "n1"}})["code"] == 422
    assert world.refused("GET", bindings)["code"] == 405


@pytest.mark.parametrize(
    ("sets", "selector"),
    [
        ("/apis/apps/v1/namespaces/default/statefulsets", {"matchLabels": {"app": "db"}}),
        ("/api/v1/namespaces/default/replicationcontrollers", {"app": "db"}),
    ],
)
def test_scale_reads_and_writes_replicas(world, sets, selector):
    template = {"metadata": {"labels": {"app": "db"}}, "spec": pod("x")["spec"]}
    spec = {"replicas": 2, "selector": selector, "template": template}
    world.do("POST", sets, {"metadata": {"name": "db"}, "spec": spec})
    scale = world.do("GET", f"{sets}/db/scale")
    assert (scale["spec"], scale["status"]["selector"]) == ({"replicas": 2}, "app=db")
    patch = {"spec": {"replicas": 5}}
    patched = world.do("PATCH", f"{sets}/db/scale", patch, content_type="application/merge-patch+json")
    assert patched["spec"] == {"replicas": 5}
    assert world.do("GET", f"{sets}/db")["spec"]["replicas"] == 5
    assert world.refused("PUT", f"{sets}/db/scale", scale)["code"] == 409


def test_events_have_two_spellings(world):
    reference = {"kind": "Pod", "name": "p", "namespace": "default"}
    body = {"metadata": {"name": "e"}, "involvedObject": reference, "message": "hello", "count": 2}
    world.do("POST", "/api/v1/namespaces/default/events", body)
    new = world.do("GET", "/apis/events.k8s.io/v1/namespaces/default/events/e")
    assert (new["apiVersion"], new["note"], new["regarding"]) == ("events.k8s.io/v1", "hello", reference)
    assert new["deprecatedCount"] == 2
    new["note"] = "again"
    world.do("PUT", "/apis/events.k8s.io/v1/namespaces/default/events/e", new)
    assert world.do("GET", "/api/v1/namespaces/default/events/e")["message"] == "again"


@pytest.mark.parametrize("namespace", ["default", "elsewhere"])
def test_the_namespace_of_an_object_that_has_none_is_forgotten(namespace):
    """As Ansible sends a Namespace that a play's defaults give a namespace."""
    api = ApiWorld()
    body = {"metadata": {"name": "made", "namespace": namespace}}
    created = api.do("POST", "/api/v1/namespaces", body)
    assert "namespace" not in created["metadata"]
    created["metadata"]["namespace"] = namespace
    assert "namespace" not in api.do("PUT", "/api/v1/namespaces/made", created)["metadata"]
