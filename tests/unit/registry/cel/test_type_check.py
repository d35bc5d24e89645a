"""Expressions held against types: what is refused, at which place, and what can be anything."""

import pytest

from fairlead.registry.cel.expressions import type_faults

DEPLOYMENT = "io.k8s.api.apps.v1.Deployment", "Deployment"
TYPES = {"object": DEPLOYMENT, "oldObject": DEPLOYMENT}
VARIABLES = [("count", "object.spec.replicas"), ("twice", "variables.count * 2"), ("broken", "object.(")]

FAULTY = [
    ("object.replicas > 1", "1:7", "undefined field 'replicas'"),
    ("has(object.spec.foo)", "1:16", "undefined field 'foo'"),
    ("object.spec.?foo.hasValue()", "1:12", "undefined field 'foo'"),
    ("size(object.spec.foo) > 0", "1:17", "undefined field 'foo'"),
    ("variables.other", "1:10", "undefined field 'other'"),
    ("object.spec.template.spec.containers.all(c, c.img != '')", "1:46", "undefined field 'img'"),
    (
        "object.spec.template.spec.containers.map(c, c.ports)[0].name",
        "1:56",
        "type '* does not support field selection",
    ),
    ("object.metadata.name.foo", "1:21", "type 'string' does not support field selection"),
    ("object.spec.replicas > '0'", "1:22", "overload for '_>_' applied to '(int, string)'"),
    ("variables.twice == 'x'", "1:17", "overload for '_==_' applied to '(int, string)'"),
    ("object.spec.replicas == null", "1:22", "overload for '_==_' applied to '(int, null)'"),
    ("object.spec.replicas\n  in ['a']", "2:3", "overload for '@in' applied to '(int, list(string))'"),
    ("!object.spec.replicas", "1:1", "overload for '!_' applied to '(int)'"),
    ("-object.metadata.name", "1:1", "overload for '-_' applied to '(string)'"),
    ("'a' + 1 == 'a1'", "1:5", "overload for '_+_' applied to '(string, int)'"),
    ("object.spec.paused || 1", "1:20", "overload for '_||_' applied to '(bool, int)'"),
    ("object.spec.paused ? 1 : 'a'", "1:20", "overload for '_?_:_' applied to '(bool, int, string)'"),
    ("object.metadata.labels[1]", "1:23", "overload for '_[_]' applied to '(map(string, string), int)'"),
    ("object.spec.replicas.startsWith('a')", "1:32", "overload for 'startsWith' applied to 'int.(string)'"),
    ("object.metadata.name.startsWith()", "1:32", "overload for 'startsWith' applied to 'string.()'"),
    ("{'a': 1}['a'] == 'b'", "1:15", "overload for '_==_' applied to '(int, string)'"),
]


@pytest.mark.parametrize(("text", "place", "told"), FAULTY)
def test_faults(text, place, told):
    found = type_faults(text, TYPES, VARIABLES)
    head, _, sign = found.partition("\n | ")
    begin, end = told.split("*") if "*" in told else (told, "")
    assert head.startswith(f"ERROR: <input>:{place}: ")
    assert begin in head
    assert head.endswith(end)
    line, column = (int(part) for part in place.split(":"))
    assert sign == f"{text.splitlines()[line - 1]}\n | {'.' * (column - 1)}^"


SOUND = [
    "object.spec.replicas <= 5 && object.metadata.labels['a'] == 'b'",
    "object.spec.replicas < 3.5 && [1, 2] + [3] == [1, 2, 3]",
    "object == null || oldObject.spec != null",
    "object.spec.template.spec.containers[0].resources.limits.cpu == '1'",
    "object.metadata.?labels.orValue({}).size() > 0",
    "object.spec.template.spec.containers.filter(c, c.name == 'a').size() == 1",
    "object.metadata.annotations.all(k, v, k == v)",
    "object.metadata.creationTimestamp == '2026-01-01T00:00:00Z'",
    "authorizer.group('').resource('pods').check('get').allowed() && request.operation == 'CREATE'",
    "variables.broken == 1 && variables.broken == 'x'",
    "'a' in object.metadata.labels && -object.spec.replicas < 0",
    "string(object.spec.replicas).size() > 1 ? object.spec.paused : dyn(1)",
    "params.whatever.there == 'is'",
]


@pytest.mark.parametrize("text", SOUND)
def test_possibly_correct_expressions_have_no_fault(text):
    assert type_faults(text, TYPES, VARIABLES) == ""


def test_all_faults_are_listed_in_the_order_of_their_fields():
    found = type_faults("object.b == 1 || object.a == 2", TYPES, [])
    assert [line for line in found.splitlines() if line.startswith("ERROR")] == [
        "ERROR: <input>:1:7: undefined field 'b'",
        "ERROR: <input>:1:24: undefined field 'a'",
    ]
