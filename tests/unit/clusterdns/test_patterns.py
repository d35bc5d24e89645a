"""Regular expressions of operators: the syntax of Go's, and no expression that costs clients time."""

import pytest

from fairlead.clusterdns.corefile.faults import CorefileError, Wrong
from fairlead.clusterdns.corefile.patterns import Pattern, PatternMatch
from tests.support.corefiles import Asked, World, configured, synced

LONG = ".".join(["a" * 60] * 4)  # 243 octets; a name has at most 255
HOSTILE = ("(a+)+$", "(a|a)*$", "(a|aa)+$", "(.*)*\\.x", "(([a-z])+.)+[A-Z]([a-z])+$", "^(.*a){20}x$")


@pytest.mark.parametrize(
    ("expression", "text", "found"),
    [
        ("(.*)\\.lan\\.$", "web.lan.", PatternMatch(("web.lan.", "web"), {})),
        ("^(?P<a>x)?(?P<b>y)", "y.", PatternMatch(("y", "", "y"), {"a": "", "b": "y"})),
        ("(?<a>x)", "x.", PatternMatch(("x", "x"), {"a": "x"})),  # Go's since 1.22
        ("^[[:alpha:]]+\\.$", "web.", PatternMatch(("web.",), {})),
        ("^[[:alpha:]]+\\.$", "w3.", None),
        ("(?i)WEB", "web.", PatternMatch(("web",), {})),
        ("\\Qa.b\\E", "a.b.", PatternMatch(("a.b",), {})),
        ("^\\pL+\\.\\z", "web.", PatternMatch(("web.",), {})),
        ("", "web.", PatternMatch(("",), {})),
    ],
)
def test_expressions_are_read_as_go_reads_them(expression, text, found):
    assert Pattern(expression).search(text) == found


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("(", "missing )"),
        ("a**", "bad repetition operator: **"),
        ("(?=a)", "invalid perl operator: (?="),
        ("(a)\\1", "invalid escape sequence: \\1"),
        ("a\\Z", "invalid escape sequence: \\Z"),
        ("[z-a]", "invalid character class range: z-a"),
        ("a{1001}", "invalid repetition size: {1001}"),
        ("((a{100}){100}){100}", "invalid repetition size"),
    ],
)
def test_expressions_that_go_refuses_are_refused_with_the_reason(expression, reason):
    with pytest.raises(Wrong) as caught:
        Pattern(expression)
    assert f"{expression!r} is not a regular expression: {reason}" in str(caught.value)


@pytest.mark.parametrize("expression", HOSTILE)
@pytest.mark.parametrize(
    "directive",
    [
        'rewrite name regex "{}" web.lan',
        'rewrite ttl regex "{}" 5',
        'rewrite rcode regex "{}" NXDOMAIN NOERROR',
        'rewrite name exact x y answer name "{}" web.lan',
        'template IN A {{\n match "{}"\n fallthrough\n}}',
    ],
)
def test_no_expression_takes_longer_than_its_name_is_long(expression, directive):
    """Each of these would keep an engine that backtracks busy for longer than the test may run."""
    text = f". {{\n{directive.format(expression)}\nforward . 192.0.2.1\n}}"
    ask = Asked(configured(text), World((f"{LONG}. 60 IN A 192.0.2.2",)), synced())
    assert ask.told(f"{LONG}!.")


def test_a_group_that_the_expression_does_not_have_is_a_fault():
    with pytest.raises(CorefileError) as caught:
        configured(". {\n rewrite name regex (.*)\\.a {1}.{2}.b\n}")
    assert str(caught.value) == "Corefile:2: rewrite: '{1}.{2}.b.' uses group {2}, but '(.*)\\\\.a' has 1"
