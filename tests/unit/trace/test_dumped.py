"""Rules as text, read and run: the same as the typed rules that the text was written from, and never more certain."""

import contextlib
import json
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.dataplane import iptables_rules
from fairlead.dataplane.forwarding import plan_service
from fairlead.model.addresses import IPFamily
from fairlead.netfilter.dump.iptables import read_iptables
from fairlead.netfilter.dump.nft import read_nft
from fairlead.netfilter.dump.nft_json import NotRules, read_nft_json
from fairlead.netfilter.iptables_text import render_restore
from fairlead.netfilter.nft_text import render_table
from fairlead.netfilter.ruleset import TableName
from fairlead.trace.dumped import UNTOLD, follow
from fairlead.trace.evaluate import outcomes
from fairlead.trace.packet import DROPPED, REJECTED, Outcome, Packet, PacketFate
from fairlead.trace.ways import TracedNode
from tests.support.full import some_of
from tests.support.proxy_flows import FLOWS, FLOWS_IN_IPV6
from tests.unit.trace.test_flows import either_family, iptables_host, nft_host


def nft_dump(world):
    host = nft_host(world)
    return "\n".join(render_table(TableName(world.family, f"t{i}"), table) for i, table in enumerate(host.tables))


def nft_node(world):
    return TracedNode(frozenset(world.own_addresses), tuple(read_nft(nft_dump(world))))


def iptables_node(world):
    family = "ip6" if world.family is IPFamily.IPV6 else "ip"
    keys = sorted(world.snapshot.services)
    parts = (iptables_rules.contribute(plan_service(world.snapshot, key, world.view), world.view) for key in keys)
    text = render_restore(iptables_rules.assemble(parts, world.view))
    return TracedNode(frozenset(world.own_addresses), tuple(read_iptables(text, family)))


BACK_ENDS = pytest.mark.parametrize(
    ("node", "host"), [(nft_node, nft_host), (iptables_node, iptables_host)], ids=["nft", "iptables"]
)


@BACK_ENDS
@pytest.mark.parametrize("flow", [f for f in (*FLOWS, *FLOWS_IN_IPV6) if not f.world.is_closed], ids=str)
def test_the_text_of_our_rules_does_what_the_rules_do(node, host, flow):
    found = follow(node(flow.world), flow.packet, is_first=True)
    assert found.outcomes == outcomes(host(flow.world), flow.packet), found
    assert found.is_certain
    assert sum(way.probability for way in found.ways) == pytest.approx(1, abs=1e-6)


@BACK_ENDS
@given(flow=either_family)
@settings(max_examples=some_of(50, 150), deadline=None)
def test_in_any_cluster_the_text_does_what_the_rules_do(node, host, flow):
    found = follow(node(flow.world), flow.packet, is_first=True)
    assert found.outcomes == outcomes(host(flow.world), flow.packet)
    assert found.is_certain


DUMPS = Path(__file__).parents[2] / "support/rule_dumps"
IPTABLES, NFT = ((DUMPS / f"kube_proxy_{name}.txt").read_text() for name in ("iptables", "nft"))
READERS = {"iptables": (read_iptables, IPTABLES), "nft": (read_nft, NFT)}
NODE, POD, OUTSIDE = "192.168.0.2", "10.244.1.9", "203.0.113.9"
ENDPOINTS = ("10.244.1.3", "10.244.2.4", "10.244.2.5")
ACCEPTED = [Outcome(PacketFate.ACCEPT, ip, 8080) for ip in ENDPOINTS]
HIDDEN = [Outcome(PacketFate.ACCEPT, ip, 8080, True) for ip in ENDPOINTS]


def kube_proxy(mode, around=""):
    reader, text = READERS[mode]
    return TracedNode(frozenset({NODE}), tuple(reader(text + around)))


@pytest.mark.parametrize("mode", READERS)
@pytest.mark.parametrize(
    ("source", "destination", "port", "expected"),
    [
        (POD, "10.96.0.10", 80, ACCEPTED),
        (NODE, "10.96.0.10", 80, HIDDEN),
        (OUTSIDE, "10.96.0.10", 80, HIDDEN),
        (OUTSIDE, NODE, 30080, ACCEPTED[:1]),
        (POD, NODE, 30080, ACCEPTED),
        (NODE, NODE, 30080, HIDDEN),
        (POD, "10.96.0.30", 80, [REJECTED]),
        ("10.244.1.3", "10.96.0.10", 80, [HIDDEN[0], *ACCEPTED[1:]]),
    ],
)
def test_the_rules_of_kube_proxy(mode, source, destination, port, expected):
    packet = Packet(source, destination, port, interface="" if source == NODE else UNTOLD)
    found = follow(kube_proxy(mode), packet, is_first=True)
    assert found.outcomes == set(expected), found


def test_each_endpoint_has_its_share():
    for mode in READERS:
        found = follow(kube_proxy(mode), Packet(POD, "10.96.0.10", 80, interface="veth1"))
        shares = [sum(w.probability for w in found.ways if w.outcome == outcome) for outcome in ACCEPTED]
        assert shares == pytest.approx([1 / 3] * 3, abs=1e-6)


STRANGE = {
    "iptables": [
        "-A INPUT -m set --match-set blocked src -j DROP",
        "-A FORWARD -m limit --limit 5/min -j DROP",
        "-A FORWARD -m bpf --object-pinned /sys/x -j DROP",
        "-A FORWARD -j NFQUEUE --queue-num 1",
        "-A FORWARD -j CHAIN-THAT-IS-NOT-THERE",
        "-A FORWARD -j",
    ],
    "nft": [
        "ip daddr @nowhere drop",
        "limit rate 5/minute drop",
        'xt match "bpf" drop',
        "queue to 1",
        'ct helper "ftp" drop',
        'meta time "2026-01-01" drop',
    ],
}


@pytest.mark.parametrize(("mode", "rule"), [(mode, rule) for mode, rules in STRANGE.items() for rule in rules])
def test_unknown_rules_are_doubts(mode, rule):
    wrapped = rule.replace("INPUT", "FORWARD")
    chain = f"chain fw {{\n\t\ttype filter hook forward priority 0; policy accept;\n\t\t{rule}\n\t}}"
    around = (
        f"*filter\n:FORWARD ACCEPT [0:0]\n{wrapped}\nCOMMIT\n"
        if mode == "iptables"
        else f"table inet filter {{\n\t{chain}\n}}\n"
    )
    found = follow(kube_proxy(mode, around), Packet(POD, "10.96.0.10", 80, interface=UNTOLD))
    assert not found.is_certain
    assert {None, DROPPED} & found.outcomes


HARMLESS = (
    "-A FORWARD -m limit --limit 3/min --limit-burst 10 -j LOG --log-prefix '[UFW BLOCK] '",
    "-A FORWARD -m bpf --object-pinned /sys/x -j NFLOG --nflog-group 1",
    "-A FORWARD -p tcp -m tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu",
    "-A FORWARD -m bpf --object-pinned /sys/x",
    "-A FORWARD -p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN -j DROP",
    "-A FORWARD -p tcp -m tcp --tcp-flags FIN,SYN FIN,SYN -j DROP",
    "-A FORWARD -j CONNMARK --save-mark",
)


@pytest.mark.parametrize("rule", HARMLESS)
def test_irrelevant_rules_leave_the_outcome_certain(rule):
    around = f"*filter\n:FORWARD ACCEPT [0:0]\n{rule}\nCOMMIT\n"
    found = follow(kube_proxy("iptables", around), Packet(POD, "10.96.0.10", 80, interface=UNTOLD))
    assert found.is_certain
    assert found.outcomes == set(ACCEPTED)


def test_a_chance_of_iptables_as_nft_lists_it():
    rules = "meta random & 2147483647 < 1073741824 drop"
    chain = f"chain fw {{\n\t\ttype filter hook forward priority 0; policy accept;\n\t\t{rules}\n\t}}"
    found = follow(
        TracedNode(frozenset({NODE}), tuple(read_nft(f"table ip x {{\n\t{chain}\n}}\n"))),
        Packet(POD, "10.244.2.4", 80, interface="veth1"),
    )
    assert found.is_certain
    assert {way.outcome: way.probability for way in found.ways}[DROPPED] == 0.5


FIREWALL = """table inet firewalld {
	set trusted {
		type ipv4_addr
		flags interval
		elements = { 10.0.0.0/8, 192.168.0.1-192.168.0.20 }
	}
	chain filter_INPUT {
		type filter hook input priority filter + 10; policy drop;
		ct state { established, related } accept
		iifname "lo" accept
		tcp dport { 22, 6443 } accept
		ip saddr @trusted meta l4proto { tcp, udp } th dport 10000-20000 counter packets 3 bytes 180 accept
	}
}
"""


@pytest.mark.parametrize(
    ("source", "port", "expected"),
    [
        (OUTSIDE, 22, Outcome(PacketFate.ACCEPT, NODE, 22)),
        (OUTSIDE, 8080, DROPPED),
        ("192.168.0.9", 15000, Outcome(PacketFate.ACCEPT, NODE, 15000)),
        ("192.168.0.99", 15000, DROPPED),
    ],
)
def test_a_firewall_beside_the_proxy(source, port, expected):
    found = follow(kube_proxy("nft", FIREWALL), Packet(source, NODE, port, interface="eth0"))
    assert found.outcomes == {expected}
    assert found.is_certain


@given(seed=st.integers(0, 10**9))
@settings(max_examples=some_of(15, 60), deadline=None)
def test_no_mutation_of_a_dump_breaks_the_reading_or_makes_a_new_endpoint(seed):
    chance = random.Random(seed)
    for mode, (_, text) in READERS.items():
        found = follow(TracedNode(frozenset({NODE}), tuple(READERS[mode][0](mutated(text, chance)))), PACKET)
        for outcome in found.outcomes:
            assert outcome is None or outcome.fate is not PacketFate.ACCEPT or outcome.destination


PACKET = Packet(POD, "10.96.0.10", 80, interface=UNTOLD)


def mutated(text, chance):
    """The text with words and characters taken away, doubled or swapped, and lines cut."""
    lines = text.splitlines()
    for _ in range(chance.randint(1, 12)):
        place = chance.randrange(len(lines))
        words = lines[place].split(" ")
        kind = chance.randrange(5)
        if kind == 0:
            del lines[place]
        elif kind == 1:
            lines[place] = lines[place][: chance.randrange(len(lines[place]) + 1)]
        elif kind == 2:
            words.insert(
                chance.randrange(len(words) + 1), chance.choice(["!", "{", "}", '"', "@x", "accept", "0x", "--"])
            )
            lines[place] = " ".join(words)
        elif kind == 3:
            chance.shuffle(words)
            lines[place] = " ".join(words)
        else:
            lines[place] = lines[place] + lines[chance.randrange(len(lines))]
        if not lines:
            return ""
    return "\n".join(lines)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"nftables": 3}', '{"nftables": [{"rule": {"expr": 3}}, 4]}'])
def test_json_that_is_not_rules(text):
    with contextlib.suppress(NotRules):
        assert read_nft_json(text) == []


@pytest.mark.parametrize(
    "line",
    ["type filter hook ingress priority 0; policy drop;", "type strange hook forward at 7;"],
)
def test_a_base_chain_that_cannot_be_read_is_a_doubt_of_every_packet(line):
    around = f"table inet x {{\n\tchain y {{\n\t\t{line}\n\t}}\n}}\n"
    assert not follow(kube_proxy("nft", around), PACKET).is_certain


def test_a_dump_that_is_cut_off_is_a_doubt():
    for mode, (reader, text) in READERS.items():
        cut = TracedNode(frozenset({NODE}), tuple(reader(text[: len(text) * 2 // 3])))
        assert not follow(cut, PACKET).is_certain, mode


@pytest.mark.parametrize("family", ["bridge", "netdev"])
def test_a_table_that_is_not_of_ip_is_a_doubt(family):
    around = f"table {family} x {{\n\tchain y {{\n\t\ttype filter hook input priority 0; policy accept;\n\t}}\n}}\n"
    assert not follow(kube_proxy("nft", around), PACKET).is_certain


def test_the_rules_of_kube_proxy_are_read_the_same_from_json():
    listed = json.loads((DUMPS / "kube_proxy_nft.json").read_text())
    node = TracedNode(frozenset({NODE}), tuple(read_nft_json(json.dumps(listed))))
    for source, destination, port in ((POD, "10.96.0.10", 80), (OUTSIDE, NODE, 30080), (POD, "10.96.0.30", 80)):
        packet = Packet(source, destination, port, interface="eth0")
        found = follow(node, packet)
        assert found.is_certain, found
        assert found.outcomes == follow(kube_proxy("nft"), packet).outcomes
