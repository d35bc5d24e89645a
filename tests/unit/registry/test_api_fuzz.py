"""The answer to any request is a document, a watch or a refusal with a 4xx code, never an internal error."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.registry.api import Reply
from fairlead.registry.resources import RESOURCES
from fairlead.registry.status import ApiError
from fairlead.registry.verbs.watches import PermittedWatch
from tests.support.api_world import ApiWorld, config_map, pod

WORDS = [
    *(
        "metadata",
        "name",
        "namespace",
        "labels",
        "annotations",
        "finalizers",
        "ownerReferences",
        "uid",
        "spec",
        "status",
    ),
    *("ports", "port", "protocol", "targetPort", "nodePort", "clusterIP", "clusterIPs", "type", "selector", "replicas"),
    *(
        "$patch",
        "$retainKeys",
        "$setElementOrder/ports",
        "op",
        "path",
        "value",
        "from",
        "containers",
        "endpoints",
        "addresses",
    ),
    *(
        "subsets",
        "ipFamilies",
        "ipFamilyPolicy",
        "sessionAffinityConfig",
        "clientIP",
        "timeoutSeconds",
        "target",
        "data",
    ),
]
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-5, 70000)
    | st.sampled_from(["", "a", "None", "ClusterIP", "10.96.0.9", "/a"])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=4),
    max_leaves=12,
)
OBJECTS = st.fixed_dictionaries(
    {"metadata": st.fixed_dictionaries({"name": st.sampled_from(["a", "b"])}) | VALUES},
    optional={
        "spec": VALUES,
        "status": VALUES,
        "endpoints": VALUES,
        "subsets": VALUES,
        "data": VALUES,
        "ports": VALUES,
    },
)
BODIES = (OBJECTS | VALUES).map(lambda value: json.dumps(value).encode()) | st.binary(max_size=20)
TYPES = st.sampled_from(
    ["application/json", "application/yaml", "application/vnd.kubernetes.protobuf", "text/plain", ""]
    + [f"application/{kind}-patch+json" for kind in ("json", "merge", "strategic-merge")]
    + ["application/apply-patch+yaml"]
)
QUERIES = st.sampled_from(
    [
        "",
        "watch=1",
        "limit=1",
        "limit=x",
        "dryRun=All",
        "fieldValidation=Strict",
        "labelSelector=a=(",
        "fieldSelector==",
        "continue=e30",
        "continue=AAAA",
        "gracePeriodSeconds=-1",
        "propagationPolicy=Orphan",
        "fieldManager=x",
        "fieldManager=y&force=1",
        "resourceVersion=0",
    ]
)
PATHS = st.builds(
    lambda row, name, sub: "/".join(
        ["", "apis" if row.group else "api", row.group_version]
        + (["namespaces", "default"] if row.namespaced else [])
        + [row.plural]
        + [part for part in (name, sub) if part]
    ),
    st.sampled_from(RESOURCES),
    st.sampled_from(["", "a", "b", "%00", "é"]),
    st.sampled_from(["", "", "status", "scale", "binding", "finalize", "nothing"]),
)  # fmt: skip


def populated():
    world = ApiWorld()
    world.do("POST", "/api/v1/namespaces/default/configmaps", config_map("a", x="1"))
    world.do("POST", "/api/v1/namespaces/default/pods", pod("a"))
    service = {"metadata": {"name": "a"}, "spec": {"selector": {"a": "b"}, "ports": [{"port": 80}]}}
    world.do("POST", "/api/v1/namespaces/default/services", service)
    endpoint_slice = {"metadata": {"name": "a"}, "addressType": "IPv4", "endpoints": [], "ports": []}
    world.do("POST", "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices", endpoint_slice)
    return world


WORLD = populated()
START = WORLD.state


@settings(max_examples=300)
@given(st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]), PATHS, QUERIES, BODIES, TYPES)
def test_no_request_causes_an_internal_error(method, path, query, body, content_type):
    WORLD.state = START
    found = outcome(method, f"{path}?{query}", body, content_type)
    if isinstance(found, ApiError):
        assert 400 <= found.code < 500, found.message
        json.dumps(found.status())
    else:
        assert isinstance(found, (Reply, PermittedWatch))


def outcome(method, url, body, content_type):
    try:
        return WORLD.ask(method, url, body, content_type=content_type)
    except ApiError as error:
        return error
