"""Discovery and OpenAPI: every resource is found in each form of them, and the forms name themselves."""

import json
import re

import pytest

from fairlead.registry.resources import RESOURCES
from fairlead.registry.schemas.catalogue import type_of
from tests.support.api_world import ApiWorld

V2 = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
V2BETA1 = "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList"


@pytest.fixture(scope="module")
def world():
    return ApiWorld()


@pytest.mark.parametrize("row", [row for row in RESOURCES if "patch" in row.verbs], ids=lambda row: row.qualified)
def test_every_resource_is_in_its_plain_list_and_in_openapi(world, row):
    prefix = f"apis/{row.group_version}" if row.group else f"api/{row.version}"
    listed = {entry["name"]: entry for entry in world.do("GET", f"/{prefix}")["resources"]}
    assert listed[row.plural]["kind"] == row.kind
    assert {f"{row.plural}/{sub.name}" for sub in row.subresources} <= set(listed)
    index = world.do("GET", "/openapi/v3")["paths"]
    document = world.do("GET", index[prefix]["serverRelativeURL"])
    scope = "namespaces/{namespace}/" if row.namespaced else ""
    patch = document["paths"][f"/{prefix}/{scope}{row.plural}/{{name}}"]["patch"]
    gvk = {"group": row.group, "version": row.version, "kind": row.kind}
    assert patch["x-kubernetes-group-version-kind"] == gvk
    assert "fieldValidation" in {parameter["name"] for parameter in patch["parameters"]}


def test_openapi_names_no_schema_that_it_does_not_have(world):
    for path in world.do("GET", "/openapi/v3")["paths"].values():
        document = world.ask("GET", path["serverRelativeURL"]).body.decode()
        schemas = json.loads(document)["components"]["schemas"]
        assert set(re.findall(r'"#/components/schemas/([^"]+)"', document)) <= set(schemas)


@pytest.mark.parametrize("row", [row for row in RESOURCES if "create" in row.verbs], ids=lambda row: row.qualified)
def test_every_kind_that_can_be_written_has_a_type(row):
    assert type_of(row.group_version, row.kind)


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [(V2, V2), (V2BETA1, V2BETA1), (f"{V2},{V2BETA1},application/json", V2), ("application/json", "application/json")],
)
def test_aggregated_discovery_names_its_form(world, accept, content_type):
    found = [world.ask("GET", path, accept=accept) for path in ("/api", "/apis")]
    assert {reply.content_type for reply in found} == {content_type}
    if content_type != "application/json":
        groups = [item for reply in found for item in json.loads(reply.body)["items"]]
        named = {
            (group["metadata"].get("name", ""), resource["resource"])
            for group in groups
            for version in group["versions"]
            for resource in version["resources"]
        }
        assert named == {(row.group, row.plural) for row in RESOURCES}


def test_groups_are_listed_with_their_preferred_version(world):
    groups = {group["name"]: group for group in world.do("GET", "/apis")["groups"]}
    assert groups["discovery.k8s.io"]["preferredVersion"]["groupVersion"] == "discovery.k8s.io/v1"
    assert world.do("GET", "/apis/discovery.k8s.io")["kind"] == "APIGroup"
    assert world.do("GET", "/api")["versions"] == ["v1"]


def test_the_version_is_one_that_kubectl_can_read(world):
    version = world.do("GET", "/version")
    assert version["gitVersion"].startswith(f"v{version['major']}.{version['minor']}.")
