"""A definition as its users meet it: through the API, from its first object to its end."""

import json

import pytest

from fairlead.registry.status import ApiError
from tests.support.api_world import ApiWorld

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
TABS = "/apis/stable.example.com/v1/namespaces/default/crontabs"
SCHEMA = {
    "type": "object",
    "properties": {
        "spec": {
            "type": "object",
            "required": ["cronSpec"],
            "properties": {
                "cronSpec": {"type": "string", "pattern": r"^(\d+|\*)(/\d+)?(\s+(\d+|\*)(/\d+)?){4}$"},
                "image": {"type": "string", "default": "busybox"},
                "replicas": {"type": "integer", "minimum": 1, "maximum": 10, "default": 1},
                "port": {"x-kubernetes-int-or-string": True},
                "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                "hosts": {"type": "array", "items": {"type": "string"}, "x-kubernetes-list-type": "set"},
                "rules": {
                    "type": "array",
                    "x-kubernetes-list-type": "map",
                    "x-kubernetes-list-map-keys": ["name"],
                    "items": {
                        "type": "object",
                        "required": ["name"],
                        "properties": {"name": {"type": "string"}, "weight": {"type": "integer", "default": 5}},
                    },
                },
            },
        },
        "status": {
            "type": "object",
            "properties": {"replicas": {"type": "integer"}, "selector": {"type": "string"}},
        },
    },
}


def definition(**version):
    versions = [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": SCHEMA}, **version}]
    names = {"plural": "crontabs", "kind": "CronTab", "shortNames": ["ct"], "categories": ["all"]}
    spec = {"group": "stable.example.com", "scope": "Namespaced", "names": names, "versions": versions}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "crontabs.stable.example.com"},
        "spec": spec,
    }


def tab(name="a", **spec):
    return {
        "apiVersion": "stable.example.com/v1",
        "kind": "CronTab",
        "metadata": {"name": name},
        "spec": {"cronSpec": "* * * * */5", **spec},
    }


FULL = {
    "subresources": {
        "status": {},
        "scale": {
            "specReplicasPath": ".spec.replicas",
            "statusReplicasPath": ".status.replicas",
            "labelSelectorPath": ".status.selector",
        },
    },
    "additionalPrinterColumns": [
        {"name": "Spec", "type": "string", "jsonPath": ".spec.cronSpec"},
        {"name": "Replicas", "type": "integer", "jsonPath": ".spec.replicas"},
        {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
    ],
    "selectableFields": [{"jsonPath": ".spec.image"}],
}


@pytest.fixture
def world():
    world = ApiWorld()
    world.do("POST", CRDS, definition(**FULL))
    return world


def test_a_definition_is_in_force_at_once():
    world = ApiWorld()
    created = world.do("POST", CRDS, definition())
    assert {c["type"]: c["status"] for c in created["status"]["conditions"]} == {
        "NamesAccepted": "True",
        "Established": "True",
    }
    assert created["status"]["acceptedNames"]["listKind"] == "CronTabList"
    assert created["status"]["storedVersions"] == ["v1"]
    assert world.do("GET", TABS)["kind"] == "CronTabList"


def test_an_object_is_pruned_and_gets_defaults(world):
    made = world.do("POST", TABS, tab(unknown=1, free={"any": {"thing": [1]}}, rules=[{"name": "x"}]))
    assert made["spec"] == {
        "cronSpec": "* * * * */5",
        "image": "busybox",
        "replicas": 1,
        "free": {"any": {"thing": [1]}},
        "rules": [{"name": "x", "weight": 5}],
    }
    assert made["metadata"]["generation"] == 1


def test_unknown_fields_are_reported_on_request(world):
    status = world.refused("POST", f"{TABS}?fieldValidation=Strict", tab(unknown=1))
    assert 'unknown field "spec.unknown"' in status["message"]


@pytest.mark.parametrize(
    ("spec", "fault"),
    [
        (
            {"cronSpec": 5},
            'spec.cronSpec: Invalid value: "integer": spec.cronSpec in body must be of type string: "integer"',
        ),
        ({"cronSpec": "x"}, "spec.cronSpec in body should match"),
        (
            {"replicas": 0},
            "Invalid value: 0: spec.replicas in body should be greater than or equal to 1",
        ),
        (
            {"replicas": 11},
            "Invalid value: 11: spec.replicas in body should be less than or equal to 10",
        ),
        ({"hosts": ["a", "b", "a"]}, 'spec.hosts[2]: Duplicate value: "a"'),
        ({"rules": [{"name": "a"}, {"name": "a"}]}, 'spec.rules[1]: Duplicate value: {"name":"a"}'),
        ({"rules": [{}]}, "spec.rules[0].name: Required value"),
        ({"port": []}, 'spec.port in body must be of type integer,string: "array"'),
    ],
)
def test_refusals(world, spec, fault):
    status = world.refused("POST", TABS, tab(**spec))
    assert (status["code"], status["reason"]) == (422, "Invalid")
    assert fault in status["message"]


def test_status_and_spec_are_written_by_their_own_paths(world):
    made = world.do("POST", TABS, {**tab(), "status": {"replicas": 7}})
    assert "status" not in made
    status = world.do("PUT", f"{TABS}/a/status", {**made, "spec": {"cronSpec": "x"}, "status": {"replicas": 2}})
    assert (status["status"], status["spec"]) == ({"replicas": 2}, made["spec"])
    assert status["metadata"]["generation"] == 1
    changed = world.do("PUT", f"{TABS}/a", {**status, "spec": {**made["spec"], "replicas": 3}, "status": {}})
    assert (changed["status"], changed["metadata"]["generation"]) == ({"replicas": 2}, 2)


def test_scale(world):
    world.do("POST", TABS, tab(replicas=2))
    scale = world.do("GET", f"{TABS}/a/scale")
    assert (scale["kind"], scale["spec"]["replicas"]) == ("Scale", 2)
    scale["spec"]["replicas"] = 4
    assert world.do("PUT", f"{TABS}/a/scale", scale)["spec"]["replicas"] == 4
    assert world.do("GET", f"{TABS}/a")["spec"]["replicas"] == 4


def test_a_table_has_the_columns_of_the_definition(world):
    world.do("POST", TABS, tab())
    table = json.loads(world.ask("GET", TABS, accept="application/json;as=Table;v=v1;g=meta.k8s.io").body)
    assert [column["name"] for column in table["columnDefinitions"]] == ["Name", "Spec", "Replicas", "Age"]
    assert table["rows"][0]["cells"][:3] == ["a", "* * * * */5", 1]


def test_selectable_fields(world):
    world.do("POST", TABS, tab("a"))
    world.do("POST", TABS, tab("b", image="nginx"))
    found = world.do("GET", f"{TABS}?fieldSelector=spec.image=nginx")["items"]
    assert [item["metadata"]["name"] for item in found] == ["b"]


def test_discovery_and_openapi_know_the_kind(world):
    groups = world.do("GET", "/apis")["groups"]
    assert groups[-1]["preferredVersion"]["groupVersion"] == "stable.example.com/v1"
    listed = world.do("GET", "/apis/stable.example.com/v1")["resources"]
    assert {entry["name"] for entry in listed} == {"crontabs", "crontabs/status", "crontabs/scale"}
    assert listed[0]["shortNames"] == ["ct"]
    document = world.do("GET", "/openapi/v3/apis/stable.example.com/v1")
    schema = document["components"]["schemas"]["com.example.stable.v1.CronTab"]
    assert schema["properties"]["spec"]["properties"]["image"]["default"] == "busybox"


def test_two_managers_apply_to_one_list(world):
    content_type = "application/apply-patch+yaml"
    for manager, rule in (("one", {"name": "x", "weight": 1}), ("two", {"name": "y"})):
        body = {**tab(rules=[rule])}
        world.do("PATCH", f"{TABS}/a?fieldManager={manager}", body, content_type=content_type)
    rules = world.do("GET", f"{TABS}/a")["spec"]["rules"]
    assert rules == [{"name": "x", "weight": 1}, {"name": "y", "weight": 5}]


def test_versions_without_conversion_differ_only_by_name():
    world = ApiWorld()
    both = definition()
    both["spec"]["versions"].append({**both["spec"]["versions"][0], "name": "v2beta1", "storage": False})
    world.do("POST", CRDS, both)
    world.do("POST", TABS, tab())
    beta = TABS.replace("/v1/", "/v2beta1/")
    assert world.do("GET", f"{beta}/a")["apiVersion"] == "stable.example.com/v2beta1"
    assert [item["apiVersion"] for item in world.do("GET", beta)["items"]] == ["stable.example.com/v2beta1"]
    world.do("POST", beta, {**tab("b"), "apiVersion": "stable.example.com/v2beta1"})
    assert world.do("GET", f"{TABS}/b")["apiVersion"] == "stable.example.com/v1"
    assert world.do("GET", "/apis/stable.example.com")["preferredVersion"]["version"] == "v1"


def test_a_deleted_definition_waits_for_its_objects(world):
    world.do("POST", TABS, tab())
    gone = world.do("DELETE", f"{CRDS}/crontabs.stable.example.com")
    assert gone["metadata"]["deletionTimestamp"]
    assert gone["metadata"]["finalizers"] == ["customresourcecleanup.apiextensions.k8s.io"]


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda d: d["metadata"].update(name="x.example.com"), 'must be spec.names.plural+"."+spec.group'),
        (lambda d: d["spec"].update(scope="World"), 'spec.scope: Unsupported value: "World"'),
        (lambda d: d["spec"]["versions"][0].update(storage=False), "must have exactly one version marked as storage"),
        (
            lambda d: d["spec"]["versions"][0].pop("schema"),
            "openAPIV3Schema: Required value: schemas are required",
        ),
        (
            lambda d: d["spec"]["versions"][0].update(
                schema={"openAPIV3Schema": {"type": "object", "properties": {"x": {"description": "no type"}}}}
            ),
            "properties[x].type: Required value: must not be empty for specified object fields",
        ),
    ],
)
def test_wrong_definitions(change, fault):
    document = json.loads(json.dumps(definition()))
    change(document)
    status = ApiWorld().refused("POST", CRDS, document)
    assert fault in status["message"]


def test_groups_of_kubernetes_need_an_approval():
    document = json.loads(json.dumps(definition()))
    document["spec"]["group"], document["metadata"]["name"] = "x.k8s.io", "crontabs.x.k8s.io"
    assert "protected groups must have approval annotation" in ApiWorld().refused("POST", CRDS, document)["message"]
    document["metadata"]["annotations"] = {"api-approved.kubernetes.io": "https://github.com/org/repo/pull/1"}
    ApiWorld().do("POST", CRDS, document)


def stricter():
    """The definition after its authors have thought again: fewer replicas, and a rule."""
    made = definition()
    spec = SCHEMA["properties"]["spec"]
    replicas = {**spec["properties"]["replicas"], "maximum": 3}
    weights = {"rule": "self.all(r, r.weight < 10)", "message": "too heavy"}
    rules = {**spec["properties"]["rules"], "x-kubernetes-validations": [weights]}
    fields = {**spec["properties"], "replicas": replicas, "rules": rules}
    schema = {**SCHEMA, "properties": {**SCHEMA["properties"], "spec": {**spec, "properties": fields}}}
    made["spec"]["versions"][0]["schema"]["openAPIV3Schema"] = schema
    return made


def test_what_an_update_leaves_as_it_was_is_not_held_against_a_stricter_schema():
    world, merge = ApiWorld(), {"content_type": "application/merge-patch+json"}
    world.do("POST", CRDS, definition())
    heavy = [{"name": "a", "weight": 50}]
    world.do("POST", TABS, tab(cronSpec="* * * * *", replicas=9, rules=heavy))
    stored = world.do("GET", f"{CRDS}/crontabs.stable.example.com")
    world.do("PUT", f"{CRDS}/crontabs.stable.example.com", {**stored, "spec": stricter()["spec"]})
    world.do("PATCH", f"{TABS}/a", {"spec": {"image": "other"}}, **merge)
    for change, told in (({"replicas": 8}, "should be less than or equal to 3"), ({"rules": [*heavy, *heavy]}, "Dupl")):
        assert told in world.refused("PATCH", f"{TABS}/a", {"spec": change}, **merge)["message"]
    another = {"rules": [*heavy, {"name": "b"}]}
    assert "too heavy" in world.refused("PATCH", f"{TABS}/a", {"spec": another}, **merge)["message"]
    world.do("PATCH", f"{TABS}/a", {"spec": {"replicas": 1}}, **merge)
    assert "of type integer" in world.refused("PATCH", f"{TABS}/a", {"spec": {"replicas": True}}, **merge)["message"]


def test_objects_are_selected_by_the_fields_of_the_definition_of_today(world_of_two_versions):
    world, old, new = world_of_two_versions
    for url, name, image in ((old, "a", "red"), (new, "b", "blue")):
        version = url.split("/")[3]
        document = {**tab(name, cronSpec="* * * * *", image=image), "apiVersion": f"stable.example.com/{version}"}
        world.do("POST", url, document)
    assert world.refused("GET", f"{old}?fieldSelector=spec.image=red")["code"] == 400
    stored = world.do("GET", f"{CRDS}/crontabs.stable.example.com")
    for version in stored["spec"]["versions"]:
        version["selectableFields"] = [{"jsonPath": ".spec.image"}]
    world.do("PUT", f"{CRDS}/crontabs.stable.example.com", stored)
    for url in (old, new):
        for image, name in (("red", "a"), ("blue", "b")):
            found = world.do("GET", f"{url}?fieldSelector=spec.image={image}")["items"]
            assert [each["metadata"]["name"] for each in found] == [name]


@pytest.fixture
def world_of_two_versions():
    """Of which one alone has a field to select by."""
    world, made = ApiWorld(), definition(selectableFields=[{"jsonPath": ".spec.image"}])
    other = {"name": "v1beta1", "served": True, "storage": False, "schema": {"openAPIV3Schema": SCHEMA}}
    made["spec"]["versions"].append(other)
    world.do("POST", CRDS, made)
    return world, TABS.replace("/v1/", "/v1beta1/"), TABS


def test_a_definition_keeps_the_defaults_that_its_author_wrote():
    below = {"type": "object", "default": {}, "properties": {"size": {"type": "integer", "default": 3}}}
    spec = {"type": "object", "default": {}, "properties": {"below": below}}
    schema = {"type": "object", "properties": {"spec": spec}}
    world = ApiWorld()
    made = world.do("POST", CRDS, definition(schema={"openAPIV3Schema": schema}))
    assert made["spec"]["versions"][0]["schema"]["openAPIV3Schema"] == schema
    assert world.do("POST", TABS, {**tab(), "spec": {}})["spec"] == {"below": {"size": 3}}


def test_there_is_no_strategic_merge_of_custom_kinds():
    world = ApiWorld()
    world.do("POST", CRDS, definition())
    world.do("POST", TABS, tab(cronSpec="* * * * *"))
    strategic = {"content_type": "application/strategic-merge-patch+json"}
    assert world.refused("PATCH", f"{TABS}/a", {"spec": {}}, **strategic)["code"] == 415
    told = world.do("GET", "/openapi/v3/apis/stable.example.com/v1")["paths"]
    [path] = [each for url, each in told.items() if url.endswith("/{name}")]
    assert "application/strategic-merge-patch+json" not in path["patch"]["requestBody"]["content"]
    assert "application/merge-patch+json" in path["patch"]["requestBody"]["content"]


PATHS = [
    (".conditions[-1:].type", ["Ready"]),
    (".conditions[0,1].type", ["Open", "Ready"]),
    (".conditions[?(@.count>2)].type", ["Ready"]),
    ("$.conditions[?(@.type!='Open')].count", [3]),
    (".conditions[?(@.count)].type", ["Ready"]),
    ("..count", [3]),
    (".labels.*", ["b"]),
    (".conditions[::0].type", None),
    ("{.conditions}", None),
]


@pytest.mark.parametrize(("path", "found"), PATHS)
def test_a_column_is_found_by_its_path_or_not_shown_at_all(path, found):
    world = ApiWorld()
    column = {"name": "Found", "type": "string", "jsonPath": f".status{path}" if path[0] == "." else path}
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    world.do("POST", CRDS, definition(schema={"openAPIV3Schema": schema}, additionalPrinterColumns=[column]))
    status = {"conditions": [{"type": "Open"}, {"type": "Ready", "count": 3}], "labels": {"a.b": "b"}}
    world.do("POST", TABS, {**tab(), "status": status, "conditions": status["conditions"]})
    table = json.loads(world.ask("GET", TABS, accept="application/json;as=Table;g=meta.k8s.io;v=v1").body)
    shown = table["rows"][0]["cells"][1:]
    assert shown == ([] if found is None else [" ".join(map(str, found))])


def test_a_patch_is_not_refused_for_fields_that_an_earlier_definition_knew():
    world, merge = ApiWorld(), {"content_type": "application/merge-patch+json"}
    world.do("POST", CRDS, definition())
    world.do("POST", TABS, tab(cronSpec="* * * * *", port=80))
    stored = world.do("GET", f"{CRDS}/crontabs.stable.example.com")
    del stored["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]["port"]
    world.do("PUT", f"{CRDS}/crontabs.stable.example.com", stored)
    strict = f"{TABS}/a?fieldValidation=Strict"
    assert "port" not in world.do("PATCH", strict, {"spec": {"image": "x"}}, **merge)["spec"]
    assert 'unknown field "spec.odd"' in world.refused("PATCH", strict, {"spec": {"odd": 1}}, **merge)["message"]


FREE = {
    "type": "object",
    "properties": {
        "spec": {
            "type": "object",
            "x-kubernetes-preserve-unknown-fields": True,
            "properties": {
                "byName": {
                    "type": "object",
                    "additionalProperties": {
                        "type": "object",
                        "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
                    },
                },
                "any": {"x-kubernetes-preserve-unknown-fields": True},
            },
        }
    },
}
SHARED = [
    ({"any": {"x": {"one": 1}}}, {"any": {"x": {"two": 2}}}, {"any": {"x": {"one": 1, "two": 2}}}),
    ({"values": {"one": {"a": 1}}}, {"values": {"two": 2}}, {"values": {"one": {"a": 1}, "two": 2}}),
    ({"byName": {"x": {"a": 1}}}, {"byName": {"x": {"b": 2}}}, {"byName": {"x": {"a": 1, "b": 2}}}),
    ({"any": {"l": [1]}}, {"any": {"m": [2]}}, {"any": {"l": [1], "m": [2]}}),
]


@pytest.mark.parametrize(("one", "two", "both"), SHARED)
def test_managers_share_what_nobody_specifies_and_maps_of_objects(one, two, both):
    world, apply = ApiWorld(), {"content_type": "application/apply-patch+yaml"}
    world.do("POST", CRDS, definition(schema={"openAPIV3Schema": FREE}))
    for manager, spec in (("one", one), ("two", two)):
        made = world.do("PATCH", f"{TABS}/a?fieldManager={manager}", {**tab(), "spec": spec}, **apply)
    assert made["spec"] == both
    world.do("PATCH", f"{TABS}/a?fieldManager=two", {**tab(), "spec": two}, **apply)
    left = world.do("PATCH", f"{TABS}/a?fieldManager=two", {key: tab()[key] for key in ("apiVersion", "kind")}, **apply)
    assert left["spec"] == one


SHAPES = ["x", 1, [], None, {"byName": "x"}, {"byName": {"x": 1}}, {"any": 3}, {"any": {"l": {}}}, {"byName": [1]}]
WAYS = [
    ("POST", TABS, "b", "application/json"),
    ("PATCH", f"{TABS}/b?fieldManager=m", "b", "application/apply-patch+yaml"),
    ("PATCH", f"{TABS}/c", "c", "application/merge-patch+json"),
]


@pytest.mark.parametrize("spec", SHAPES)
@pytest.mark.parametrize(("method", "url", "name", "type_"), WAYS)
def test_a_value_of_another_shape_is_taken_or_refused_and_no_internal_error(method, url, name, type_, spec):
    world = ApiWorld()
    world.do("POST", CRDS, definition(schema={"openAPIV3Schema": FREE}))
    world.do("POST", TABS, {**tab("c"), "spec": {"byName": {"x": {"a": 1}}}})
    assert code_of(world, method, url, {**tab(name), "spec": spec}, type_) in (200, 400, 422)


INDISTINCT = [{"rules": ["x"]}, {"rules": [[1]]}, {"rules": [{"name": {}}]}, {"hosts": [{}]}, {"hosts": [["a"]]}]


@pytest.mark.parametrize("part", INDISTINCT)
@pytest.mark.parametrize(("method", "url", "name", "type_"), WAYS)
def test_an_element_that_cannot_be_told_apart_is_refused(world, method, url, name, type_, part):
    world.do("POST", TABS, tab("c"))
    assert code_of(world, method, url, tab(name, **part), type_) in (400, 422)


def code_of(world, method, url, document, content_type):
    try:
        world.ask(method, url, document, content_type=content_type)
    except ApiError as error:
        return error.code
    return 200
