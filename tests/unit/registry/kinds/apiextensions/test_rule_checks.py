"""Rules of a definition: each is compiled by the types of its schema before the definition is stored."""

import pytest

from fairlead.registry.kinds.apiextensions.rule_checks import expressions_of, uncompiled_rules

TEXT, NUMBER, LIST = ({"type": type_} for type_ in ("string", "integer", "array"))
ITEM = {"type": "object", "properties": {"name": TEXT, "namespace": TEXT}}
FIELDS = {
    "a": NUMBER,
    "text": TEXT,
    "list": {**LIST, "items": NUMBER},
    "items": {**LIST, "items": ITEM},
    "labels": {"type": "object", "additionalProperties": TEXT},
    "port": {"x-kubernetes-int-or-string": True},
    "when": {"type": "string", "format": "date-time"},
    "wait": {"type": "string", "format": "duration"},
    "raw": {"type": "string", "format": "byte"},
    "free": {"x-kubernetes-preserve-unknown-fields": True},
    "open": {"type": "object", "properties": {"x": TEXT}, "x-kubernetes-preserve-unknown-fields": True},
    "pod": {"type": "object", "x-kubernetes-embedded-resource": True, "properties": {"spec": ITEM}},
    "dashed-name": NUMBER,
}


def schema(*rules):
    spec = {"type": "object", "properties": FIELDS, "x-kubernetes-validations": list(rules)}
    return {"type": "object", "properties": {"spec": spec}}


REFUSED = [
    ({"rule": "self.a =="}, 'rule: Invalid value: "self.a ==": compilation failed: ERROR: Syntax error'),
    ({"rule": "unheard(self.a)"}, "compilation failed: ERROR: undeclared reference to 'unheard'"),
    ({"rule": "size(other.a) > 1"}, "compilation failed: ERROR: undeclared reference to 'other' (in container '')"),
    ({"rule": "self.b > 1"}, "compilation failed: ERROR: <input>:1:5: undefined field 'b'\n | self.b > 1\n | ....^"),
    ({"rule": "has(self.items[0].nam)"}, "undefined field 'nam'"),
    ({"rule": "self.items.all(i, i.nam == 'x')"}, "undefined field 'nam'"),
    ({"rule": "self.items.filter(i, i.name == 'x')[0].nam == ''"}, "undefined field 'nam'"),
    ({"rule": "self.free.x == 1"}, "undefined field 'free'"),
    ({"rule": "self.open.y == 1"}, "undefined field 'y'"),
    ({"rule": "self.pod.metadata.labels.size() == 0"}, "undefined field 'labels'"),
    ({"rule": "self.text > 1"}, "found no matching overload for '_>_' applied to '(string, int)'"),
    ({"rule": "self.when > '2026'"}, "found no matching overload for '_>_' applied to '(google.protobuf.Timestamp, s"),
    ({"rule": "self.labels.all(k, k > 1)"}, "found no matching overload for '_>_' applied to '(string, int)'"),
    ({"rule": "self.a"}, 'rule: Invalid value: "self.a": cel expression must evaluate to a bool'),
    ({"rule": "true", "messageExpression": "self.a"}, "messageExpression must evaluate to a string"),
    ({"rule": "true", "messageExpression": "self.b"}, "messageExpression compilation failed: ERROR: <input>:1:5"),
    ({"rule": "true", "messageExpression": "self.a +"}, "messageExpression compilation failed: ERROR: Syntax error"),
    ({"rule": "self.text.matches('a(')"}, "program instantiation failed: error parsing regexp: missing ): a("),
    ({"rule": "self.labels.all(k, k.find(r'[') == '')"}, "program instantiation failed: error parsing regexp"),
    ({"rule": "true", "messageExpression": "self.text.find('(')"}, "messageExpression program instantiation failed"),
    ({"rule": " "}, "rule: Required value: rule is not specified"),
    ({"rule": "true", "reason": "Odd"}, 'reason: Unsupported value: "Odd"'),
    ({"rule": "true", "message": "two\nlines"}, "message must not contain line breaks"),
    ({"rule": "true", "message": " "}, "message must be non-empty if specified"),
    ({"rule": "true &&\n true"}, "message: Required value: message must be specified if rule contains line breaks"),
    ({"rule": "true", "fieldPath": ".b"}, "fieldPath must be a valid path: does not refer to a valid field"),
    ({"rule": "true", "fieldPath": ".list[0]"}, "fieldPath must be a valid path: "),
    ({"rule": "true", "fieldPath": "a"}, "fieldPath must be a valid path: expected [ or . but got: a"),
]


@pytest.mark.parametrize(("rule", "told"), REFUSED)
def test_a_rule_that_does_not_compile_is_refused(rule, told):
    [fault] = map(str, uncompiled_rules(schema(rule), "schema"))
    assert fault.startswith("schema.properties[spec].x-kubernetes-validations[0].")
    assert told in fault


ACCEPTED = [
    r'''self.text.matches(r"""^(?i)[-a-z/._~%\x60]+$""") && !self.text.matches(self.text + "(")''',
    "self.list.all(x, x > 1) && oldSelf.list.exists(y, y == 2)",
    "self.items.sortBy(i, i.name).map(i, i.name) == ['a']",
    "self.labels.transformMapEntry(k, v, {v: k}).size() == 1",
    "self.labels.filter(k, k.startsWith('a'))[0] == 'ab'",
    "has(self.a) && self.?a.orValue(1) != 2",
    "type(self.port) == string ? self.port.matches('%$') : self.port < 5",
    "self.when > timestamp('2026-01-01T00:00:00Z') && self.when - self.when < self.wait",
    "timestamp(self.when).getFullYear() > 2000 && duration(self.wait) > duration('1s') && self.when != null",
    "self.raw == b'ab' && size(self.raw) == 2",
    "self.open.x == 'y' && self.open != null",
    "self.pod.metadata.name == '' && self.pod.kind == 'Pod' && self.pod.spec.name != ''",
    "self.items.all(i, i.__namespace__ == '') && self.dashed__dash__name == 1",
    "sets.contains([1, 2], self.list) && self.list.sum() > 1",
    "self.items.all(p, self.items.exists_one(q, p.name == q.name))",
    'self.labels.all(key, key.split("/")[0].size() < 253 && key.matches(r"""^[a-z]$"""))',
    "self == oldSelf",
]


@pytest.mark.parametrize("text", ACCEPTED)
def test_rules_that_compile(text):
    assert not list(map(str, uncompiled_rules(schema({"rule": text}), "schema")))


def test_the_value_before_may_be_absent():
    rule = {"rule": "oldSelf.hasValue() || self.a == 1", "optionalOldSelf": True}
    assert not list(uncompiled_rules(schema(rule), "schema"))


KEYED = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]}


@pytest.mark.parametrize("kind", [{}, {"x-kubernetes-list-type": "set"}, KEYED])
def test_a_rule_about_a_change_needs_elements_that_are_told_apart(kind):
    fixed = {**TEXT, "x-kubernetes-validations": [{"rule": "self == oldSelf"}]}
    item = {"type": "object", "properties": {"name": TEXT, "fixed": fixed}}
    found = list(
        map(str, uncompiled_rules({"type": "object", "properties": {"l": {**LIST, "items": item, **kind}}}, "s"))
    )
    within = "oldSelf cannot be used on the uncorrelatable portion of the schema within s.properties[l].items"
    assert [fault.endswith(within) for fault in found] == ([] if kind is KEYED else [True])


def test_an_optional_value_before_must_be_used():
    [fault] = map(str, uncompiled_rules(schema({"rule": "self.a == 1", "optionalOldSelf": True}), "s"))
    assert fault.endswith(".optionalOldSelf: Invalid value: true: may not be set if oldSelf is not used in rule")


def test_rules_of_a_whole_object_know_its_names():
    whole = {"type": "object", "x-kubernetes-validations": [{"rule": "self.metadata.name.size() < 9"}]}
    assert not list(uncompiled_rules(whole, "schema"))
    other = {**whole, "x-kubernetes-validations": [{"rule": "size(self.metadata.labels) < 9"}]}
    assert "undefined field 'labels'" in str(next(uncompiled_rules(other, "schema")))


def test_what_is_stored_is_not_compiled_again():
    stored = schema({"rule": "self.b >", "messageExpression": "self.c"})
    assert list(uncompiled_rules(stored, "schema"))
    assert not list(uncompiled_rules(stored, "schema", frozenset(expressions_of(stored))))
