"""A firewall that drops by policy blocks Services, unless it admits translated packets."""

import json

import pytest

from fairlead.dataplane.host_firewall import DroppingChain, admits_translated, dropping_chains


def chain(**fields):
    usual = {"family": "inet", "table": "filter", "name": "forward", "hook": "forward", "policy": "drop"}
    return {"chain": {**usual, **fields}}


def listed(*chains):
    return json.dumps({"nftables": [{"metainfo": {"version": "1.0.6"}}, *chains]})


def test_only_what_drops_by_policy_on_the_way_of_services_counts():
    chains = [
        chain(),
        chain(family="ip", name="FORWARD"),
        chain(family="ip6", table="fw", name="in", hook="input"),
        chain(policy="accept"),
        chain(hook="output"),
        chain(family="bridge"),
        chain(family="ip", table="fairlead", name="filter-forward"),
        {"chain": {"family": "inet", "table": "filter", "name": "no base chain"}},
    ]
    assert list(dropping_chains(listed(*chains))) == [
        DroppingChain("inet", "filter", "forward", "forward"),
        DroppingChain("ip", "filter", "FORWARD", "forward"),
        DroppingChain("ip6", "fw", "in", "input"),
    ]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"nftables": null}', '{"nftables": ["x", {"chain": 1}]}', "no JSON"])
def test_texts_that_are_no_listing_have_no_firewall(text):
    assert list(dropping_chains(text)) == []


ADMITS = [
    ("ct status dnat accept", True),
    ("ct status snat,dnat counter packets 1 bytes 60 accept", True),
    ("-m conntrack --ctstate DNAT -j ACCEPT", True),
    ("-m conntrack --ctstate RELATED,ESTABLISHED,DNAT -j ACCEPT", True),
    ("accept", True),
    ("counter packets 0 bytes 0 accept", True),
    ('accept comment "all"', True),
    ("-j ACCEPT", True),
    ("ct state established,related accept", False),
    ("-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT", False),
    ('iifname "lo" accept', False),
    ("ct status dnat drop", False),
    ('-m comment --comment "-j ACCEPT" -j DROP', False),
]


@pytest.mark.parametrize(("rule", "expected"), ADMITS, ids=[rule for rule, _ in ADMITS])
@pytest.mark.parametrize("jump", ["jump more", "-j more", "iifname vmap { eth0 : jump more, eth1 : goto other }"])
def test_a_rule_for_what_is_translated_admits_it_wherever_it_stands(rule, expected, jump):
    assert admits_translated({"forward": (rule,)}, "forward") is expected
    assert admits_translated({"forward": (jump,), "more": (rule, "jump forward")}, "forward") is expected
    assert not admits_translated({"forward": ("drop",), "unused": (rule,)}, "forward")


@pytest.mark.parametrize(
    ("chain", "remedy"),
    [
        (("inet", "fw", "fwd", "forward"), "nft insert rule inet fw fwd ct status dnat accept"),
        (("ip", "filter", "FORWARD", "forward"), "iptables -I FORWARD -m conntrack --ctstate DNAT -j ACCEPT"),
        (("ip6", "filter", "INPUT", "input"), "ip6tables -I INPUT -m conntrack --ctstate DNAT -j ACCEPT"),
        (("ip", "filter", "forward", "forward"), "nft insert rule ip filter forward ct status dnat accept"),
    ],
)
def test_the_rule_that_would_help_is_named(chain, remedy):
    assert DroppingChain(*chain).warning().endswith(remedy)
