"""Expressions: the values that they have, in tables of Kubernetes' libraries, and how they fail."""

import pytest

from fairlead.registry.cel.budget import STEPS, Budget, RuleError, TooCostly, Unsupported
from fairlead.registry.cel.expressions import compiled, plain, spelled, undeclared

OBJECT = {
    "spec": {"replicas": 3, "host": "a.example.com", "ports": [{"name": "http", "port": 80}], "empty": ""},
    "metadata": {"name": "web", "namespace": "shop", "labels": {"app": "web", "a/b": "c"}},
}


def value(text, **variables):
    known = {"object": plain(OBJECT), "oldObject": None, **{name: plain(each) for name, each in variables.items()}}
    return compiled(text)(known, Budget())


HOLDS = [
    # the language
    "object.metadata.namespace == 'shop'",
    "type(object.spec.host) == string && type(object.spec.replicas) in [int, string]",
    "object.spec.replicas > 2 && object.spec.replicas <= 3",
    "oldObject == null",
    "has(object.spec.host) && !has(object.spec.absent)",
    "object.metadata.labels['a/b'] == 'c'",
    "object.spec.ports.all(p, p.port > 0)",
    "object.spec.ports.exists(p, p.name == 'http')",
    "object.spec.ports.map(p, p.port) == [80]",
    "object.spec.ports.map(p, p.port > 90, p.port) == []",
    "object.metadata.labels.all(key, key.startsWith('a'))",
    "[1, 2, 3].filter(x, x > 1) == [2, 3]",
    "'x' in ['x', 'y'] && 'app' in object.metadata.labels",
    "[1, 2,] == [1, 2]",
    "{'a': 1}['a'] == 1",
    "object.spec.absent == 'x' || true",
    "!(object.spec.absent == 'x' && false)",
    "size('héllo') == 5 && size([1]) == 1",
    "int('3') == 3 && double('1.5') > 1.0 && string(3) == '3'",
    "duration('1h') > duration('59m')",
    "duration('500us') > duration('0') && duration('1µs') == duration('1us') && duration('-1h') < duration('0s')",
    "bool('T') && !bool('false') && int('+5') == 5 && double('-1e3') == -1000.0",
    # values of different types are not equal, and numbers are compared whatever their types
    "object.spec.replicas != 'http' && !(object.spec.host == 80) && !(object.spec.host in [80, null])",
    "object.spec.replicas in ['http', 3] && object.spec.ports != object.metadata && [1, 'a'] == [1.0, 'a']",
    "object.spec.replicas == 3.0 && object.spec.replicas < 3.5 && {'a': 1} != {'a': 'x'} && dyn(true) != dyn(1)",
    # what does not matter may be an error
    "int('x') > 1 || true",
    "[1, 2].exists(a, int('x') > 1 || a == 2)",
    "timestamp('2024-01-01T00:00:00Z') < timestamp('2024-01-02T00:00:00Z')",
    "type(1) == int",
    # optional values
    "object.?spec.replicas.orValue(0) == 3",
    "object.?status.?phase.orValue('none') == 'none'",
    "object.?status.phase.hasValue() == false",
    "!object.?status.hasValue()",
    "object.spec.?replicas.hasValue()",
    "object.metadata.labels[?'a/b'].orValue('') == 'c'",
    "object.metadata.labels[?'absent'].orValue('d') == 'd'",
    "[1, 2][?5].orValue(9) == 9",
    "object.spec.?replicas.optMap(r, r * 2).orValue(0) == 6",
    "object.spec.?absent.optMap(r, r * 2).orValue(0) == 0",
    "object.?metadata.optFlatMap(m, m.?name).orValue('') == 'web'",
    "optional.of(1).value() == 1 && optional.none().or(optional.of(2)).value() == 2",
    "!optional.ofNonZeroValue('').hasValue()",
    "[?object.spec.?absent, 1] == [1]",
    "{?'a': object.spec.?absent, 'b': 1} == {'b': 1}",
    "has(object.?spec.host)",
    "optional.of(1) == optional.of(1) && optional.none() == optional.none()",
    # macros with two variables
    "[5, 6].all(i, v, v == i + 5)",
    "{'a': 1}.exists(k, v, k == 'a' && v == 1)",
    "[5, 6].transformList(i, v, i + v) == [5, 7]",
    "[5, 6].transformList(i, v, v > 5, v) == [6]",
    "{'a': 1, 'b': 2}.transformMap(k, v, v > 1, v * 2) == {'b': 4}",
    "{'a': 'x', 'b': 'y'}.transformMapEntry(k, v, {v: k}) == {'x': 'a', 'y': 'b'}",
    "{'a': 'x', 'b': 'y'}.transformMapEntry(k, v, v == 'x', {v: k}) == {'x': 'a'}",
    "['bb', 'a'].sortBy(s, s.size()) == ['a', 'bb']",
    "[].sortBy(s, s) == []",
    "{'a': 1}.existsOne(k, v, v == 1)",
    # strings
    "'tacocat'.charAt(3) == 'o'",
    "'%s is %d years, %.2f, %x'.format(['she', 5, 1.5, 255]) == 'she is 5 years, 1.50, ff'",
    "'%s'.format([['a', 1, true]]) == '[a, 1, true]'",
    "'hello mellow'.indexOf('ello', 2) == 7 && 'hello mellow'.lastIndexOf('ello') == 7",
    "['a', 'b'].join('-') == 'a-b' && 'AbÉ'.lowerAscii() == 'abÉ'",
    "'hello hello'.replace('he', 'we', 1) == 'wello hello'",
    "'a,b,c'.split(',', 2) == ['a', 'b,c'] && 'tacocat'.substring(4) == 'cat'",
    "'abc'.reverse() == 'cba' && ' x '.trim() == 'x'",
    "strings.quote('a\"b') == '\"a\\\\\"b\"'",
    "'abc 123'.find('[0-9]+') == '123' && 'a1b2'.findAll('[0-9]') == ['1', '2']",
    "'abc'.matches('^a.*c$') && !'abc'.matches('^b')",
    # lists and sets
    "[1, 3].isSorted() && [1, 3].sum() == 4 && [1, 3].min() == 1 && [1, 3].max() == 3",
    "['a', 'b', 'b'].indexOf('b') == 1 && ['a', 'b', 'b'].lastIndexOf('b') == 2",
    "[1, 1, 2].distinct() == [1, 2] && [[1], [2, [3]]].flatten() == [1, 2, [3]]",
    "[1, 2, 3].slice(1, 3) == [2, 3] && [2, 1].sort() == [1, 2] && lists.range(2) == [0, 1]",
    "sets.contains([1, 2], [1]) && sets.equivalent([1, 1], [1]) && sets.intersects([1], [1, 2])",
    # addresses
    "isIP('10.0.0.1') && !isIP('10.0.0.256') && !isIP('::ffff:10.0.0.1') && isIP('fd00::1')",
    "ip('127.0.0.1').family() == 4 && ip('::1').family() == 6 && ip('127.0.0.1').isLoopback()",
    "ip.isCanonical('2001:db8::1') && !ip.isCanonical('2001:DB8::1')",
    "ip('::1') == ip('0:0:0:0:0:0:0:1') && string(ip('::1')) == '::1'",
    "ip('0.0.0.0').isUnspecified() && ip('224.0.0.1').isLinkLocalMulticast() && ip('fe80::1').isLinkLocalUnicast()",
    "ip('10.0.0.1').isGlobalUnicast() && !ip('255.255.255.255').isGlobalUnicast()",
    "isCIDR('10.0.0.0/8') && !isCIDR('10.0.0.0') && !isCIDR('10.0.0.0/33')",
    "cidr('10.0.0.0/8').containsIP('10.1.2.3') && cidr('10.0.0.0/8').containsIP(ip('10.1.2.3'))",
    "cidr('10.0.0.0/8').containsCIDR('10.1.0.0/16') && !cidr('10.0.0.0/8').containsCIDR(cidr('11.0.0.0/16'))",
    "cidr('10.1.2.3/8').masked() == cidr('10.0.0.0/8') && cidr('10.0.0.0/8').prefixLength() == 8",
    "cidr('10.1.2.3/8').ip() == ip('10.1.2.3') && string(cidr('10.0.0.0/8')) == '10.0.0.0/8'",
    # quantities and versions
    "isQuantity('1.3Gi') && !isQuantity('1x') && quantity('1000m') == quantity('1')",
    "quantity('200M').isGreaterThan(quantity('0.1G')) && quantity('1Ki').isLessThan(quantity('1025'))",
    "quantity('50k').add(quantity('20k')) == quantity('70k')",
    "quantity('50k').sub(20000) == quantity('30k') && quantity('-5').sign() == -1",
    "quantity('50k').asInteger() == 50000 && !quantity('1.5').isInteger()",
    "quantity('1.5').asApproximateFloat() == 1.5 && quantity('1').compareTo(quantity('2')) == -1",
    "isSemver('1.0.0') && !isSemver('1.0') && isSemver('v1.0', true)",
    "semver('1.2.3').minor() == 2 && semver('1.0.0-alpha').isLessThan(semver('1.0.0'))",
    "semver('1.0.0-alpha.2').compareTo(semver('1.0.0-alpha.10')) == -1",
    # URLs
    "isURL('https://example.com:80/a?b=c') && !isURL('not a url') && isURL('/path')",
    "url('https://user@example.com:80/a%20b?k=a&k=b').getHost() == 'example.com:80'",
    "url('https://[::1]:80/').getHostname() == '::1' && url('https://[::1]:80/').getPort() == '80'",
    "url('https://a/x?k=a&k=b').getQuery() == {'k': ['a', 'b']} && url('https://a').getScheme() == 'https'",
    "url('https://a/with space'.replace(' ', '%20')).getEscapedPath() == '/with%20space'",
    # formats
    "!format.dns1123Label().validate('my-name').hasValue()",
    "format.dns1123Label().validate('My_Name').hasValue()",
    "format.named('labelValue').value().validate('no spaces').value().size() > 0",
    "!format.named('unheard').hasValue()",
]


@pytest.mark.parametrize("text", HOLDS)
def test_expressions_that_hold(text):
    assert value(text) == True  # noqa: E712  # a boolean of the language


FAILS = [
    ("object.spec.absent == 'x'", "no such key: absent"),
    ("object.absent.more", "no such key: absent"),
    ("has(object.absent.more)", "no such key: absent"),
    ("[1][3]", "index out of bounds: 3"),
    ("optional.none().value()", "optional.none() dereference"),
    ("quantity('x')", "quantities must match"),
    ("ip('x')", "does not appear to be an IPv4 or IPv6 address"),
    ("'abc'.substring(2, 1)", "index out of range"),
    ("[].min()", "min called on empty list"),
    ("1 / 0", "divide by zero"),
    ("'a' + 1", "no such overload"),
    ("object.spec.replicas < 'a'", "no such overload"),
    ("object.spec.host in 'abc'", "no such overload"),
    ("duration('1h').getHours(1)", "no such overload"),
    ("int('0x1')", "type conversion error from 'string' to 'int'"),
    ("int('9223372036854775808')", "type conversion error from 'string' to 'int'"),
    ("uint('-1')", "type conversion error from 'string' to 'uint'"),
    ("double(' 1')", "type conversion error from 'string' to 'double'"),
    ("bool('yes')", "type conversion error from 'string' to 'bool'"),
    ("duration('1d')", "type conversion error from 'string' to 'google.protobuf.Duration'"),
    ("duration('9999999h')", "type conversion error from 'string' to 'google.protobuf.Duration'"),
    ("timestamp('2026-01-01')", "type conversion error from 'string' to 'google.protobuf.Timestamp'"),
    ("timestamp('2026-13-01T00:00:00Z')", "type conversion error from 'string' to 'google.protobuf.Timestamp'"),
    ("0 < int('x') && true", "type conversion error from 'string' to 'int'"),
    ("-int('x') + 1 in [1]", "type conversion error from 'string' to 'int'"),
    ("int('x') == 1 ? 1 : 2", "type conversion error from 'string' to 'int'"),
    ("int(double('inf'))", "infinity"),
    ("'a'.matches('(')", "error parsing regexp: missing ): ("),
    ("'a'.find('[')", "error parsing regexp"),
    ("'%.999999999f'.format([1.5])", "precision must not be greater than"),
]


@pytest.mark.parametrize(("text", "why"), FAILS)
def test_expressions_without_a_value_are_errors(text, why):
    with pytest.raises(RuleError) as caught:
        value(text)
    assert why in str(caught.value)


@pytest.mark.parametrize("text", ["1 +", "a.?", "f(", "unheard(1)", "object.unheard()", "'open"])
def test_texts_that_are_no_expressions(text):
    with pytest.raises(Unsupported):
        compiled(text)


def test_names_that_nobody_declares():
    declared = frozenset({"object", "oldObject"})
    assert undeclared("object.x.all(y, y > z)", declared) == "z"
    assert undeclared("object.all(k, v, k == v) && format.named('x').hasValue()", declared) == ""
    assert undeclared("ip('::1').family() == 6 && type(object) == map", declared) == ""


def test_names_are_written_out_only_in_the_rules_of_kinds():
    tricky = {"namespace": "x", "a-b": 1}
    assert compiled("self.__namespace__ == 'x' && self.a__dash__b == 1")({"self": spelled(tricky, {})}, Budget())
    assert compiled("self.namespace == 'x' && self['a-b'] == 1")({"self": plain(tricky)}, Budget())


def test_an_evaluation_ends():
    loop = "[1,2,3,4,5,6,7,8,9,10]"
    text = f"{loop}.all(a, {loop}.all(b, {loop}.all(c, {loop}.all(d, a + b + c + d > 0))))"
    with pytest.raises(TooCostly):
        value(text)
    nested = f"{loop}.all(a, i, {loop}.all(b, j, {loop}.all(c, k, {loop}.all(d, l, a + b + c + d >= 0))))"
    with pytest.raises(TooCostly):
        value(nested)


TEN = "[1,2,3,4,5,6,7,8,9,10]"
HUGE = [
    "lists.range(99999999)",
    "long.replace('', long)",
    f"{TEN}.map(a, long).join('')",
    "[long, long].map(a, a + a + a + a)",
]


@pytest.mark.parametrize("text", HUGE)
def test_no_function_makes_a_value_that_is_too_large(text):
    with pytest.raises(TooCostly):
        value(text, long="x" * 2**20 + "y" * 2**19)


def test_only_work_takes_steps():
    """Of a rule about pairs of elements, as Gateway API has them, 40 elements are within the budget."""
    budget = Budget()
    assert compiled("object.spec.replicas == 3")({"object": plain(OBJECT)}, budget)
    assert STEPS - budget.left <= 4
    pairs = "object.all(a, object.exists_one(b, a.port == b.port && (has(a.host) ? a.host == b.host : !has(b.host))))"
    assert compiled(pairs)({"object": plain([{"port": number, "host": "x"} for number in range(40)])}, Budget())
