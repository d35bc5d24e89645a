"""The kernel's handling of packets that were really sent, from connection tracking, compared with the prediction."""

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from fairlead.explain.journey.delivery import Deliveries, Delivery
from fairlead.explain.journey.ends import Goal
from fairlead.explain.statements import Evidence, EvidenceKind, Statement, Verdict, failed, said, unchecked
from fairlead.model.phrases import Phrase
from fairlead.trace.packet import DROPPED, REJECTED, Outcome, PacketFate

_FLOW = re.compile(
    r"src=(?P<client>\S+) dst=(?P<to>\S+) sport=(?P<port>\d+) dport=(?P<to_port>\d+)"
    r".*?src=(?P<server>\S+) dst=(?P<back>\S+) sport=(?P<server_port>\d+) dport=(?P<back_port>\d+)"
)


class Sent(NamedTuple):
    """One attempted connection: its source port, and "connected", "refused" or, without any answer, "dropped"."""

    port: int
    result: str


def outcomes_of(sent: Iterable[Sent], conntrack: str, to: Goal) -> list[Outcome]:
    """The result of each connection: the endpoint is the one from which connection tracking expects the reply."""
    flows: Mapping[int, re.Match[str]] = {
        int(match["port"]): match
        for match in map(_FLOW.search, conntrack.splitlines())
        if match and match["to"] == to.host
    }
    return [_outcome(each, flows.get(each.port), to) for each in sent]


def _outcome(sent: Sent, flow: "re.Match[str] | None", to: Goal) -> Outcome:
    if sent.result == "dropped" and (flow is None or to.protocol != "udp"):
        return DROPPED  # a datagram with a flow has left the node: it needs no answer
    if flow is None:  # refused by a rule, which leaves no flow; or it did not pass this node
        return REJECTED if sent.result == "refused" else Outcome(PacketFate.ACCEPT, to.host, to.port or 0)
    is_masqueraded = flow["back"] != flow["client"] or flow["back_port"] != flow["port"]
    return Outcome(PacketFate.ACCEPT, flow["server"], int(flow["server_port"]), is_masqueraded)


def compare(predicted: Deliveries, seen: list[Outcome], where: str) -> Statement:
    """Compares both; the statement fails where the kernel did something that was not predicted."""
    expected = {each.final for each in predicted.outcomes}
    if predicted.packet.protocol == "udp":  # a drop by another node and a missing answer look the same
        expected |= {each.outcome for each in predicted.outcomes}
    if any(_may_be_nobody(predicted, each) for each in predicted.outcomes):
        expected.add(REJECTED)
    counts = {outcome: seen.count(outcome) for outcome in dict.fromkeys(seen)}
    parts = [_side(outcome, count, len(seen), outcome in expected, where) for outcome, count in counts.items()]
    drawn = {each.final for each in predicted.outcomes} - set(counts)
    missing = sorted(str(outcome) for outcome in drawn if outcome is not None)
    if missing:
        parts.append(said(Phrase("predicted, and not drawn this time: {missing}", missing=missing)))
    word, verdict = ("agree", Verdict.CHECKED) if set(counts) <= expected else ("DIFFER", Verdict.FAILED)
    text = Phrase("sent {count} for real: prediction and kernel {verdict}", count=len(seen), verdict=Phrase(word))
    if verdict is Verdict.FAILED and predicted.doubts:
        text = Phrase("sent {count} for real, where the prediction was not certain", count=len(seen))
        return Statement(text, (), tuple(unchecked(part.text, *part.because) for part in parts), Verdict.NOT_CHECKED)
    return Statement(text, (), tuple(parts), verdict)


def not_sent(error: Exception) -> Statement:
    """A statement that packets could not be sent, and why."""
    return unchecked(Phrase("what the kernel does: {error}", error=error))


def came_elsewhere(count: int, total: int, node: str) -> Statement:
    """A statement that routers chose another node for some packets from outside."""
    return unchecked(Phrase("{count} of {total} came by another node than {node}", count=count, total=total, node=node))


def _may_be_nobody(predicted: Deliveries, delivery: Delivery) -> bool:
    """Whether the packet ends at an address without an endpoint, where perhaps no process listens."""
    outcome, packet = delivery.outcome, predicted.packet
    return delivery.pod is None and outcome is not None and outcome.destination == packet.destination


def _side(outcome: Outcome, count: int, total: int, is_expected: bool, where: str) -> Statement:
    evidence = Evidence(f"connection tracking: {outcome}", where, EvidenceKind.OBSERVATION)
    text = Phrase("{count} of {total}: {outcome}", count=count, total=total, outcome=outcome)
    return (
        said(Phrase("{text}, as predicted", text=text), evidence)
        if is_expected
        else failed(Phrase("{text}, not predicted", text=text), evidence)
    )
