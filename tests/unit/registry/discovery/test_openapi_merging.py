"""What OpenAPI says of how lists and maps are merged."""

import pytest

from fairlead.registry.schemas.catalogue import fields_of
from fairlead.registry.schemas.known_values import ENUMS
from tests.support.api_world import ApiWorld
from tests.unit.registry.kinds.apiextensions.test_custom_resources import definition

CORE, META = "io.k8s.api.core.v1", "io.k8s.apimachinery.pkg.apis.meta.v1"


@pytest.mark.parametrize(
    ("type_name", "field", "expected"),
    [
        (f"{CORE}.Container", "args", {"list-type": "atomic"}),
        (
            f"{CORE}.Container",
            "ports",
            {
                "list-type": "map",
                "list-map-keys": ["containerPort", "protocol"],
                "patch-merge-key": "containerPort",
                "patch-strategy": "merge",
            },
        ),
        (f"{META}.ObjectMeta", "finalizers", {"list-type": "set", "patch-strategy": "merge"}),
        (f"{CORE}.PodSpec", "nodeSelector", {"map-type": "atomic"}),
        (f"{META}.ObjectMeta", "labels", {}),
        (f"{CORE}.PodSpec", "hostNetwork", {}),
    ],
)
def test_how_a_field_is_merged(type_name, field, expected):
    schemas = ApiWorld().do("GET", "/openapi/v3/api/v1")["components"]["schemas"]
    prefix = "x-kubernetes-"
    found = {k.removeprefix(prefix): v for k, v in schemas[type_name]["properties"][field].items() if prefix in k}
    assert found == expected


def test_values_that_the_reference_lists():
    schemas = ApiWorld().do("GET", "/openapi/v3/api/v1")["components"]["schemas"]
    protocol = schemas[f"{CORE}.ServicePort"]["properties"]["protocol"]
    assert (protocol["enum"], protocol["default"]) == (["SCTP", "TCP", "UDP"], "TCP")


@pytest.mark.parametrize("name", ENUMS)
def test_listed_values_are_of_fields_that_there_are(name):
    type_name, _, field = name.rpartition(".")
    assert fields_of(f"io.k8s.api.{type_name}")[field].name == "string"


def test_a_tag_changes_with_the_document():
    world = ApiWorld()
    tags = {path: world.ask("GET", path).tag for path in ("/apis", "/openapi/v2", "/openapi/v3/apis/apps/v1")}
    assert tags["/apis"] == world.ask("GET", "/apis").tag
    assert len(set(tags.values())) == 3
    world.do("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition())
    assert world.ask("GET", "/apis").tag != tags["/apis"]
    assert world.ask("GET", "/openapi/v3/apis/apps/v1").tag == tags["/openapi/v3/apis/apps/v1"]
