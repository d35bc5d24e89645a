"""Rules in CEL: what they find, when they are asked, and that none of them holds the server up."""

import pytest

from fairlead.registry.kinds.apiextensions.rules import rule_faults, uncompiled_rules


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


def test_a_rule_about_a_change_is_asked_of_changes_alone():
    fixed = schema({"rule": "self.a == oldSelf.a", "message": "a is immutable"})
    assert faults(fixed, {"a": 1}) == []
    assert faults(fixed, {"a": 1}, {"a": 1}) == []
    assert faults(fixed, {"a": 2}, {"a": 1}) == ['spec: Invalid value: "object": a is immutable']


def test_elements_that_are_told_apart_by_keys_have_one_before():
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


REFUSED = [
    ({"rule": "self.a =="}, 'rule: Invalid value: "self.a ==": compilation failed: ERROR: Syntax error'),
    ({"rule": "unheard(self.a)"}, "compilation failed: ERROR: undeclared reference to 'unheard'"),
    ({"rule": "size(other.a) > 1"}, "compilation failed: ERROR: undeclared reference to 'other' (in container '')"),
    ({"rule": " "}, "rule: Required value: rule is not specified"),
    ({"rule": "true", "reason": "Odd"}, 'reason: Unsupported value: "Odd"'),
    ({"rule": "true", "message": "two\nlines"}, "message must not contain line breaks"),
    ({"rule": "true", "messageExpression": "self.a +"}, "messageExpression compilation failed: ERROR: Syntax error"),
]


@pytest.mark.parametrize(("rule", "told"), REFUSED)
def test_a_rule_that_does_not_compile_is_refused(rule, told):
    [fault] = map(str, uncompiled_rules(schema(rule), "schema"))
    assert fault.startswith("schema.properties[spec].x-kubernetes-validations[0].")
    assert told in fault


ACCEPTED = [
    "self.a.all(x, x > 1) && oldSelf.a.exists(y, y == 2)",
    "self.items.sortBy(i, i.name).map(i, i.name) == ['a']",
    "self.labels.transformMapEntry(k, v, {v: k}).size() == 1",
    "has(self.a) && self.a.orValue('') != ''",
]


@pytest.mark.parametrize("text", ACCEPTED)
def test_rules_that_compile(text):
    assert not list(uncompiled_rules(schema({"rule": text}), "schema"))


def test_a_stored_rule_that_does_not_compile_is_not_enforced():
    assert faults(schema({"rule": "self.a =="}), {"a": "x"}) == []


def test_no_rule_takes_more_than_its_budget():
    many = {"names": ["a"] * 300}
    square = schema({"rule": "self.names.all(a, self.names.all(b, self.names.all(c, a == c)))"})
    assert "running out of cost budget" in faults(square, many)[-1]
