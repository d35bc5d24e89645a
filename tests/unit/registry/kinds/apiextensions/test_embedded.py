"""Whole objects within custom objects: which are taken, and what is said of others."""

import pytest

from fairlead.registry.kinds.apiextensions.embedded import embedded_faults

POD = {"type": "object", "x-kubernetes-embedded-resource": True, "x-kubernetes-preserve-unknown-fields": True}
SCHEMA = {
    "type": "object",
    "properties": {"pods": {"type": "array", "items": POD}, "byName": {"type": "object", "additionalProperties": POD}},
}


def pod(**fields):
    return {"pods": [{"apiVersion": "v1", "kind": "Pod", **fields}]}


MIXED = 'pods[0].kind: Invalid value: "po_d": may have mixed case, but should otherwise match: '
ROWS = [
    (pod(), []),
    (pod(metadata={"name": "p"}, spec={"any": 1}), []),
    ({"pods": [{}]}, ["pods[0].apiVersion: Required value", "pods[0].kind: Required value"]),
    ({"byName": {"a": {"kind": "Pod"}}}, ["byName.a.apiVersion: Required value"]),
    (pod(kind=""), ["pods[0].kind: Required value"]),
    (pod(kind=3), ["pods[0].kind: Invalid value: 3: must be a string"]),
    (pod(kind="po_d"), [MIXED]),
    (pod(apiVersion="a/b/c"), ['pods[0].apiVersion: Invalid value: "a/b/c": unexpected GroupVersion string: a/b/c']),
    ({"pods": "x", "byName": ["y"]}, []),
]


@pytest.mark.parametrize(("value", "shown"), ROWS)
def test_an_embedded_object_says_of_what_kind_it_is(value, shown):
    found = [str(fault) for fault in embedded_faults(value, SCHEMA)]
    assert len(found) == len(shown)
    assert all(map(str.startswith, found, shown))
