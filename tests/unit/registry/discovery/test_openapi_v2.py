"""OpenAPI v2: the whole API in one document, the same in JSON and in protobuf."""

import json

import pytest

from fairlead.registry.resources import RESOURCES
from fairlead.registry.schemas.protobuf_wire import fields
from tests.support.api_world import ApiWorld
from tests.unit.registry.kinds.apiextensions.test_custom_resources import definition

ACCEPT = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
POD = "io.k8s.api.core.v1.Pod"


@pytest.fixture(scope="module")
def world():
    return ApiWorld()


@pytest.fixture(scope="module")
def document(world):
    return world.do("GET", "/openapi/v2")


def references(node):
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def test_every_reference_leads_to_a_definition(document):
    known = {f"#/definitions/{name}" for name in document["definitions"]}
    assert set(references(document)) <= known


def test_every_kind_has_a_definition_and_paths(document):
    kinds = {
        (kind["group"], kind["kind"])
        for schema in document["definitions"].values()
        for kind in schema.get("x-kubernetes-group-version-kind", ())
    }
    assert {(row.group, row.kind) for row in RESOURCES} <= kinds
    assert {(row.group, f"{row.kind}List") for row in RESOURCES if "list" in row.verbs} <= kinds
    pods = document["paths"]["/api/v1/namespaces/{namespace}/pods"]
    assert pods["get"]["operationId"] == "listCoreV1NamespacedPod"
    assert pods["get"]["responses"]["200"]["schema"] == {"$ref": f"#/definitions/{POD}List"}
    assert document["paths"]["/api/v1/pods"]["get"]["x-kubernetes-action"] == "list"
    scale = document["paths"]["/apis/apps/v1/namespaces/{namespace}/deployments/{name}/scale"]["put"]
    assert scale["x-kubernetes-group-version-kind"] == {"group": "autoscaling", "version": "v1", "kind": "Scale"}


def test_names_of_operations_are_unique(document):
    names = [item[m]["operationId"] for item in document["paths"].values() for m in item if m != "parameters"]
    assert len(names) == len(set(names))


def test_version_2_has_no_keywords_of_version_3(document):
    schema = document["definitions"]["io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps"]
    assert {"allOf", "nullable", "$ref"} <= schema["properties"].keys()
    quantity = document["definitions"]["io.k8s.apimachinery.pkg.api.resource.Quantity"]
    assert (quantity["type"], "oneOf" in quantity) == ("string", False)


def test_lists_say_how_they_are_merged(document):
    ports = document["definitions"]["io.k8s.api.core.v1.ServiceSpec"]["properties"]["ports"]
    assert ports["x-kubernetes-patch-merge-key"] == "port"
    assert ports["x-kubernetes-list-map-keys"] == ["port", "protocol"]


def text_of(message, number):
    return next(value for found, value in fields(message) if found == number).decode()


def all_of(message, number):
    return [value for found, value in fields(message) if found == number]


def test_protobuf_says_what_json_says(world, document):
    """Read back with the field numbers of gnostic's OpenAPIv2.proto."""
    found = world.ask("GET", "/openapi/v2", accept=ACCEPT)
    assert "@" not in found.content_type
    assert text_of(found.body, 1) == "2.0"
    (paths,), (definitions,) = all_of(found.body, 8), all_of(found.body, 9)
    assert {text_of(each, 1) for each in all_of(paths, 2)} == set(document["paths"])
    schemas = {text_of(each, 1): all_of(each, 2)[0] for each in all_of(definitions, 1)}
    assert set(schemas) == set(document["definitions"])
    (properties,) = all_of(schemas["io.k8s.api.core.v1.ServiceSpec"], 25)
    shown = {text_of(each, 1): all_of(each, 2)[0] for each in all_of(properties, 1)}
    wanted = document["definitions"]["io.k8s.api.core.v1.ServiceSpec"]["properties"]
    assert set(shown) == set(wanted)
    extensions = {text_of(each, 1): json.loads(text_of(all_of(each, 2)[0], 2)) for each in all_of(shown["ports"], 31)}
    assert extensions == {name: value for name, value in wanted["ports"].items() if name.startswith("x-")}
    assert text_of(shown["clusterIP"], 22)[2:] == "string"


def test_patch_takes_field_validation(world, document):
    """What kubectl before 1.29 looks for, so that the server validates."""
    patch = document["paths"]["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"]["patch"]
    assert {"name": "fieldValidation", "in": "query", "type": "string", "uniqueItems": True} in patch["parameters"]


def test_custom_kinds_are_in_it():
    world = ApiWorld()
    world.do("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition())
    before = ApiWorld().do("GET", "/openapi/v2")["definitions"].keys()
    found = world.do("GET", "/openapi/v2")
    (name,) = {name for name in found["definitions"].keys() - before if not name.endswith("List")}
    assert found["definitions"][name]["x-kubernetes-group-version-kind"]
    assert world.ask("GET", "/openapi/v2", accept=ACCEPT).body
