"""What connection tracking says of connections that were sent, and how that is compared with the prediction."""

import pytest

from fairlead.explain.journey.delivery import Deliveries, Delivery
from fairlead.explain.journey.ends import Goal
from fairlead.explain.journey.observed import Sent, compare, outcomes_of
from fairlead.explain.statements import Verdict
from fairlead.trace.packet import DROPPED, REJECTED, Outcome, Packet, PacketFate

GOAL = Goal("10.96.0.10", 80)
FLOW = "tcp 6 9 {} src=10.244.1.9 dst=10.96.0.10 sport={} dport=80 src=10.244.1.3 dst={} sport=8080 dport={}"
FLOWS = "\n".join(
    [
        FLOW.format("ESTABLISHED", 4001, "10.244.1.9", 4001),
        FLOW.format("ESTABLISHED", 4002, "192.168.0.2", 61234),
        FLOW.format("CLOSE", 4003, "10.244.1.9", 4003),
    ]
)


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (Sent(4001, "connected"), Outcome(PacketFate.ACCEPT, "10.244.1.3", 8080)),
        (Sent(4002, "connected"), Outcome(PacketFate.ACCEPT, "10.244.1.3", 8080, True)),
        (Sent(4003, "refused"), Outcome(PacketFate.ACCEPT, "10.244.1.3", 8080)),  # by the endpoint: rules leave no flow
        (Sent(4004, "refused"), REJECTED),
        (Sent(4005, "dropped"), DROPPED),
        (Sent(4006, "connected"), Outcome(PacketFate.ACCEPT, "10.96.0.10", 80)),
    ],
)
def test_the_result_of_a_connection(sent, expected):
    assert outcomes_of([sent], FLOWS, GOAL) == [expected]


def test_an_unpredicted_result_is_a_failure():
    packet = Packet("10.244.1.9", "10.96.0.10", 80)
    predicted = Deliveries(packet, (Delivery(REJECTED, 1.0, ()),), ())
    assert compare(predicted, [REJECTED], "x").outcome is Verdict.CHECKED
    assert compare(predicted, [REJECTED, DROPPED], "x").outcome is Verdict.FAILED
