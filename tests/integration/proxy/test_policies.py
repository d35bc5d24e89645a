"""NetworkPolicies in a real kernel: real packets, against the oracle; and transactions, against a fresh start."""

import os
from dataclasses import replace

import pytest
from hypothesis import Phase, assume, given, settings

from fairlead.model.addresses import IPFamily
from fairlead.netfilter.ipset_text import parse_sets, render_sets, replacing
from fairlead.netfilter.iptables_saved import saved_rule
from fairlead.netfilter.iptables_text import parse_save, render_changes, render_restore
from fairlead.netfilter.nft_listing import listing_of, read_listing, takeover
from fairlead.netfilter.nft_text import render_table, render_transaction
from fairlead.netpolicy.census import Census
from fairlead.netpolicy.enforcement import advance, build
from fairlead.netpolicy.iptables_rules import SECURITY, set_prefix
from fairlead.netpolicy.nft_rules import table_name
from fairlead.trace.contract import Rules, allowed
from tests.integration.proxy.test_flows import is_seen
from tests.support.full import some_of
from tests.support.net.netlab import Worker
from tests.support.net.policy_net import LOADS, ipset
from tests.support.net.proxy_net import ENDPOINTS_HERE, ENDPOINTS_THERE, SERVED, net, observed, pair
from tests.support.policy_flows import either_family
from tests.unit.netpolicy.test_enforcement import IPTABLES, NFT, after, changes

__all__ = ["net"]  # the fixture

# Of each back end. What is said of the 500 is shown by FAIRLEAD_POLICY_CASES=250.
CASES = int(os.environ.get("FAIRLEAD_POLICY_CASES", "20"))


def is_answered(drawn, outcome):
    """Whether what passes can be told from what is refused: where nobody serves, only by a reset of TCP."""
    if outcome.destination != drawn.destination:
        return True
    if drawn.destination in pair(*ENDPOINTS_HERE, *ENDPOINTS_THERE):
        return (drawn.protocol, drawn.port) in SERVED
    return drawn.protocol == "tcp"


@pytest.mark.parametrize("rules", Rules, ids=lambda rules: rules.value)
@given(drawn=either_family)
@settings(max_examples=CASES, derandomize=True, phases=[Phase.generate], database=None)
def test_in_any_cluster_the_kernel_stays_within_what_the_oracle_allows(net, rules, drawn):
    outcomes = allowed(drawn.world.situation(rules), drawn.packet)
    assume(drawn.source != drawn.destination)  # which never leaves its host
    assume(all(is_seen(drawn, outcome) and is_answered(drawn, outcome) for outcome in outcomes))
    seen = observed(net, replace(drawn, expected=outcomes), LOADS[rules], 3)
    assert seen
    assert seen <= outcomes, net.node.run("nft", "list", "ruleset")


# --- transactions -----------------------------------------------------------------------------------------------------

NAME = table_name(IPFamily.IPV4)


@pytest.fixture(scope="module")
def kernel():
    worker = Worker(["unshare", "-rn"])
    yield worker
    worker.close()


def census_after(steps):
    census = Census()
    for step in steps:
        census, _ = after(census, *step)
    return census


def listed(kernel):
    return read_listing(kernel.run("nft", "-y", "list", "table", "ip", NAME.name))


@given(before=changes, then=changes)
@settings(max_examples=some_of(20, 40), derandomize=True, phases=[Phase.generate], database=None)
def test_step_by_step_nft_has_what_a_fresh_start_makes(kernel, before, then):
    census = census_after(before)
    table, enforced = build(census, "here", NFT)
    kernel.run("nft", "-f", "-", text=f"flush ruleset\n{render_table(NAME, table)}")
    assert listed(kernel) == listing_of(table, IPFamily.IPV4)
    for step in then:
        census, changed = after(census, *step)
        transaction, enforced = advance(enforced, census, changed, "here", NFT)
        kernel.run("nft", "-f", "-", text=render_transaction(NAME, transaction))
    fresh, _ = build(census, "here", NFT)
    assert listed(kernel) == listing_of(fresh, IPFamily.IPV4)
    assert takeover(listed(kernel), fresh, IPFamily.IPV4) == ()


def sets_of(kernel):
    return parse_sets(kernel.run("ipset", "save"), set_prefix(IPFamily.IPV4))


def put(kernel, table):
    kernel.run("nft", "flush", "ruleset")
    ipset(kernel, "destroy")
    kernel.run("ipset", "restore", text=replacing({}, table, IPFamily.IPV4).before)
    kernel.run("iptables-restore", "--noflush", text=render_restore([(SECURITY, table)]))


@given(before=changes, then=changes)
@settings(max_examples=some_of(12, 25), derandomize=True, phases=[Phase.generate], database=None)
def test_step_by_step_iptables_has_what_a_fresh_start_makes(kernel, before, then):
    census = census_after(before)
    table, enforced = build(census, "here", IPTABLES)
    put(kernel, table)
    for step in then:
        census, changed = after(census, *step)
        transaction, enforced = advance(enforced, census, changed, "here", IPTABLES)
        sets = render_sets(transaction, IPFamily.IPV4)
        kernel.run("ipset", "restore", text=sets.before)
        kernel.run("iptables-restore", "--noflush", text=render_changes(SECURITY, transaction))
        ipset(kernel, "restore", text=sets.after)
    fresh, _ = build(census, "here", IPTABLES)
    saved = parse_save(kernel.run("iptables-save"))
    should = {
        (SECURITY, name): tuple(saved_rule(rule, IPFamily.IPV4) for rule in chain.rules)
        for name, chain in fresh.chains.items()
        if chain.rules
    }
    assert dict(saved.rules) == should
    assert {name for _, name in saved.chains} >= set(fresh.chains)
    found = sets_of(kernel)
    assert (replacing(found, fresh, IPFamily.IPV4)) == ("", "")
