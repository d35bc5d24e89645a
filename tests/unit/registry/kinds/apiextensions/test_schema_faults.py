"""Schemas that are not structural: what is said of each, in upstream's words, and what is fine."""

import pytest

from fairlead.registry.kinds.apiextensions.schema_faults import schema_faults

TEXT = {"type": "string"}
KEYED = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]}
SET = {"type": "array", "x-kubernetes-list-type": "set"}
EMBEDDED = "x-kubernetes-embedded-resource"


def found(root):
    return sorted(map(str, schema_faults({"type": "object", **root}, "s")))


def of_field(**schema):
    return {"properties": {"f": schema}}


def keyed(**item):
    return of_field(type="array", items={"type": "object", **item}, **KEYED)


F = "s.properties[f]"
FAULTS = [
    (of_field(), f"{F}.type: Required value: must not be empty for specified object fields"),
    (of_field(type="array", items={}), f"{F}.items.type: Required value: must not be empty for specified array items"),
    (of_field(type="array"), f"{F}.items: Required value: must be specified"),
    (
        of_field(type="array", items=TEXT, uniqueItems=True),
        f"{F}.uniqueItems: Forbidden: uniqueItems cannot be set to true since the runtime complexity becomes quadratic",
    ),
    (
        of_field(type="string", **{"x-kubernetes-list-type": "set"}),
        f'{F}.type: Invalid value: "string": must be array if x-kubernetes-list-type is specified',
    ),
    (
        of_field(type="string", **{"x-kubernetes-map-type": "atomic"}),
        f'{F}.type: Invalid value: "string": must be object if x-kubernetes-map-type is specified',
    ),
    (
        of_field(type="object", **{"x-kubernetes-map-type": "loose"}),
        f'{F}.x-kubernetes-map-type: Unsupported value: "loose": supported values: "atomic", "granular"',
    ),
    (
        of_field(type="array", items=TEXT, **{"x-kubernetes-list-map-keys": ["a"]}),
        f"{F}.x-kubernetes-list-type: Required value: must be map if x-kubernetes-list-map-keys is non-empty",
    ),
    (
        keyed(properties={"name": TEXT}),
        f"{F}.items.properties[name].default: Required value: this property is in x-kubernetes-list-map-keys, so it",
    ),
    (
        keyed(properties={"name": {"type": "object"}}, required=["name"]),
        f'{F}.items.properties[name].type: Invalid value: "object": must be a scalar type if parent array\'s',
    ),
    (
        keyed(properties={"other": TEXT}),
        f'{F}.x-kubernetes-list-map-keys: Invalid value: ["name"]: entries must all be names of item properties',
    ),
    (
        of_field(type="array", items=TEXT, **KEYED),
        f'{F}.items.type: Invalid value: "string": must be object if parent array\'s x-kubernetes-list-type is map',
    ),
    (
        of_field(**SET, items={"type": "object"}),
        f"{F}.items.x-kubernetes-map-type: Invalid value: null: must be atomic as item of a list with",
    ),
    (
        of_field(**SET, items={**TEXT, "nullable": True}),
        f"{F}.items.nullable: Forbidden: cannot be nullable when x-kubernetes-list-type is set",
    ),
    (
        of_field(type="string", anyOf=[{"type": "string"}]),
        f"{F}.anyOf[0].type: Forbidden: must be empty to be structural",
    ),
    (
        of_field(type="object", properties={"g": TEXT}, oneOf=[{"properties": {"g": {"default": "x"}}}]),
        f"{F}.oneOf[0].properties[g].default: Forbidden: must be undefined to be structural",
    ),
    (
        of_field(type="array", items=TEXT, allOf=[{"not": {"items": {"nullable": True}}}]),
        f"{F}.allOf[0].not.items.nullable: Forbidden: must be false to be structural",
    ),
    (
        of_field(type="object", **{"not": {"properties": {"metadata": {"minLength": 1}}}}),
        f"{F}.not.properties[metadata]: Forbidden: must not be specified in a nested context",
    ),
    (
        {"anyOf": [{"required": ["f"], "properties": {"f": {"minLength": 1}}}]},
        f"{F}: Required value: because it is defined in s.anyOf[0].properties[f]",
    ),
    (
        {**of_field(type="object"), "not": {"properties": {"f": {"properties": {"g": {"enum": [1]}}}}}},
        f"{F}.properties[g]: Required value: because it is defined in s.not.properties[f].properties[g]",
    ),
    ({"additionalProperties": TEXT}, "s.additionalProperties: Forbidden: must not be used at the root"),
    ({"nullable": True}, "s.nullable: Forbidden: nullable cannot be true at the root"),
    (
        {"properties": {"kind": {"type": "integer"}}},
        's.properties[kind].type: Invalid value: "integer": must be string',
    ),
    (
        {"properties": {"metadata": {"type": "object", "properties": {"labels": {"type": "object"}}}}},
        "s.properties[metadata]: Forbidden: must not specify anything other than name and generateName, but metadata",
    ),
    (
        of_field(type="object", **{EMBEDDED: True}),
        f"{F}.properties: Required value: must not be empty if {EMBEDDED} is true without",
    ),
    (of_field(**{EMBEDDED: True}), f"{F}.type: Required value: must be object if {EMBEDDED} is true"),
    (
        of_field(**{"x-kubernetes-int-or-string": True, "x-kubernetes-preserve-unknown-fields": True}),
        f"{F}.x-kubernetes-preserve-unknown-fields: Invalid value: true: must be false if x-kubernetes-int-or-string",
    ),
]


@pytest.mark.parametrize(("schema", "told"), FAULTS)
def test_a_fault_is_told_with_its_path(schema, told):
    assert [fault for fault in found(schema) if fault.startswith(told)], found(schema)


TWO_TYPES = [{"type": "integer"}, {"type": "string"}]
SOUND = [
    of_field(anyOf=TWO_TYPES, **{"x-kubernetes-int-or-string": True}),
    of_field(allOf=[{"anyOf": TWO_TYPES}, {"pattern": "^1"}], **{"x-kubernetes-int-or-string": True}),
    of_field(
        type="object",
        properties={"type": TEXT, "value": TEXT},
        oneOf=[
            {"properties": {"type": {"enum": ["IP"]}, "value": {"anyOf": [{"format": "ipv4"}, {"format": "ipv6"}]}}},
            {"properties": {"type": {"not": {"enum": ["IP"]}}}},
        ],
    ),
    {"properties": {"metadata": {"type": "object", "properties": {"name": {**TEXT, "maxLength": 9}}}}},
    of_field(**SET, items={"type": "object", "x-kubernetes-map-type": "atomic"}),
    keyed(properties={"name": {**TEXT, "default": "x"}}),
    of_field(type="object", **{EMBEDDED: True, "x-kubernetes-preserve-unknown-fields": True}),
]


@pytest.mark.parametrize("schema", SOUND)
def test_structural_schemas_have_no_fault(schema):
    assert found(schema) == []


def test_rules_are_not_compiled_of_a_schema_with_other_faults():
    wrong = {**of_field(type="object", anyOf=[{"type": "x"}]), "x-kubernetes-validations": [{"rule": "self.gone"}]}
    assert found(wrong) == [f"{F}.anyOf[0].type: Forbidden: must be empty to be structural"]
