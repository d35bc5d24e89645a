"""A cluster IP is its Service's, whatever others name in externalIPs (CVE-2020-8554)."""

import pytest

from fairlead.dataplane import iptables_rules, nft_rules, nft_skeleton
from fairlead.dataplane.forwarding import plan_service
from fairlead.dataplane.incremental import advance, build
from fairlead.dataplane.ownership import Usurpation, usurpations, usurpers, with_rivals
from fairlead.model.names import ObjectKey
from fairlead.netfilter.iptables_text import render_restore
from fairlead.netfilter.transaction import apply
from tests.support.proxy_objects import endpoint, endpoint_slice, service, snapshot
from tests.unit.dataplane.test_incremental import VIEW

DNS_IP = "10.96.0.10"
PORTS = (("u", 53, "UDP"), ("t", 53))
DNS = (service("kube-dns", DNS_IP, PORTS), endpoint_slice([endpoint("10.0.0.53")], "kube-dns", PORTS))
THIEF_SLICE = endpoint_slice([endpoint("10.0.0.66")], "a-thief", (*PORTS, ("more", 80)))


def thief(**names):
    """Its name comes first, and it asks for ports that the owner has and for one that it has not."""
    return service("a-thief", "10.96.0.66", (*PORTS, ("more", 80, "TCP", 30066)), **names)


NAMED = [
    ("an external IP", {"externalIPs": [DNS_IP]}),
    ("oddly spelled", {"externalIPs": ["010.96.0.10"]}),
    ("a load balancer's IP", {"type": "LoadBalancer", "status": {"loadBalancer": {"ingress": [{"ip": DNS_IP}]}}}),
]


def rules_to(address, state):
    """What leads to the thief's endpoint from the address, in either back end; and that there is something at all."""
    table, _ = build(state, VIEW, nft_skeleton.skeleton(VIEW), nft_rules.service_part)
    nft = [id_ for id_, e in table.elements.items() if address in id_[1] and e.origin.subject.startswith("ns/a-thief")]
    parts = (iptables_rules.contribute(plan_service(state, key, VIEW), VIEW) for key in sorted(state.services))
    lines = render_restore(iptables_rules.assemble(parts, VIEW)).splitlines()
    return nft, [line for line in lines if "a-thief" in line and f"-d {address}" in line]


@pytest.mark.parametrize("names", [names for _, names in NAMED], ids=[what for what, _ in NAMED])
def test_the_owner_has_its_address_whole(names):
    with_owner = snapshot(*DNS, thief(**names), THIEF_SLICE)
    assert rules_to(DNS_IP, with_owner) == ([], [])
    assert all(rules_to("10.96.0.66", with_owner))  # its own address stays its own
    nft, iptables = rules_to(DNS_IP, snapshot(thief(**names), THIEF_SLICE))
    assert nft  # nobody's address may be served
    assert iptables


@pytest.mark.parametrize("names", [names for _, names in NAMED], ids=[what for what, _ in NAMED])
def test_a_borrowed_address_returns_to_its_owner_and_is_served_again_afterwards(names):
    without = snapshot(thief(**names), THIEF_SLICE)
    table, applied = build(without, VIEW, nft_skeleton.skeleton(VIEW), nft_rules.service_part)
    owner, _ = DNS
    for state in (without.with_object(owner), without):
        transaction, applied, *_ = advance(applied, state, {owner.key}, nft_rules.service_part)
        table = apply(transaction, table)
        assert (table, applied) == build(state, VIEW, nft_skeleton.skeleton(VIEW), nft_rules.service_part)


def test_the_loser_is_known_whichever_comes_first():
    owner, _ = DNS
    robber = thief(externalIPs=["1.1.1.1", DNS_IP])
    both, lost = snapshot(owner, robber), Usurpation(DNS_IP, owner.key)
    assert list(usurpations(both, robber)) == [lost]
    assert list(usurpers(both, None, robber)) == [(robber, lost)]
    assert list(usurpers(both, None, owner)) == [(robber, lost)]
    assert list(usurpers(both, robber, robber)) == list(usurpers(both, owner, owner)) == []
    assert list(usurpers(snapshot(robber), owner, None)) == []


def test_only_those_that_name_the_address_are_looked_at_when_its_owner_changes():
    owner, _ = DNS
    others = [service(f"s{i}", f"10.96.1.{i}", externalIPs=["1.1.1.1"]) for i in range(20)]
    before = snapshot(*others, thief(externalIPs=[DNS_IP]))
    concerned = with_rivals(before, before.with_object(owner), {owner.key})
    assert concerned == {owner.key, ObjectKey("ns", "a-thief")}
