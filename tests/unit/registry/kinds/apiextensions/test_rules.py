"""Rules in CEL: what they find, when they are asked, and that none of them holds the server up."""

import pytest

from fairlead.registry.kinds.apiextensions.rules import rule_faults


def schema(*rules, **fields):
    spec = {"type": "object", "properties": fields, "x-kubernetes-validations": list(rules)}
    return {"type": "object", "properties": {"spec": spec}}


def faults(schema_, new, old=None):
    return [str(fault) for fault in rule_faults(schema_, {"spec": new}, None if old is None else {"spec": old})]


ROWS = [
    ("self.min <= self.max", {"min": 1, "max": 2}, True),
    ("self.min <= self.max", {"min": 3, "max": 2}, False),
    ("!has(self.a) || self.a.startsWith('x')", {}, True),
    ("!has(self.a) || self.a.startsWith('x')", {"a": "y"}, False),
    ("self.names.all(n, n.matches('^[a-z]+$'))", {"names": ["ab", "c"]}, True),
    ("self.names.all(n, n.matches('^[a-z]+$'))", {"names": ["ab", "C"]}, False),
    ("self.items.exists_one(i, i.default)", {"items": [{"default": True}, {"default": False}]}, True),
    ("size(self.names) > 0 ? self.names[0] == 'a' : true", {"names": []}, True),
    ("self.names.filter(n, n == 'a').size() == 1", {"names": ["a", "b"]}, True),
    ("'a' in self.labels", {"labels": {"a": "b"}}, True),
    ("self.kind in ['x', 'y']", {"kind": "z"}, False),
    ("duration(self.wait) >= duration('1s')", {"wait": "500ms"}, False),
    ("self.__namespace__ == 'x' && self.a__dash__b == 1", {"namespace": "x", "a-b": 1}, True),
    ("self.name.lowerAscii().split('-').join('') == 'ab'", {"name": "A-B"}, True),
    ("self.counts.sum() == 6 && self.counts.isSorted()", {"counts": [1, 2, 3]}, True),
    ("isIP(self.ip) && !isCIDR(self.ip + '/99')", {"ip": "10.0.0.1"}, True),
]


@pytest.mark.parametrize(("rule", "spec", "holds"), ROWS)
def test_rules(rule, spec, holds):
    assert (faults(schema({"rule": rule}), spec) == []) == holds


def test_the_message_is_the_rules_own():
    plain = {"rule": "self.a > 1", "message": "a must be more than 1"}
    assert faults(schema(plain), {"a": 1}) == ['spec: Invalid value: "object": a must be more than 1']
    assert faults(schema({"rule": "self.a > 1"}), {"a": 1}) == [
        'spec: Invalid value: "object": failed rule: self.a > 1'
    ]
    told = {"rule": "self.a > 1", "messageExpression": "'a is ' + string(self.a)", "fieldPath": ".a"}
    assert faults(schema(told), {"a": 1}) == ['spec.a: Invalid value: "object": a is 1']
    held = {"rule": "self.a > 1", "message": "no", "reason": "FieldValueForbidden"}
    assert faults(schema(held), {"a": 1}) == ["spec: Forbidden: no"]


UNUSABLE = ["''", "' '", "'two\\nlines'", "self.missing", "'long'.split('').map(x, '0123456789' + self.padding).join()"]


@pytest.mark.parametrize("expression", UNUSABLE)
def test_the_plain_message_stands_in_for_an_unusable_one(expression):
    told = {"rule": "false", "message": "plain", "messageExpression": expression}
    assert faults(schema(told), {"padding": "x" * 2000}) == ['spec: Invalid value: "object": plain']


TYPED = {
    "when": {"type": "string", "format": "date-time"},
    "day": {"type": "string", "format": "date"},
    "wait": {"type": "string", "format": "duration"},
    "data": {"type": "string", "format": "byte"},
    "ratio": {"type": "number"},
    "labels": {"type": "object", "additionalProperties": {"type": "string"}},
    "in-steps": {"type": "array", "items": {"type": "string", "format": "duration"}},
}
BY_TYPE = [
    ("self.when > timestamp('2026-01-01T00:00:00Z')", {"when": "2026-02-01T00:00:00+01:00"}, True),
    ("timestamp(self.when).getFullYear() == 2026", {"when": "2026-02-01T00:00:00Z"}, True),
    ("self.when - self.when == duration('0s')", {"when": "2026-02-01T00:00:00Z"}, True),
    ("self.day.getMonth() == 1", {"day": "2026-02-01"}, True),
    ("self.wait < duration('1m')", {"wait": "1h"}, False),
    ("duration(self.wait) < duration('1m')", {"wait": "1s"}, True),
    ("self.wait < duration('1m')", {"wait": "3 parsecs"}, False),
    ("self.data == b'ab'", {"data": "YWI="}, True),
    ("self.ratio / 2.0 == 0.5", {"ratio": 1}, True),
    ("self.labels.all(k, k.matches('^[a-z./-]+$'))", {"labels": {"a.b/c-d": "x"}}, True),
    ("self.labels['a.b/c-d'] == 'x' && 'a.b/c-d' in self.labels", {"labels": {"a.b/c-d": "x"}}, True),
    ("self.in__dash__steps.all(s, s > duration('1s'))", {"in-steps": ["2s", "1h30m"]}, True),
]


@pytest.mark.parametrize(("rule", "spec", "holds"), BY_TYPE)
def test_values_have_the_types_of_their_schema(rule, spec, holds):
    assert (faults(schema({"rule": rule}, **TYPED), spec) == []) == holds


def test_an_optional_value_before_lets_a_rule_be_asked_at_creation():
    rule = "!oldSelf.hasValue() || oldSelf.value().a <= self.a"
    growing = schema({"rule": rule, "optionalOldSelf": True, "message": "a only grows"})
    assert faults(growing, {"a": 1}) == []
    assert faults(growing, {"a": 2}, {"a": 1}) == []
    assert faults(growing, {"a": 1}, {"a": 2}) == ['spec: Invalid value: "object": a only grows']
    first = schema({"rule": "oldSelf.orValue({'a': 1}).a == 1", "optionalOldSelf": True, "message": "begin with 1"})
    assert faults(first, {"a": 5}) == []
    assert faults(first, {"a": 5}, {"a": 2}) == ['spec: Invalid value: "object": begin with 1']


PATHS = [
    (".ports.http", "spec.ports.http"),
    (".labels['a.b']", "spec.labels[a.b]"),
    ("['ports'].http", "spec.ports.http"),
    (".gone", "spec.gone"),  # of a definition that was stored before paths were checked
]


@pytest.mark.parametrize(("given", "shown"), PATHS)
def test_a_fault_names_the_field_that_the_rule_is_about(given, shown):
    labels = {"type": "object", "additionalProperties": {"type": "string"}}
    ports = {"type": "object", "properties": {"http": {"type": "integer"}}}
    wrong = schema({"rule": "false", "message": "no", "fieldPath": given}, ports=ports, labels=labels)
    assert faults(wrong, {"a": 1}) == [f'{shown}: Invalid value: "object": no']


def test_a_transition_rule_is_evaluated_only_for_changes():
    fixed = schema({"rule": "self.a == oldSelf.a", "message": "a is immutable"})
    assert faults(fixed, {"a": 1}) == []
    assert faults(fixed, {"a": 1}, {"a": 1}) == []
    assert faults(fixed, {"a": 2}, {"a": 1}) == ['spec: Invalid value: "object": a is immutable']


def test_elements_with_keys_have_a_counterpart():
    item = {
        "type": "object",
        "properties": {"name": {"type": "string"}, "port": {"type": "integer"}},
        "x-kubernetes-validations": [{"rule": "self.port == oldSelf.port", "message": "port is immutable"}],
    }
    keyed = {"type": "array", "items": item, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]}
    before = {"ports": [{"name": "a", "port": 1}, {"name": "b", "port": 2}]}
    after = {"ports": [{"name": "b", "port": 3}, {"name": "c", "port": 1}]}
    assert faults(schema(ports=keyed), after, before) == ['spec.ports[0]: Invalid value: "object": port is immutable']


def test_rules_with_optional_values_and_quantities():
    limited = schema(
        {"rule": "quantity(self.?size.orValue('1Gi')).isLessThan(quantity('2Gi'))", "message": "too large"}
    )
    assert faults(limited, {}) == []
    assert faults(limited, {"size": "1500Mi"}) == []
    assert faults(limited, {"size": "3G"}) == ['spec: Invalid value: "object": too large']


def test_a_rule_without_a_value_is_a_fault_and_no_crash():
    [fault] = faults(schema({"rule": "self.missing > 1"}), {"a": 1})
    assert "evaluating rule: self.missing > 1" in fault
    rule = {"rule": "self.a > 1", "message": "too small", "fieldPath": ".a", "reason": "FieldValueForbidden"}
    [fault] = faults(schema(rule), {"a": "x"})
    assert fault.startswith("spec: Invalid value: \"object\": 'no such overload': call arguments did not match")
    assert fault.endswith("signature for rule: too small")


def test_a_stored_rule_that_does_not_compile_is_not_enforced():
    assert faults(schema({"rule": "self.a =="}), {"a": "x"}) == []


def test_no_rule_takes_more_than_its_budget():
    many = {"names": ["a"] * 300}
    square = schema({"rule": "self.names.all(a, self.names.all(b, self.names.all(c, a == c)))"})
    assert "running out of cost budget" in faults(square, many)[-1]
