"""Definitions with all that those of a large project have (``tests.support.gateway_definitions``), in use."""

import json

import pytest

from tests.support.api_world import ApiWorld
from tests.support.gateway_definitions import COLUMNS, DEFINITIONS, DOOR, GROUP, PENDING, definition

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
DOORS, WAYS = f"/apis/{GROUP}/v1/doors", f"/apis/{GROUP}/v1/namespaces/default/ways"
APPLY, MERGE = ({"content_type": f"application/{kind}"} for kind in ("apply-patch+yaml", "merge-patch+json"))


def begun():
    world = ApiWorld()
    for each in DEFINITIONS:
        world.do("POST", CRDS, each)
    return world


@pytest.fixture
def world():
    return begun()


@pytest.fixture(scope="module")
def refusing():
    """A world for requests that are refused: they change nothing."""
    return begun()


def door(*leaves, keeper="k", name="d", **more):
    spec = {"keeper": keeper, "leaves": list(leaves), **more}
    return {"apiVersion": f"{GROUP}/v1", "kind": "Door", "metadata": {"name": name}, "spec": spec}


def leaf(name="a", port=80, **more):
    return {"name": name, "port": port, **more}


def way(*rules, **spec):
    given = {"rules": list(rules)} if rules else {}
    return {"apiVersion": f"{GROUP}/v1", "kind": "Way", "metadata": {"name": "w"}, "spec": {**given, **spec}}


def at(**path):
    return {"matches": [{"path": path}]}


def to(**target):
    return {"targets": [{"name": "s", **target}]}


def mirror(**how):
    return {"type": "Mirror", "mirror": how}


def redirect(code):
    return {"type": "Redirect", "redirect": {"code": code}}


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
    (DOORS, door(leaf(port=2**31)), "Checked value must be of type integer with format int32 in spec.leaves[0].port"),
    (WAYS, way(to(weight=2**63)), "Checked value must be of type integer (default format) in spec.rules[0].targets[0]"),
    (DOORS, door(leaf(port=True)), 'spec.leaves[0].port in body must be of type int32: ""'),
    (DOORS, door(opens=5), 'spec.opens in body must be of type date-time: "int64"'),
    (DOORS, door(opens=None, keeper=[]), 'spec.keeper in body must be of type string: "array"'),
    (DOORS, door(leaf(addresses=["10.0.0.1", "10.0.0.1"])), 'addresses[1]: Duplicate value: "10.0.0.1"'),
    (DOORS, door(leaf(addresses=["x"])), "must be of type ipv4"),
    (DOORS, door(keeper=1), 'must be of type string: "integer"'),
    (DOORS, {**door(), "spec": {}}, "spec.keeper: Required value"),
    (DOORS, door(name="d1"), "metadata.name in body should match '^[a-z]+$'"),
    (DOORS, door(name="d" * 13), "metadata.name: Too long: may not be more than 12"),
    (DOORS, door(addresses=[{"value": "here"}]), '"spec.addresses[0]" must validate one and only one schema (oneOf)'),
    (DOORS, door(addresses=[{"type": "Name", "value": "?"}]), "a name must be a host name"),
    (DOORS, door(addresses=[{"value": "10.0.0.1"}] * 2), "addresses must be unique"),
    (DOORS, door(notes={"a b": ""}), "keys must be qualified names"),
    (DOORS, door(notes={"much.too.long.example.com/a": ""}), "the prefix of a key must be short"),
    (
        DOORS,
        door(opens="2026-01-01T08:00:00Z", closes="2026-01-01T09:30:00+01:00"),
        'spec.closes: Invalid value: "object": closes before 2026-01-01T09:00:00Z',
    ),
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
    (WAYS, way(to(port="none")), "a port needs a name or a number"),
    (WAYS, way(to(port=0)), "a port needs a name or a number"),
    (WAYS, way(*[{"matches": [{}] * 4}] * 6), "at most 20 matches"),
    (WAYS, way({"filters": [{"type": "Mirror"}]}), "the type Mirror needs a mirror"),
    (WAYS, way({"filters": [{"type": "Rewrite", "mirror": {}}]}), "mirror is for the type Mirror"),
    (WAYS, way({"filters": [{"type": "Redirect"}, {"type": "Rewrite"}]}), "either a redirect or a rewrite"),
    (WAYS, way({"filters": [{"type": "Redirect"}] * 2}), "at most one redirect"),
    (WAYS, way({"filters": [mirror(part={"of": 101})]}), "a part is not larger than the whole"),
    (WAYS, way({"filters": [mirror(percent=1, part={"of": 1})]}), "either a percentage or a part"),
    (WAYS, way({"filters": [redirect(303)]}), 'supported values: "301", "302"'),
    (WAYS, way({"filters": [redirect(301)], **to(port=1)}), "a redirect has no targets"),
    (WAYS, way(parents=[{"name": "p"}, {"name": "p", "section": "a"}]), "sections of all"),
    (WAYS, way(parents=[{"name": "p", "namespace": "n"}] * 2), "parents must differ"),
    (WAYS, way(hosts=["10.0.0.1"]), "hosts are not addresses"),
    (WAYS, way(hosts=["a.*"]), "wild"),
    (WAYS, way(hosts=["a", "*.all"]), "no other hosts than all"),
]


@pytest.mark.parametrize(("url", "document", "why"), REFUSED)
def test_what_is_wrong_is_refused(refusing, url, document, why):
    assert why in refusing.refused("POST", url, document)["message"]


def test_what_is_right_is_taken(world):
    exact = {**at(type="Exact", value="/A%20b"), **to(port=80), "wait": "1m", "waitEach": "500ms"}
    made = world.do("POST", WAYS, way(exact, to(group="g", kind="Other"), names=["a", "b"]))
    assert made["metadata"]["generation"] == 1


def test_as_many_parents_hosts_and_matches_as_the_schema_allows_are_taken(world):
    parents = [{"name": "p", "namespace": "n", "section": f"s{number}"} for number in range(16)]
    rules = [{"filters": [mirror(part={"of": 1}), {"type": "Redirect", "redirect": {}, "headers": ["a", "b", "c"]}]}]
    made = world.do("POST", WAYS, way(*rules * 16, parents=parents, hosts=[f"h{number}" for number in range(1024)]))
    first, second = made["spec"]["rules"][0]["filters"]
    assert (first["mirror"]["part"]["among"], second["redirect"]["code"]) == (100, 302)


def test_alternatives_times_and_keys_of_maps_that_are_right_are_taken(world):
    day = {"opens": "2026-01-01T08:00:00Z", "closes": "2026-01-01T10:00:00+01:00"}
    addresses = [
        {"value": "10.0.0.1"},
        {"value": "fd00::1"},
        {"type": "Name", "value": "*.a.b"},
        {"type": "a/b"},
    ]
    made = world.do("POST", DOORS, door(addresses=addresses, notes={"example.com/note": "x", "plain": ""}, **day))
    assert [each["type"] for each in made["spec"]["addresses"]] == ["IP", "IP", "Name", "a/b"]


def test_a_value_before_that_need_not_be_there(world):
    world.do("POST", DOORS, door(opens="2026-01-01T08:00:00Z"))
    told = world.refused("PATCH", f"{DOORS}/d", {"spec": {"keeper": "l"}}, **MERGE)["message"]
    assert "spec: Forbidden: keepers do not change by day" in told


def test_an_element_is_found_by_several_keys(world):
    world.do("POST", DOORS, door())
    for manager, house, seen in (("one", "a", True), ("two", "b", False), ("one", "a", False)):
        status = {"guards": [{"name": "g", "house": house, "seen": seen}]}
        given = {"apiVersion": f"{GROUP}/v1", "kind": "Door", "metadata": {"name": "d"}, "status": status}
        made = world.do("PATCH", f"{DOORS}/d/status?fieldManager={manager}", given, **APPLY)
    assert [(each["house"], each["seen"]) for each in made["status"]["guards"]] == [("a", False), ("b", False)]


def test_an_atomic_map_is_replaced_as_a_whole(world):
    for manager in ("one", "two"):
        path = f"{DOORS}/d?fieldManager={manager}&force=true"
        made = world.do("PATCH", path, door(chosen={"matchLabels": {manager: "x"}}), **APPLY)
    assert made["spec"]["chosen"] == {"matchLabels": {"two": "x"}}


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
    world.do("POST", DOORS, door(leaf(), addresses=[{"value": "10.0.0.1"}, {"value": "10.0.0.2"}]))
    table = json.loads(world.ask("GET", DOORS, accept="application/json;as=Table;g=meta.k8s.io;v=v1").body)
    assert [column["name"] for column in table["columnDefinitions"]] == ["Name", "Address", "Open", "Age"]
    assert table["rows"][0]["cells"][:3] == ["d", "10.0.0.1 10.0.0.2", "Unknown"]
