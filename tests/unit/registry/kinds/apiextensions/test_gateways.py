"""Definitions with all that those of a large project have, in a small one: two kinds of an ingress of our own.

Defaults below defaults, keyed lists, sets, formats, integers or strings, rules with raw strings and old values, a
status with defaults of its own, columns by JSON paths with filters, and a group that is protected.
"""

import json

import pytest

from tests.support.api_world import ApiWorld

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
GROUP = "doors.fairlead.k8s.io"
DOORS, WAYS = f"/apis/{GROUP}/v1/doors", f"/apis/{GROUP}/v1/namespaces/default/ways"
APPLY, MERGE = ({"content_type": f"application/{kind}"} for kind in ("apply-patch+yaml", "merge-patch+json"))
TEXT, TRUTH = {"type": "string"}, {"type": "boolean"}


def told(rules):
    return (
        {"x-kubernetes-validations": [{"rule": rule, "message": message} for rule, message in rules]} if rules else {}
    )


def object_(required=(), rules=(), /, **properties):
    needed = {"required": list(required)} if required else {}
    return {"type": "object", "properties": properties, **needed, **told(rules)}


def list_(items, keys=(), rules=(), **more):
    kind = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": list(keys)} if keys else {}
    return {"type": "array", "items": items, **kind, **told(rules), **more}


CONDITION = object_(
    ("type", "status"),
    type={**TEXT, "maxLength": 316, "pattern": r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?/)?[A-Za-z0-9.]+$"},
    status={**TEXT, "enum": ["True", "False", "Unknown"]},
    reason=TEXT,
    lastTransitionTime={**TEXT, "format": "date-time"},
)
PENDING = {"type": "Open", "status": "Unknown", "reason": "Pending", "lastTransitionTime": "1970-01-01T00:00:00Z"}
STATUS = {**object_(conditions=list_(CONDITION, ["type"], maxItems=8)), "default": {"conditions": [PENDING]}}
LEAF = object_(
    ("name", "port"),
    [("!has(self.lock) || self.kind == 'Locked'", "a lock is for the kind Locked")],
    name={**TEXT, "minLength": 1, "format": "k8s-short-name"},
    port={"type": "integer", "format": "int32", "minimum": 1, "maximum": 65535},
    kind={**TEXT, "enum": ["Locked", "Plain"], "default": "Plain"},
    lock=object_(options={"type": "object", "additionalProperties": TEXT, "maxProperties": 2}),
    addresses={**list_({**TEXT, "format": "ipv4"}), "x-kubernetes-list-type": "set"},
)
LEAVES = list_(
    LEAF,
    ["name"],
    [
        (
            "self.all(a, self.exists_one(b, a.port == b.port && a.kind == b.kind))",
            "port and kind must be unique together",
        ),
        ("self.all(a, a.name in oldSelf.map(b, b.name) || self.size() > oldSelf.size())", "leaves are not renamed"),
    ],
    maxItems=16,
)
DOOR = object_(
    ("spec",),
    spec=object_(
        ("keeper", "leaves"),
        keeper={**TEXT, "x-kubernetes-validations": [{"rule": "self == oldSelf", "message": "Value is immutable"}]},
        leaves=LEAVES,
    ),
    status=STATUS,
)
PATH = {
    **object_(
        (),
        [
            (
                "self.type in ['Exact', 'Prefix'] ? self.value.startsWith('/') && !self.value.contains('//') : true",
                "must be an absolute path",
            ),
            (
                r"""self.type == 'Exact' ? self.value.matches(r'^(?i)[-a-z0-9/._~%]+$') : true""",
                "must only contain characters of paths",
            ),
        ],
        type={**TEXT, "enum": ["Exact", "Prefix", "Pattern"], "default": "Prefix"},
        value={**TEXT, "default": "/", "maxLength": 64},
    ),
    "default": {"type": "Prefix", "value": "/"},
}
TARGET = object_(
    ("name",),
    [("size(self.group) == 0 && self.kind == 'Service' ? has(self.port) : true", "a Service needs a port")],
    group={**TEXT, "default": "", "maxLength": 253},
    kind={**TEXT, "default": "Service"},
    name=TEXT,
    port={"x-kubernetes-int-or-string": True, "anyOf": [{"type": "integer"}, {"type": "string"}]},
    weight={"type": "integer", "default": 1, "minimum": 0},
    wait={**TEXT, "pattern": r"^([0-9]{1,5}(h|m|s|ms)){1,4}$"},
)
RULE = object_(
    (),
    [
        (
            "!has(self.wait) || !has(self.waitEach) || duration(self.waitEach) <= duration(self.wait)",
            "waitEach must not be longer than wait",
        )
    ],
    matches={**list_(object_(path=PATH), maxItems=4), "default": [{"path": {"type": "Prefix", "value": "/"}}]},
    targets=list_(TARGET),
    wait={**TEXT, "format": "duration"},
    waitEach={**TEXT, "format": "duration"},
)
WAY = object_(
    spec=object_(
        names={**list_({**TEXT, "minLength": 1, "maxLength": 253}), "x-kubernetes-list-type": "set"},
        rules={**list_(RULE), "default": [{"matches": [{"path": {"type": "Prefix", "value": "/"}}]}]},
    ),
    status=STATUS,
)
READY = '.status.conditions[?(@.type=="Open")].status'


def definition(kind, schema, scope, columns, **annotations):
    plural = f"{kind.lower()}s"
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
        "subresources": {"status": {}},
        "additionalPrinterColumns": columns,
    }
    return {
        "metadata": {"name": f"{plural}.{GROUP}", "annotations": annotations},
        "spec": {
            "group": GROUP,
            "scope": scope,
            "versions": [version],
            "names": {"plural": plural, "kind": kind, "categories": ["fairlead-api"], "shortNames": [kind[:2].lower()]},
        },
    }


APPROVED = {"api-approved.kubernetes.io": "https://github.com/example/doors/pull/1"}
COLUMNS = [
    {"name": "Open", "type": "string", "jsonPath": READY},
    {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
]
DEFINITIONS = [
    definition("Door", DOOR, "Cluster", COLUMNS, **APPROVED),
    definition("Way", WAY, "Namespaced", COLUMNS, **APPROVED),
]


@pytest.fixture
def world():
    world = ApiWorld()
    for each in DEFINITIONS:
        world.do("POST", CRDS, each)
    return world


def door(*leaves, keeper="k"):
    spec = {"keeper": keeper, "leaves": list(leaves)}
    return {"apiVersion": f"{GROUP}/v1", "kind": "Door", "metadata": {"name": "d"}, "spec": spec}


def leaf(name="a", port=80, **more):
    return {"name": name, "port": port, **more}


def way(*rules, **spec):
    given = {"rules": list(rules)} if rules else {}
    return {"apiVersion": f"{GROUP}/v1", "kind": "Way", "metadata": {"name": "w"}, "spec": {**given, **spec}}


def at(**path):
    return {"matches": [{"path": path}]}


def to(**target):
    return {"targets": [{"name": "s", **target}]}


def test_a_protected_group_needs_an_approval():
    bare = definition("Door", DOOR, "Cluster", COLUMNS)
    assert "protected groups must have approval annotation" in ApiWorld().refused("POST", CRDS, bare)["message"]


def test_defaults_below_defaults_are_filled_in(world):
    made = world.do("POST", WAYS, way())
    assert made["spec"] == {"rules": [{"matches": [{"path": {"type": "Prefix", "value": "/"}}]}]}
    assert made["status"] == {"conditions": [PENDING]}
    world.do("DELETE", f"{WAYS}/w")
    made = world.do("POST", WAYS, way({"matches": [{}], **to(port="http")}))
    target = {"name": "s", "group": "", "kind": "Service", "port": "http", "weight": 1}
    assert made["spec"]["rules"] == [{"matches": [{"path": {"type": "Prefix", "value": "/"}}], "targets": [target]}]


REFUSED = [
    (DOORS, door(leaf(), leaf("b")), "port and kind must be unique together"),
    (DOORS, door(leaf(lock={})), "a lock is for the kind Locked"),
    (DOORS, door(leaf(kind="Locked", lock={"options": {"a": "1", "b": "2", "c": "3"}})), "must have at most 2 items"),
    (DOORS, door(leaf(), leaf()), 'spec.leaves[1]: Duplicate value: {"name":"a"}'),
    (DOORS, door(leaf("A b")), "must be of type k8s-short-name"),
    (DOORS, door(leaf(port=70000)), "should be less than or equal to 65535"),
    (DOORS, door(leaf(port="80")), 'must be of type integer: "string"'),
    (DOORS, door(leaf(addresses=["10.0.0.1", "10.0.0.1"])), 'addresses[1]: Duplicate value: "10.0.0.1"'),
    (DOORS, door(leaf(addresses=["x"])), "must be of type ipv4"),
    (DOORS, door(keeper=1), 'must be of type string: "integer"'),
    (DOORS, {**door(), "spec": {}}, "spec.keeper: Required value"),
    (WAYS, way(at(value="x")), "must be an absolute path"),
    (WAYS, way(at(value="/a//b")), "must be an absolute path"),
    (WAYS, way(at(type="Exact", value="/a b")), "must only contain characters of paths"),
    (WAYS, way(at(type="Odd")), 'type: Unsupported value: "Odd"'),
    (WAYS, way(to()), "a Service needs a port"),
    (WAYS, way(to(port=True)), 'must be of type integer,string: "boolean"'),
    (WAYS, way(to(port=1, wait="5 days")), "should match '^([0-9]{1,5}(h|m|s|ms)){1,4}$'"),
    (WAYS, way({"wait": "1s", "waitEach": "1m"}), "waitEach must not be longer than wait"),
    (WAYS, way({"wait": "soon"}), "must be of type duration"),
    (WAYS, way(names=["a", "a"]), "spec.names[1]: Duplicate value"),
]


@pytest.mark.parametrize(("url", "document", "why"), REFUSED)
def test_what_is_wrong_is_refused(world, url, document, why):
    assert why in world.refused("POST", url, document)["message"]


def test_what_is_right_is_taken(world):
    exact = {**at(type="Exact", value="/A%20b"), **to(port=80), "wait": "1m", "waitEach": "500ms"}
    made = world.do("POST", WAYS, way(exact, to(group="g", kind="Other"), names=["a", "b"]))
    assert made["metadata"]["generation"] == 1


def test_old_values_count(world):
    world.do("POST", DOORS, door(leaf()))
    assert "Value is immutable" in world.refused("PATCH", f"{DOORS}/d", {"spec": {"keeper": "l"}}, **MERGE)["message"]
    renamed = {"spec": {"leaves": [leaf("b")]}}
    assert "leaves are not renamed" in world.refused("PATCH", f"{DOORS}/d", renamed, **MERGE)["message"]
    world.do("PATCH", f"{DOORS}/d", {"spec": {"leaves": [leaf(), leaf("b", 81)]}}, **MERGE)


def test_two_managers_share_the_leaves_and_a_controller_has_the_status(world):
    for manager, each in (("one", leaf()), ("two", leaf("b", 81))):
        made = world.do("PATCH", f"{DOORS}/d?fieldManager={manager}", door(each), **APPLY)
    assert [each["name"] for each in made["spec"]["leaves"]] == ["a", "b"]
    opened = {**PENDING, "status": "True"}
    status = {**door(), "spec": made["spec"], "status": {"conditions": [opened]}}
    path = f"{DOORS}/d/status?fieldManager=keeper"
    shown = world.do("PATCH", path, {key: status[key] for key in ("apiVersion", "kind", "metadata", "status")}, **APPLY)
    assert shown["status"]["conditions"] == [opened]
    assert shown["metadata"]["generation"] == made["metadata"]["generation"] == 2
    gone = world.do("PATCH", f"{DOORS}/d?fieldManager=two", door(), **APPLY)
    assert [each["name"] for each in gone["spec"]["leaves"]] == ["a"]


def test_the_table_finds_what_a_path_with_a_filter_says(world):
    world.do("POST", DOORS, door(leaf()))
    table = json.loads(world.ask("GET", DOORS, accept="application/json;as=Table;g=meta.k8s.io;v=v1").body)
    assert [column["name"] for column in table["columnDefinitions"]] == ["Name", "Open", "Age"]
    assert table["rows"][0]["cells"][:2] == ["d", "Unknown"]
