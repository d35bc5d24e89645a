"""Distribution of connections: weights, and a hash of the source that moves as few clients as possible."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.dataplane import iptables_rules, nft_rules, nft_skeleton
from fairlead.dataplane.balancing import (
    BALANCING_ANNOTATION,
    HASH_SLOTS,
    WEIGHTS_ANNOTATION,
    balancing_of,
    complaints,
    even_slots,
    hashed_slots,
)
from fairlead.dataplane.forwarding import plan_service
from fairlead.dataplane.incremental import advance, build
from fairlead.dataplane.node_view import NodeSettings, view_node
from fairlead.model.addresses import IPFamily
from fairlead.model.names import ObjectKey
from fairlead.netfilter.iptables_text import render_restore
from fairlead.netfilter.ruleset import Target
from fairlead.trace.contract import Rules, Situation, allowed
from fairlead.trace.evaluate import Host, outcomes
from fairlead.trace.packet import Packet
from tests.support.proxy_objects import endpoint, endpoint_slice, node, service, snapshot

VIEW = view_node(NodeSettings(cluster_cidrs=("10.0.0.0/8",)), "here", node(), (), IPFamily.IPV4)
WEB = ObjectKey("ns", "web")
TARGETS = tuple(Target(f"10.0.0.{i}", 80) for i in range(1, 9))

targets = st.sets(st.sampled_from(TARGETS), min_size=2).map(sorted)


def pod(name, address, where="here"):
    return endpoint(address, where, targetRef={"kind": "Pod", "name": name})


def weighted(weights, *endpoints, **annotations):
    notes = {WEIGHTS_ANNOTATION: weights, **annotations} if weights else annotations
    return service(annotations=notes), endpoint_slice(list(endpoints), ports=(("http", 80),))


CANARY, STABLE = pod("canary-1", "10.0.0.1"), pod("stable-1", "10.0.0.2", "there")

# annotation -> the weight of canary-1, of stable-1, and of an address without a Pod
WEIGHTS = [
    ("canary-*=1, *=9", (1, 9, 9)),
    ("canary-*=3", (3, 1, 1)),
    ("*=2,canary-*=5", (2, 2, 2)),
    ("10.0.0.3=7", (1, 1, 7)),
    ("canary-?=0", (0, 1, 1)),
    ("canary-*=101", (1, 1, 1)),  # cannot be read: nothing is weighed
    ("canary", (1, 1, 1)),
    ("", (1, 1, 1)),
]


@pytest.mark.parametrize(("text", "weights"), WEIGHTS)
def test_the_first_pattern_that_matches_gives_the_weight(text, weights):
    balancing = balancing_of({WEIGHTS_ANNOTATION: text})
    assert tuple(map(balancing.weight_of, ("canary-1", "stable-1", "10.0.0.3"))) == weights


COMPLAINTS = [
    ({}, []),
    ({WEIGHTS_ANNOTATION: "canary-*=1"}, []),
    ({BALANCING_ANNOTATION: "random"}, []),
    ({WEIGHTS_ANNOTATION: "canary-*"}, ["fairlead.dev/endpoint-weights: 'canary-*': expected PATTERN=WEIGHT pairs"]),
    ({BALANCING_ANNOTATION: "maglev"}, ["fairlead.dev/balancing: 'maglev': supported values: 'random', 'source-hash'"]),
    ({BALANCING_ANNOTATION: "source-hash"}, ["iptables cannot draw by a hash of the source"]),
]


@pytest.mark.parametrize(("annotations", "messages"), COMPLAINTS)
def test_ignored_options_are_reported(annotations, messages):
    found = complaints(annotations, can_hash=False)
    assert len(found) == len(messages)
    assert all(complaint.message.startswith(text) for complaint, text in zip(found, messages, strict=True))


def test_nft_can_draw_by_a_hash():
    assert complaints({BALANCING_ANNOTATION: "source-hash"}, can_hash=True) == []


def test_weights_take_as_few_slots_as_they_can():
    assert even_slots(TARGETS[:2], (3, 9)) == (TARGETS[0], *[TARGETS[1]] * 3)


@given(targets, st.data())
def test_an_endpoint_that_goes_moves_only_its_own_slots(there, data):
    gone = data.draw(st.sampled_from(there))
    left = [target for target in there if target != gone]
    before, after = (hashed_slots(group, [1] * len(group)) for group in (there, left))
    assert all(new == old for old, new in zip(before, after, strict=True) if old != gone)


@given(targets, st.integers(2, 9), st.data())
def test_a_weight_that_grows_only_takes_slots(there, weight, data):
    grown = data.draw(st.sampled_from(there))
    before = hashed_slots(there, [1] * len(there))
    after = hashed_slots(there, [weight if target == grown else 1 for target in there])
    assert all(new in (old, grown) for old, new in zip(before, after, strict=True))


@pytest.mark.parametrize("weights", [(1, 1), (1, 3), (1, 2, 3, 4), (1,) * 8])
def test_slots_are_spread_by_weight(weights):
    """Within five standard deviations of the binomial distribution."""
    counts = Counter(hashed_slots(TARGETS[: len(weights)], weights))
    for target, weight in zip(TARGETS, weights, strict=False):
        share = weight / sum(weights)
        assert abs(counts[target] - HASH_SLOTS * share) < 5 * (HASH_SLOTS * share * (1 - share)) ** 0.5


def test_a_change_of_endpoints_sends_only_the_slots_that_move():
    def state(*numbers):
        return snapshot(*weighted("", *(endpoint(f"10.0.0.{n}", "there") for n in numbers), **BY_SOURCE))

    _, applied = build(state(1, 2, 3), VIEW, nft_skeleton.skeleton(VIEW), nft_rules.service_part)
    change = advance(applied, state(1, 2), {WEB}, nft_rules.service_part)
    moved = Counter(hashed_slots(TARGETS[:3], (1, 1, 1)))[TARGETS[2]]
    assert len(change.transaction) == 2 * moved  # each deleted and added


BY_SOURCE = {BALANCING_ANNOTATION: "source-hash"}


def test_iptables_spells_weights_as_probabilities():
    state = snapshot(*weighted("canary-*=1, *=3", CANARY, STABLE, pod("stable-2", "10.0.0.3")))
    part = iptables_rules.contribute(plan_service(state, WEB, VIEW), VIEW)
    text = render_restore(iptables_rules.assemble([part], VIEW))
    chances = [line.split("--probability ")[1].split()[0] for line in text.splitlines() if "--probability" in line]
    assert chances == ["0.1428571429", "0.5000000000"]  # 1 of 7, then 3 of 6, then what is left


def nft_host(state):
    table, _ = build(state, VIEW, nft_skeleton.skeleton(VIEW), nft_rules.service_part)
    return Host(frozenset({"192.168.0.2"}), (table,))


def iptables_host(state):
    part = iptables_rules.contribute(plan_service(state, WEB, VIEW), VIEW)
    return Host(frozenset({"192.168.0.2"}), tuple(table for _, table in iptables_rules.assemble([part], VIEW)))


weights_of_pods = st.lists(st.integers(0, 3), min_size=3, max_size=3)


@pytest.mark.parametrize(("rules", "host"), [(Rules.NFT, nft_host), (Rules.IPTABLES, iptables_host)])
@given(weights_of_pods, st.booleans(), st.sampled_from(["None", "ClientIP"]), st.sampled_from(["Cluster", "Local"]))
@settings(max_examples=40)
def test_the_rules_reach_whom_the_oracle_says_has_any_weight(rules, host, weights, by_source, affinity, policy):
    pods = [pod(f"web-{i}", f"10.0.0.{i}", "here" if i else "there") for i in range(3)]
    notes = {WEIGHTS_ANNOTATION: ",".join(f"web-{i}={weight}" for i, weight in enumerate(weights))}
    notes |= BY_SOURCE if by_source else {}
    web = service(annotations=notes, sessionAffinity=affinity, internalTrafficPolicy=policy)
    state = snapshot(web, endpoint_slice(pods, ports=(("http", 80),)))
    situation = Situation(
        state, "here", None, frozenset({"192.168.0.2"}), frozenset(), pod_cidr="10.0.0.0/8", rules=rules
    )
    packet = Packet("10.0.0.9", "10.96.0.10", 80, "tcp", "pod0")
    assert outcomes(host(state), packet) == allowed(situation, packet)
