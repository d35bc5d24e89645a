"""The rules by which a DNS cache on a node bypasses connection tracking."""

from fairlead.netfilter.untracked import TABLE, removal, untracked_rules


def test_queries_and_replies_of_each_family_are_untracked():
    lines = untracked_rules(["169.254.20.10", "10.96.0.10", "fd00::10"], [53, 9253]).splitlines()
    ports = "meta l4proto { tcp, udp } th dport { 53, 9253 } notrack"
    queries = [f"ip daddr {{ 169.254.20.10, 10.96.0.10 }} {ports}", f"ip6 daddr {{ fd00::10 }} {ports}"]
    replies = [line.replace("daddr", "saddr").replace("dport", "sport") for line in queries]
    output = lines.index("chain output { type filter hook output priority raw;")
    assert lines[output - 3 : output] == [*queries, "}"]
    assert lines[output + 1 : output + 5] == [*queries, *replies]


def test_a_family_without_addresses_has_no_rules():
    assert "ip6" not in untracked_rules(["10.96.0.10"], [53])


def test_the_table_replaces_an_older_one_and_is_removed_as_a_whole():
    assert untracked_rules(["10.96.0.10"], [53]).startswith(removal())
    assert removal() == f"add table inet {TABLE}\ndelete table inet {TABLE}\n"
