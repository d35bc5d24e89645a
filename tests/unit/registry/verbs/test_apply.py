"""Server-side apply: what is merged, removed and refused, and who owns what afterwards."""

import json

import pytest

from fairlead.registry.documents.managed_fields.leaves import leaves_of
from fairlead.registry.documents.managed_fields.paths import (
    PathField,
    PathItem,
    PathMember,
    from_fields_v1,
    path_text,
    to_fields_v1,
)
from fairlead.registry.schemas.catalogue import type_of
from tests.support.api_world import ApiWorld, config_map, pod

MAPS = "/api/v1/namespaces/default/configmaps"
SERVICES = "/api/v1/namespaces/default/services"
APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"


@pytest.fixture
def world():
    return ApiWorld()


def apply(world, url, document, manager="one", **query):
    options = "".join(f"&{name}={value}" for name, value in query.items())
    return world.do("PATCH", f"{url}?fieldManager={manager}{options}", document, content_type=APPLY)


def refused(world, url, document, manager="one"):
    return world.refused("PATCH", f"{url}?fieldManager={manager}", document, content_type=APPLY)


def service(*ports, **spec):
    document = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}}
    return {**document, "spec": {**spec, **({"ports": list(ports)} if ports else {})}}


def owners(document):
    return {entry["manager"]: entry for entry in document["metadata"].get("managedFields", [])}


def test_applying_creates_and_records_the_owner(world):
    made = apply(world, f"{MAPS}/a", config_map("a", x="1"))
    assert made["data"] == {"x": "1"}
    [entry] = made["metadata"]["managedFields"]
    assert (entry["manager"], entry["operation"], entry["fieldsV1"]) == ("one", "Apply", {"f:data": {"f:x": {}}})


def test_applying_again_changes_nothing(world):
    apply(world, f"{MAPS}/a", config_map("a", x="1"))
    world.at("2026-01-01T01:00:00Z")
    before = world.state
    apply(world, f"{MAPS}/a", config_map("a", x="1"))
    assert world.state is before


def test_a_field_that_is_no_longer_applied_is_removed(world):
    apply(world, f"{MAPS}/a", config_map("a", x="1", y="2"))
    assert apply(world, f"{MAPS}/a", config_map("a", y="2"))["data"] == {"y": "2"}


def test_a_field_that_another_manager_applies_stays(world):
    apply(world, f"{MAPS}/a", config_map("a", x="1", y="2"))
    apply(world, f"{MAPS}/a", config_map("a", x="1"), manager="two")
    assert apply(world, f"{MAPS}/a", config_map("a", y="2"))["data"] == {"x": "1", "y": "2"}


def test_managers_with_different_fields_do_not_meet(world):
    apply(world, f"{MAPS}/a", config_map("a", x="1"))
    both = apply(world, f"{MAPS}/a", config_map("a", y="2"), manager="two")
    assert both["data"] == {"x": "1", "y": "2"}
    assert set(owners(both)) == {"one", "two"}


def test_a_different_value_is_a_conflict_unless_forced(world):
    apply(world, f"{MAPS}/a", config_map("a", x="1", y="1"))
    status = refused(world, f"{MAPS}/a", config_map("a", x="2"), manager="two")
    assert (status["code"], status["reason"]) == (409, "Conflict")
    assert status["message"] == 'Apply failed with 1 conflict: conflict with "one": .data.x'
    assert status["details"]["causes"] == [
        {"reason": "FieldManagerConflict", "message": 'conflict with "one"', "field": ".data.x"}
    ]
    forced = apply(world, f"{MAPS}/a", config_map("a", x="2"), manager="two", force="true")
    assert forced["data"] == {"x": "2", "y": "1"}
    assert owners(forced)["one"]["fieldsV1"] == {"f:data": {"f:y": {}}}


def test_several_conflicts_are_all_named(world):
    apply(world, f"{MAPS}/a", config_map("a", x="1", y="1"))
    message = refused(world, f"{MAPS}/a", config_map("a", x="2", y="2"), manager="two")["message"]
    assert message == 'Apply failed with 2 conflicts: conflicts with "one":\n- .data.x\n- .data.y'


def untracked(world, url, body):
    """An object whose owners a client gave up, as those in the stores of earlier versions have none."""
    world.do("POST", url, body)
    path = f"{url}/{body['metadata']['name']}"
    return world.do("PATCH", path, {"metadata": {"managedFields": [{}]}}, content_type=MERGE)


def test_untracked_fields_get_the_default_owner(world):
    assert "managedFields" not in untracked(world, MAPS, config_map("a", x="1"))["metadata"]
    status = refused(world, f"{MAPS}/a", config_map("a", x="2"))
    assert 'conflict with "before-first-apply" using v1: .data.x' in status["message"]
    assert set(owners(apply(world, f"{MAPS}/a", config_map("a", y="2")))) == {"before-first-apply", "one"}


def test_a_new_object_is_owned_by_its_creator_except_added_fields(world):
    world.do("POST", f"{SERVICES}?fieldManager=maker", service({"port": 80}))
    [entry] = world.do("GET", f"{SERVICES}/s")["metadata"]["managedFields"]
    assert (entry["manager"], entry["operation"]) == ("maker", "Update")
    assert entry["fieldsV1"]["f:spec"]["f:ports"].keys() == {'k:{"port":80,"protocol":"TCP"}'}
    assert "f:clusterIP" not in entry["fieldsV1"]["f:spec"]
    assert "f:status" not in entry["fieldsV1"]


def test_an_update_takes_the_fields_that_it_changes(world):
    apply(world, f"{MAPS}/a", config_map("a", x="1", y="1"))
    url = f"{MAPS}/a?fieldManager=editor"
    changed = world.do("PATCH", url, {"data": {"x": "2"}}, content_type=MERGE)
    assert owners(changed)["editor"]["operation"] == "Update"
    assert owners(changed)["editor"]["fieldsV1"] == {"f:data": {"f:x": {}}}
    assert owners(changed)["one"]["fieldsV1"] == {"f:data": {"f:y": {}}}
    message = refused(world, f"{MAPS}/a", config_map("a", x="1", y="1"))["message"]
    assert 'conflict with "editor" using v1: .data.x' in message
    # What one no longer applies is the editor's now, and stays.
    assert apply(world, f"{MAPS}/a", config_map("a", y="1"))["data"] == {"x": "2", "y": "1"}


def test_each_writer_has_an_entry_of_its_own(world):
    path = "/api/v1/namespaces/default/pods"
    world.do("POST", f"{path}?fieldManager=maker", pod("p"))
    status = {"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}}
    world.do("PATCH", f"{path}/p/status?fieldManager=kubelet", status, content_type=MERGE)
    changed = world.do(
        "PATCH", f"{path}/p?fieldManager=labeller", {"metadata": {"labels": {"a": "b"}}}, content_type=MERGE
    )
    found = owners(changed)
    assert found["kubelet"]["subresource"] == "status"
    assert found["kubelet"]["fieldsV1"]["f:status"].keys() == {"f:phase", "f:conditions"}
    assert found["labeller"]["fieldsV1"] == {"f:metadata": {"f:labels": {"f:a": {}}}}
    assert "f:status" not in found["maker"]["fieldsV1"]


def test_tracking_can_be_given_up(world):
    apply(world, f"{MAPS}/a", config_map("a", x="1"))
    changed = world.do("PATCH", f"{MAPS}/a", {"metadata": {"managedFields": [{}]}}, content_type=MERGE)
    assert "managedFields" not in changed["metadata"]


def test_ports_of_one_number_differ_by_protocol(world):
    udp, tcp = {"name": "u", "port": 53, "protocol": "UDP"}, {"name": "t", "port": 53}
    made = apply(world, f"{SERVICES}/s", service(udp, tcp, selector={"a": "b"}))
    assert [(port["port"], port["protocol"]) for port in made["spec"]["ports"]] == [(53, "UDP"), (53, "TCP")]
    renamed = apply(world, f"{SERVICES}/s", service(udp, {**tcp, "name": "renamed"}, selector={"a": "b"}))
    assert [port["name"] for port in renamed["spec"]["ports"]] == ["u", "renamed"]
    fewer = apply(world, f"{SERVICES}/s", service(tcp, selector={"a": "b"}))
    assert [port["protocol"] for port in fewer["spec"]["ports"]] == ["TCP"]


def test_allocated_values_are_kept_and_not_owned(world):
    made = apply(world, f"{SERVICES}/s", service({"port": 80}, selector={"a": "b"}))
    again = apply(world, f"{SERVICES}/s", service({"port": 81}, selector={"a": "b"}))
    assert again["spec"]["clusterIP"] == made["spec"]["clusterIP"]
    assert [port["port"] for port in again["spec"]["ports"]] == [81]
    assert "f:clusterIP" not in owners(again)["one"]["fieldsV1"]["f:spec"]


def test_taking_a_pod_over_does_not_require_its_token_volume(world):
    """kubectl does that to go over from client-side to server-side apply: it renames the owner and applies again."""
    path, wanted = "/api/v1/namespaces/default/pods/p", pod("p")
    untracked(world, "/api/v1/namespaces/default/pods", wanted)
    fields = owners(apply(world, path, wanted))["before-first-apply"]["fieldsV1"]
    assert "kube-api-access" not in json.dumps(fields)
    renamed = {"manager": "one", "operation": "Apply", "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": fields}
    world.do("PATCH", path, {"metadata": {"managedFields": [renamed]}}, content_type="application/merge-patch+json")
    again = apply(world, path, wanted)
    assert again["spec"]["volumes"][0]["name"].startswith("kube-api-access-")


LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
JOB = {
    "apiVersion": "batch/v1",
    "kind": "Job",
    "metadata": {"name": "j"},
    "spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "x"}]}}},
}
CLAIM = {
    "apiVersion": "v1",
    "kind": "PersistentVolumeClaim",
    "metadata": {"name": "c"},
    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
}


@pytest.mark.parametrize(
    ("url", "body", "bound"),
    [
        pytest.param("/apis/batch/v1/namespaces/default/jobs", JOB, None, id="a Job"),
        pytest.param("/api/v1/namespaces/default/pods", pod("p"), {"nodeName": "n"}, id="a Pod with a node"),
        pytest.param(
            "/api/v1/namespaces/default/persistentvolumeclaims", CLAIM, {"volumeName": "v"}, id="a claim with a volume"
        ),
    ],
)
def test_going_over_to_applying_on_the_server_moves_what_kubectl_wrote(world, url, body, bound):
    """kubectl makes the manager of its annotation the applying one, and applies; then only its own fields may go."""
    text = json.dumps(body)
    annotated = {**body, "metadata": {**body["metadata"], "annotations": {LAST_APPLIED: text}}}
    path = f"{url}/{body['metadata']['name']}"
    world.do("POST", f"{url}?fieldManager=kubectl-client-side-apply", annotated)
    if bound:
        patch = {"spec": bound}
        if body["kind"] == "Pod":
            target = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": "p"}, "target": {"name": "n"}}
            world.do("POST", f"{path}/binding", target)
        else:
            world.do("PATCH", f"{path}?fieldManager=binder", patch, content_type=MERGE)
    before = world.do("GET", path)
    first = apply(world, path, body, "kubectl")
    entries = [
        {**entry, "manager": "kubectl", "operation": "Apply"}
        if entry["manager"] == "kubectl-client-side-apply"
        else entry
        for entry in first["metadata"]["managedFields"]
        if entry["manager"] != "kubectl"
    ]
    world.do("PATCH", path, {"metadata": {"managedFields": entries}}, content_type=MERGE)
    after = apply(world, path, body, "kubectl")
    assert after["spec"] == before["spec"]
    assert after["metadata"].get("finalizers") == before["metadata"].get("finalizers")


REFUSED = [
    ("?", config_map("a"), 422, "fieldManager: Required value: is required for apply patch"),
    ("?fieldManager=x", config_map("b"), 400, "does not match the name on the URL"),
    ("?fieldManager=x", {"metadata": {"managedFields": [{"manager": "m"}]}}, 400, "managedFields must be nil"),
    ("?fieldManager=x", [], 400, "must be a JSON object"),
    ("?fieldManager=x", b"a: &x [1]\nb: *x", 400, "aliases"),
    ("?fieldManager=x&fieldValidation=Strict", {**config_map("a"), "spec": 1}, 400, 'unknown field "spec"'),
]


@pytest.mark.parametrize(("query", "document", "code", "text"), REFUSED)
def test_refusals(world, query, document, code, text):
    status = world.refused("PATCH", f"{MAPS}/a{query}", document, content_type=APPLY)
    assert status["code"] == code
    assert text in status["message"]


SETS = [
    {(PathField("spec"), PathField("type"))},
    {(PathField("spec"), PathField("ports"), PathItem((("port", 80), ("protocol", "TCP"))), PathField("name"))},
    {
        (PathField("metadata"), PathField("finalizers"), PathMember("a/b")),
        (PathField("metadata"), PathField("labels"), PathField("f:x")),
    },
    {(PathField("a"),), (PathField("a"), PathField("b"))},
]


@pytest.mark.parametrize("paths", SETS)
def test_the_wire_form_says_the_same(paths):
    assert from_fields_v1(to_fields_v1(frozenset(paths))) == paths


def test_the_wire_form_is_upstreams():
    leaves = leaves_of(
        type_of("v1", "Service"), service({"port": 80, "name": "a"}, selector={"x": "y"}, externalIPs=["z"])
    )
    assert to_fields_v1(frozenset(leaves)) == {
        "f:spec": {
            "f:externalIPs": {},
            "f:ports": {'k:{"port":80,"protocol":"TCP"}': {".": {}, "f:name": {}, "f:port": {}}},
            "f:selector": {},
        }
    }
    assert {path_text(path) for path in leaves} >= {'.spec.ports[port=80,protocol="TCP"].name', ".spec.selector"}


LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def applied_by_the_client(world, applied, **data):
    """A ConfigMap as ``kubectl apply`` makes it, which may have changed since."""
    document = config_map("a", **data)
    document["metadata"]["annotations"] = {LAST_APPLIED: applied}
    world.do("POST", MAPS, document)


def test_kubectl_takes_over_what_it_applied_from_the_client(world):
    applied_by_the_client(world, json.dumps(config_map("a", x="1", y="1")), x="1", y="changed by another", z="1")
    assert refused(world, f"{MAPS}/a", config_map("a", x="2"), manager="other")["reason"] == "Conflict"
    causes = refused(world, f"{MAPS}/a", config_map("a", x="2", y="2", z="2"), manager="kubectl")["details"]["causes"]
    assert [cause["field"] for cause in causes] == [".data.y", ".data.z"]
    taken = apply(world, f"{MAPS}/a", config_map("a", x="2"), manager="kubectl")
    assert taken["data"] == {"x": "2", "y": "changed by another", "z": "1"}
    assert owners(taken)["kubectl"]["fieldsV1"] == {"f:data": {"f:x": {}}}
    assert json.loads(taken["metadata"]["annotations"][LAST_APPLIED])["data"] == {"x": "2"}


def test_the_annotation_of_client_side_apply_is_not_made_and_not_changed_by_others(world):
    apply(world, f"{MAPS}/b", config_map("b", x="1"), manager="kubectl")
    assert "annotations" not in apply(world, f"{MAPS}/b", config_map("b", x="2"), manager="kubectl")["metadata"]
    applied = json.dumps(config_map("a", x="1"))
    applied_by_the_client(world, applied, x="1")
    taken = apply(world, f"{MAPS}/a", config_map("a", x="2"), manager="other", force="true")
    assert taken["metadata"]["annotations"][LAST_APPLIED] == applied


@pytest.mark.parametrize("text", ["", "no JSON", "[]", '{"data": 5}', '{"metadata": 5}', "[" * 100_000])
def test_an_annotation_that_is_no_configuration_gives_nothing_away(world, text):
    applied_by_the_client(world, text, x="1")
    assert refused(world, f"{MAPS}/a", config_map("a", x="2"), manager="kubectl")["reason"] == "Conflict"


HOOKS = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"


def hooks(*names, **more):
    plain = {"clientConfig": {"url": "https://hook/"}, "sideEffects": "None", "admissionReviewVersions": ["v1"]}
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": "h"},
        "webhooks": [{"name": f"{name}.example.com", **plain, **more} for name in names],
    }


def test_webhooks_are_distinguished_by_their_names(world):
    """So that one who fills in the certificates of webhooks, and one who applies the webhooks, do not meet."""
    apply(world, f"{HOOKS}/h", hooks("a", "b"))
    client = {"name": "a.example.com", "clientConfig": {"url": "https://hook/", "caBundle": "LS0t"}}
    strategic = {"content_type": "application/strategic-merge-patch+json"}
    patched = world.do("PATCH", f"{HOOKS}/h", {"webhooks": [client]}, **strategic)
    assert [hook["name"] for hook in patched["webhooks"]] == ["a.example.com", "b.example.com"]
    again = apply(world, f"{HOOKS}/h", hooks("a", "b", "c"))
    assert [hook["clientConfig"].get("caBundle") for hook in again["webhooks"]] == ["LS0t", None, None]
