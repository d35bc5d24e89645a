"""A change sends only what it changes, and leads to what a fresh start would have made."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.model.addresses import IPFamily
from fairlead.model.names import ObjectKey
from fairlead.model.network_policies import NetworkPolicy
from fairlead.model.objects import Namespace, Pod
from fairlead.netfilter.ruleset import Table
from fairlead.netfilter.transaction import AddElement, DeleteElement, apply, diff
from fairlead.netpolicy.census import Census, subject_of
from fairlead.netpolicy.enforcement import Changed, advance, build
from fairlead.netpolicy.iptables_rules import IptablesPolicies
from fairlead.netpolicy.nft_rules import NftPolicies
from fairlead.netpolicy.reading import read_policy
from tests.support.full import some_of
from tests.support.policy_objects import SPACES, namespace, pod, pods, policies, policy

NFT, IPTABLES = NftPolicies(IPFamily.IPV4), IptablesPolicies(IPFamily.IPV4)
both_back_ends = pytest.mark.parametrize("backend", [NFT, IPTABLES], ids=["nft", "iptables"])

NETWORKS = ["10.0.0.0/8", "10.0.0.0/30", "0.0.0.0/0"]
ADDRESSES = ["10.0.0.1", "10.0.0.2", "10.0.0.3"]
random_pods = st.tuples(st.integers(1, 4), st.sampled_from(ADDRESSES), st.sampled_from(["here", "there"])).flatmap(
    lambda drawn: pods(drawn[0], (drawn[1], "fd00::1"), drawn[2])
)
random_spaces = st.builds(namespace, st.sampled_from(SPACES), team=st.sampled_from("ab"))
random_policies = policies(["first", "second", "third"], NETWORKS)
changes = st.lists(st.tuples(st.booleans(), random_pods | random_pods | random_policies | random_spaces), max_size=8)


def after(census, is_put, object_):
    """The census after a change, and what has changed."""
    new = object_ if is_put else None
    match object_:
        case Pod():
            return census.with_subject(object_.key, subject_of(new)), Changed(pods=frozenset({object_.key}))
        case NetworkPolicy():
            read = read_policy(object_) if is_put else None
            return census.with_policy(object_.key, read), Changed(policies=frozenset({object_.key}))
        case Namespace():
            labels = object_.labels if is_put else None
            return census.with_namespace(object_.name, labels), Changed(namespaces=frozenset({object_.name}))


@both_back_ends
@given(before=changes, then=changes)
@settings(max_examples=some_of(80, 200))
def test_step_by_step_leads_to_what_a_fresh_start_makes(backend, before, then):
    census = Census()
    for change in before:
        census, _ = after(census, *change)
    table, enforced = build(census, "here", backend)
    for change in then:
        census, changed = after(census, *change)
        transaction, enforced = advance(enforced, census, changed, "here", backend)
        table = apply(transaction, table)
        fresh, enforced_fresh = build(census, "here", backend)
        assert table == fresh
        assert enforced == enforced_fresh
        assert advance(enforced, census, changed, "here", backend).transaction == ()


@both_back_ends
@given(before=changes, then=changes)
@settings(max_examples=60)
def test_many_changes_at_once_lead_there_too(backend, before, then):
    census, all_changed = Census(), Changed()
    for change in before:
        census, _ = after(census, *change)
    table, enforced = build(census, "here", backend)
    for change in then:
        census, changed = after(census, *change)
        all_changed = Changed(*(known | more for known, more in zip(all_changed, changed, strict=True)))
    fresh, _ = build(census, "here", backend)
    assert apply(advance(enforced, census, all_changed, "here", backend).transaction, table) == fresh
    assert apply(diff(table, fresh), table) == fresh


# --- what a change costs ----------------------------------------------------------------------------------------------


def crowd(size):
    """Many Namespaces like ``ns``, each with Pods here and there, and policies."""
    everybody, rules = [], []
    for i in range(size):
        space = f"ns-{i}"
        for j in range(4):
            where, labels = ("here", "there")[j % 2], {"app": ("web", "db")[j // 2], "all": "yes"}
            address = f"10.1.{i // 60}.{i % 60 * 4 + j}"
            everybody.append(pod(f"p{j}", address, namespace=space, labels=labels, node=where, ports=[("http", 80)]))
        rules.append(
            policy(
                "web",
                {"app": "web"},
                space,
                ingress=[{"from": [{"podSelector": {"matchLabels": {"app": "db"}}}], "ports": [{"port": "http"}]}],
                egress=[{"to": [{"namespaceSelector": {}}], "ports": [{"port": 53, "protocol": "UDP"}]}],
            )
        )
    return Census.of(everybody, [namespace(f"ns-{i}") for i in range(size)], rules)


NEW_POD = pod("new", "10.9.9.9", namespace="ns-1", labels={"app": "web"}, node="here", ports=[("http", 8080)])
ELSEWHERE = pod("new", "10.9.9.9", namespace="ns-1", labels={"app": "db"}, node="there")
UNNAMED = pod("new", "10.9.9.9", namespace="ns-1", labels={"app": "other"}, node="there")
DENY = policy("deny", namespace="ns-1", policyTypes=["Ingress"])
NOWHERE = policy("nowhere", {"app": "none"}, "ns-1", ingress=[{"from": [{"podSelector": {}}]}])

# What is added, and how many operations that is with nft, and with iptables and its sets.
COSTS = {
    "a Pod here that a policy selects": (NEW_POD, 5, 5),
    "a Pod elsewhere that a policy admits": (ELSEWHERE, 2, 2),
    "a Pod elsewhere that only egress may reach": (UNNAMED, 1, 1),
    "a policy that isolates two Pods here": (DENY, 11, 15),
    "a policy without Pods": (NOWHERE, 0, 0),
}


@both_back_ends
@pytest.mark.parametrize("what", COSTS)
def test_a_change_costs_the_same_in_any_crowd(backend, what):
    object_, *costs = COSTS[what]
    counts = []
    for size in (10, 200):
        census = crowd(size)
        _, enforced = build(census, "here", backend)
        more, changed = after(census, True, object_)
        there = advance(enforced, more, changed, "here", backend)
        back = advance(there.enforced, census, changed, "here", backend)
        counts.append((len(there.transaction), len(back.transaction)))
    assert counts[0] == counts[1]
    assert counts[0][0] == costs[backend is IPTABLES]


def moving(enforced, census, object_):
    census, changed = after(census, True, object_)
    return advance(enforced, census, changed, "here", NFT)


def test_a_label_that_a_set_requires_moves_one_element():
    census = crowd(10)
    _, enforced = build(census, "here", NFT)
    moved = pod("p3", "10.1.0.7", namespace="ns-1", labels={"app": "web"}, node="there", ports=[("http", 80)])
    transaction, _ = moving(enforced, census, moved)
    assert [type(step) for step in transaction] == [DeleteElement]
    again = moved, pod("p3", "10.1.0.7", namespace="ns-1", labels={"app": "db"}, node="there")
    census, _ = after(census, True, again[0])
    _, enforced = build(census, "here", NFT)
    transaction, _ = moving(enforced, census, again[1])
    assert [type(step) for step in transaction] == [AddElement]


def test_without_isolated_pods_there_are_no_hooks():
    only_elsewhere = Census.of([pod("a", "10.0.0.1", node="there")], (), [policy("deny")])
    assert build(only_elsewhere, "here", NFT)[0] == Table()


def test_addresses_belong_to_the_living_and_the_youngest():
    old = pod("old", "10.0.0.1", labels={"app": "web"}, creationTimestamp="2026-01-01T00:00:00Z")
    new = pod("new", "10.0.0.1", creationTimestamp="2026-01-02T00:00:00Z")
    dying = pod("dying", "10.0.0.1", creationTimestamp="2026-01-03T00:00:00Z", deletionTimestamp="2026-01-03T00:00:00Z")
    ended = pod("ended", "10.0.0.1", phase="Failed", creationTimestamp="2026-01-04T00:00:00Z")
    on_node = pod("on-node", "10.0.0.1", host_network=True, creationTimestamp="2026-01-05T00:00:00Z")
    census = Census.of([old, new, dying, ended, on_node])
    assert census.owner("10.0.0.1").key == ObjectKey("ns", "new")
    assert Census.of([dying]).owner("10.0.0.1").key.name == "dying"
    assert Census.of([ended, on_node]).owner("10.0.0.1") is None
