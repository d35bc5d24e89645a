"""The three kinds of patch, each case as (before, patch, after); the cases of a strategic merge are about Services,
Pods and metadata, whose lists are merged by key."""

import json

import pytest

from fairlead.registry.documents.patching import JSON_PATCH, MERGE_PATCH, STRATEGIC_MERGE_PATCH, parse_patch
from fairlead.registry.schemas.catalogue import type_of
from fairlead.registry.status import ApiError

MERGES = [
    ({"a": 1}, {"a": None}, {}),
    ({"a": {"b": 1, "c": 2}}, {"a": {"b": 3}}, {"a": {"b": 3, "c": 2}}),
    ({"a": [1, 2]}, {"a": [3]}, {"a": [3]}),
    ({"a": 1}, {"a": {"b": {"c": None, "d": 1}}}, {"a": {"b": {"d": 1}}}),
]
OPERATIONS = [
    ({"a": {"b": 1}}, [{"op": "replace", "path": "/a/b", "value": 2}], {"a": {"b": 2}}),
    ({"a": [1, 3]}, [{"op": "add", "path": "/a/1", "value": 2}], {"a": [1, 2, 3]}),
    ({"a": [1]}, [{"op": "add", "path": "/a/-", "value": 2}, {"op": "remove", "path": "/a/0"}], {"a": [2]}),
    (
        {"x/y": 1},
        [{"op": "test", "path": "/x~1y", "value": 1}, {"op": "move", "from": "/x~1y", "path": "/z"}],
        {"z": 1},
    ),
    ({"a": {"b": 1}}, [{"op": "copy", "from": "/a", "path": "/c"}], {"a": {"b": 1}, "c": {"b": 1}}),
]


def ports(*items):
    return {"spec": {"ports": list(items)}}


def port(number, **more):
    return {"port": number, **more}


STRATEGIC = [
    # Ports are merged by number; a new one comes first, as what the patch names comes before what it does not.
    ("Service", ports(port(80, name="a")), ports(port(80, nodePort=1)), ports(port(80, name="a", nodePort=1))),
    ("Service", ports(port(80)), ports(port(81)), ports(port(81), port(80))),
    (
        "Service",
        ports(port(80), port(81), port(82)),
        ports(port(83), port(81, name="b")),
        ports(port(83), port(80), port(81, name="b"), port(82)),
    ),
    ("Service", ports(port(80), port(81)), ports({"port": 80, "$patch": "delete"}), ports(port(81))),
    ("Service", ports(port(80), port(81)), ports({"$patch": "replace"}, port(82)), ports(port(82))),
    # Two ports of one number cannot be told apart: the first is changed (a known flaw of the format).
    (
        "Service",
        ports(port(53, protocol="UDP"), port(53, protocol="TCP")),
        ports(port(53, protocol="TCP", name="dns")),
        ports(port(53, protocol="TCP", name="dns"), port(53, protocol="TCP")),
    ),
    # Both stay when the order is given, as kubectl always gives it.
    (
        "Service",
        ports(port(53, protocol="UDP"), port(53, protocol="TCP")),
        {"spec": {"$setElementOrder/ports": [{"port": 53}, {"port": 53}], "ports": [port(53, name="dns")]}},
        ports(port(53, protocol="UDP", name="dns"), port(53, protocol="TCP")),
    ),
    # $setElementOrder says how the result is ordered; what it does not know stays where it was.
    (
        "Service",
        ports(port(80), port(81)),
        {"spec": {"$setElementOrder/ports": [{"port": 81}, {"port": 80}]}},
        ports(port(81), port(80)),
    ),
    (
        "Service",
        ports(port(80), port(81), port(82)),
        {"spec": {"$setElementOrder/ports": [{"port": 80}, {"port": 90}, {"port": 82}], "ports": [port(90)]}},
        ports(port(80), port(90), port(81), port(82)),
    ),
    # Lists without a key are replaced, maps are merged, null deletes.
    ("Service", {"spec": {"externalIPs": ["a"]}}, {"spec": {"externalIPs": ["b"]}}, {"spec": {"externalIPs": ["b"]}}),
    (
        "Service",
        {"spec": {"selector": {"a": "1", "b": "2"}}},
        {"spec": {"selector": {"a": None, "c": "3"}}},
        {"spec": {"selector": {"b": "2", "c": "3"}}},
    ),
    (
        "Service",
        {"spec": {"selector": {"a": "1"}}},
        {"spec": {"selector": {"$patch": "replace", "c": "3"}}},
        {"spec": {"selector": {"c": "3"}}},
    ),
    (
        "Service",
        {"spec": {"selector": {"a": "1"}}},
        {"spec": {"selector": {"$patch": "delete"}}},
        {"spec": {"selector": {}}},
    ),
    # Lists of plain values that are sets.
    (
        "Service",
        {"metadata": {"finalizers": ["a", "b"]}},
        {"metadata": {"$deleteFromPrimitiveList/finalizers": ["a"], "finalizers": ["c"]}},
        {"metadata": {"finalizers": ["c", "b"]}},
    ),
    (
        "Service",
        {"metadata": {"finalizers": ["a", "b"]}},
        {"metadata": {"$deleteFromPrimitiveList/finalizers": ["a"]}},
        {"metadata": {"finalizers": ["b"]}},
    ),
    # Keys below keys: a container's variables.
    (
        "Pod",
        {"spec": {"containers": [{"name": "c", "env": [{"name": "A", "value": "1"}]}]}},
        {"spec": {"containers": [{"name": "c", "env": [{"name": "B", "value": "2"}]}]}},
        {"spec": {"containers": [{"name": "c", "env": [{"name": "B", "value": "2"}, {"name": "A", "value": "1"}]}]}},
    ),
    (
        "Pod",
        {"spec": {"volumes": [{"name": "v", "emptyDir": {}}]}},
        {"spec": {"volumes": [{"name": "v", "$retainKeys": ["name", "hostPath"], "hostPath": {"path": "/x"}}]}},
        {"spec": {"volumes": [{"name": "v", "hostPath": {"path": "/x"}}]}},
    ),
    (
        "Pod",
        {"status": {"conditions": [{"type": "Ready", "status": "False"}]}},
        {"status": {"conditions": [{"type": "Ready", "status": "True"}]}},
        {"status": {"conditions": [{"type": "Ready", "status": "True"}]}},
    ),
]


def patched(before, patch, content_type, kind="Service"):
    copy = json.loads(json.dumps(before))
    change = parse_patch(json.dumps(patch).encode(), content_type, type_of("v1", kind))
    after = change(before)
    assert before == copy, "the patch changed the document that it was given"
    return after


@pytest.mark.parametrize(("before", "patch", "after"), MERGES)
def test_merge_patch(before, patch, after):
    assert patched(before, patch, MERGE_PATCH) == after


@pytest.mark.parametrize(("before", "patch", "after"), OPERATIONS)
def test_json_patch(before, patch, after):
    assert patched(before, patch, JSON_PATCH) == after


@pytest.mark.parametrize(("kind", "before", "patch", "after"), STRATEGIC)
def test_strategic_merge_patch(kind, before, patch, after):
    assert patched(before, patch, STRATEGIC_MERGE_PATCH, kind) == after


REFUSED = [
    ({}, {"a": 1}, "text/plain", 415),
    ({}, {"op": "add"}, JSON_PATCH, 400),
    ({}, [{"op": "frobnicate", "path": "/a"}], JSON_PATCH, 400),
    ({}, [{"op": "remove", "path": "/a"}], JSON_PATCH, 422),
    ({}, [{"op": "replace", "path": "/metadata/no/where", "value": 1}], JSON_PATCH, 422),
    ({}, [{"op": "test", "path": "", "value": 1}], JSON_PATCH, 422),
    ({}, [5], JSON_PATCH, 400),
    ({}, [{"op": "replace", "path": "", "value": 1}], JSON_PATCH, 400),
    ({}, [], MERGE_PATCH, 400),
    ({"a": [{}]}, [{"op": "copy", "from": "", "path": "/b"}] * 101, JSON_PATCH, 413),
    ({"a": "x" * 1000}, [{"op": "copy", "from": "", "path": f"/{n}"} for n in range(100)], JSON_PATCH, 413),
    ({}, [{"op": "add", "path": "/a" * depth, "value": {}} for depth in range(1, 101)], JSON_PATCH, 400),
    ({}, ports({"name": "no key"}), STRATEGIC_MERGE_PATCH, 400),
    ({}, ports("text"), STRATEGIC_MERGE_PATCH, 400),
    ({}, {"$patch": "explode"}, STRATEGIC_MERGE_PATCH, 400),
    ({"metadata": {"finalizers": ["a"]}}, {"metadata": {"$setElementOrder/finalizers": 5}}, STRATEGIC_MERGE_PATCH, 400),
]


@pytest.mark.parametrize(("before", "patch", "content_type", "code"), REFUSED)
def test_patches_that_are_refused(before, patch, content_type, code):
    with pytest.raises(ApiError) as caught:
        patched(before, patch, content_type)
    assert caught.value.code == code, caught.value.message


def test_a_failed_test_names_the_path():
    with pytest.raises(ApiError, match="testing value /a failed: test failed"):
        patched({"a": 2}, [{"op": "test", "path": "/a", "value": 1}], JSON_PATCH)


def test_a_long_list_is_merged_in_the_time_of_its_length():
    """A quadratic merge of this many would take minutes."""
    numbers = range(12_000)
    after = patched(ports(*map(port, numbers)), ports(*(port(n, name="x") for n in numbers)), STRATEGIC_MERGE_PATCH)
    assert len(after["spec"]["ports"]) == len(numbers)
