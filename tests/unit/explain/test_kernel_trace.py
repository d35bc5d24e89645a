"""The kernel's own trace as nft prints it, compared with the predicted rules."""

import pytest

from fairlead.explain.journey.delivery import Deliveries, Delivery
from fairlead.explain.journey.kernel_trace import Met, beside, read_trace, trace_rules
from fairlead.explain.statements import Verdict
from fairlead.netfilter.ruleset import Hook
from fairlead.trace.packet import Outcome, Packet, PacketFate
from fairlead.trace.ways import TracedRule

PACKET = Packet("10.244.2.4", "10.96.0.10", 80)
OWN = 'trace id {id} inet fairlead-trace {chain} packet: iif "{iif}" ip daddr 10.96.0.10 tcp sport {port} tcp dport 80'
RULE = "trace id {id} ip fairlead {chain} rule {rule} (verdict {verdict})"
JUMP = ("nat-prerouting", 'jump services comment "to endpoints"', "jump services")
SEND = ("services", "dnat to 10.244.1.2:8080", "accept")


def begins(number, port, chain="prerouting", iif="veth1"):
    return OWN.format(id=number, port=port, chain=chain, iif=iif)


def rule(number, chain, text, verdict):
    return RULE.format(id=number, chain=chain, rule=text, verdict=verdict)


def met(*rules):
    return tuple(Met("ip fairlead", *each) for each in rules)


def steps(*rules):
    return tuple(
        TracedRule(Hook.PREROUTING, "ip fairlead", chain, text, "does it", "", verdict)
        for chain, text, verdict in rules
    )


def predicted(*paths):
    outcome = Outcome(PacketFate.ACCEPT, "10.244.1.2", 8080)
    return Deliveries(PACKET, tuple(Delivery(outcome, 1.0, path, paths=(path,)) for path in paths), ())


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        ([begins("a1", 4001), rule("a1", *JUMP), rule("a1", *SEND)], {4001: met(JUMP, SEND)}),
        # Packets of two processors, told in turn.
        (
            [begins("a1", 4001), begins("b2", 4002), rule("b2", *JUMP), rule("a1", *JUMP)],
            {4001: met(JUMP), 4002: met(JUMP)},
        ),
        # An identity that is used again, by a later packet of the same connection and by another connection.
        ([begins("a1", 4001), rule("a1", *JUMP), begins("a1", 4001), rule("a1", *SEND)], {4001: met(JUMP)}),
        ([begins("a1", 4001), begins("a1", 4002), rule("a1", *JUMP)], {4001: (), 4002: met(JUMP)}),
        # From the node to itself: out, and in again from the loopback interface.
        (
            [begins("a1", 4001, "output", ""), rule("a1", *JUMP), begins("a1", 4001, iif="lo"), rule("a1", *SEND)],
            {4001: met(JUMP, SEND)},
        ),
        (
            [begins("a1", 4001), "trace id a1 ip filter FORWARD policy drop", "trace id a1 ip x y policy accept"],
            {4001: (Met("ip filter", "FORWARD", "policy drop", "drop"),)},
        ),
        (["", "trace id", "nonsense", rule("a1", *JUMP)], {}),
    ],
)
def test_the_first_packet_of_each_connection(lines, found):
    assert read_trace("\n".join(lines), "tcp") == found


def test_both_sides_agree_rule_by_rule():
    told = beside(predicted(steps(JUMP, SEND)), {4001: met(JUMP, SEND), 4002: met(JUMP, SEND)}, "node-1")
    assert told.outcome is Verdict.CHECKED
    assert "2 of 2 met these rules" in [each.text for each in told.walk()]


@pytest.mark.parametrize(
    "path",
    [
        met(JUMP),
        met(JUMP, SEND, JUMP),
        met((*JUMP[:2], "drop"), SEND),
        met(("other-chain", *JUMP[1:]), SEND),
        met((JUMP[0], "jump services", "jump services"), SEND),
    ],
    ids=["too few", "too many", "verdict", "chain", "rule"],
)
def test_any_difference_is_a_failure(path):
    told = beside(predicted(steps(JUMP, SEND)), {4001: path}, "node-1")
    assert told.outcome is Verdict.FAILED
    assert any("the kernel:" in each.text for each in told.walk())


def test_counters_and_rules_that_only_count_do_not_matter():
    counted = (JUMP[0], 'counter packets 7 bytes 420 jump services comment "to endpoints"', JUMP[2])
    bare = (JUMP[0], 'counter jump services comment "to endpoints"', JUMP[2])
    only = ("nat-prerouting", "counter packets 1 bytes 60", "continue")
    assert beside(predicted(steps(bare)), {1: met(only, counted)}, "node-1").outcome is Verdict.CHECKED


def test_rules_of_iptables_are_recognised_by_chain_and_verdict():
    saved = ("KUBE-SERVICES", "-A KUBE-SERVICES -d 10.96.0.10/32 -j KUBE-SVC-X", "jump KUBE-SVC-X")
    traced = ("KUBE-SERVICES", "ip daddr 10.96.0.10 counter packets 1 bytes 60 jump KUBE-SVC-X", "jump KUBE-SVC-X")
    assert beside(predicted(steps(saved)), {1: met(traced)}, "node-1").outcome is Verdict.CHECKED


def test_the_way_that_fits_is_found_among_several():
    other = (SEND[0], "dnat to 10.244.2.2:8080", "accept")
    told = beside(predicted(steps(JUMP, other), steps(JUMP, SEND)), {1: met(JUMP, SEND), 2: met(JUMP, other)}, "node-1")
    assert told.outcome is Verdict.CHECKED


@pytest.mark.parametrize("seen", [{}, {4001: ()}])
def test_an_empty_trace_of_the_kernel_proves_nothing(seen):
    assert beside(predicted(steps(JUMP)), seen, "node-1").outcome is Verdict.NOT_CHECKED


def test_only_this_connection_is_marked():
    text = trace_rules(PACKET, PACKET.source, "udp dport 9")
    assert (
        "ip saddr 10.244.2.4 ip daddr 10.96.0.10 tcp dport 80 tcp flags & (syn | ack) == syn meta nftrace set 1" in text
    )
    six = trace_rules(Packet("fd00::4", "fd00::a", 53, "udp"), None, "udp dport 9")
    assert "{ type filter hook prerouting priority -301; ip6 daddr fd00::a udp dport 53 meta nftrace set 1; }" in six
