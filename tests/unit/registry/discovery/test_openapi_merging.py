"""What OpenAPI says of how lists and maps are merged."""

import pytest

from tests.support.api_world import ApiWorld

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
