"""Sets of ipset: what is written before and after rules change, and what is read back."""

from fairlead.model.addresses import IPFamily
from fairlead.netfilter.ipset_text import parse_sets, render_sets, replacing
from fairlead.netfilter.ruleset import Element, Field, NamedSet, RuleOrigin, Table
from fairlead.netfilter.transaction import diff

PODS = NamedSet("X-pods", (Field.SOURCE,))
PORTS = NamedSet("X-ports", (Field.DESTINATION, Field.PROTOCOL, Field.PORT))
OLD = Table({}, {"X-pods": PODS}, {("X-pods", ("10.0.0.1",)): Element(None, RuleOrigin("ns/a"))})
NEW = Table({}, {"X-ports": PORTS}, {("X-ports", ("10.0.0.1", "tcp", 80)): Element(None, RuleOrigin('ns/"b'))})

SAVED = """create X-pods hash:ip family inet hashsize 1024 maxelem 1048576 comment
add X-pods 10.0.0.1 comment "ns/a and more"
add X-pods 10.0.0.9
create other hash:ip family inet
add other 10.0.0.7
"""


def test_sets_are_added_before_rules_and_deleted_after():
    before, after = render_sets(diff(OLD, NEW), IPFamily.IPV4)
    assert before.splitlines() == [
        "create X-ports hash:ip,port family inet maxelem 1048576 comment",
        'add X-ports 10.0.0.1,tcp:80 comment "ns/\'b"',
    ]
    assert after.splitlines() == ["del X-pods 10.0.0.1", "destroy X-pods"]


def test_sets_of_others_are_not_ours():
    assert parse_sets(SAVED, "X-") == {"X-pods": {"10.0.0.1", "10.0.0.9"}}


def test_existing_sets_become_the_wanted_ones():
    found = parse_sets(SAVED, "X-")
    assert replacing(found, OLD, IPFamily.IPV4) == ("", "del X-pods 10.0.0.9\n")
    before, after = replacing(found, NEW, IPFamily.IPV6)
    assert before.startswith("create X-ports hash:ip,port family inet6 ")
    assert after == "destroy X-pods\n"
