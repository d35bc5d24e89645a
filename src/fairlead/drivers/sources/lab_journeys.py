"""Tries a predicted journey out in a lab: sends packets, has the kernel trace them, and puts both sides together."""

from typing import NamedTuple

from fairlead.drivers.sources.lab_packets import PROTOCOLS, CannotSend, flows, send
from fairlead.drivers.sources.lab_traces import watching
from fairlead.explain.cluster import Cluster
from fairlead.explain.journey.delivery import Deliveries, deliver
from fairlead.explain.journey.ends import Goal, Sender
from fairlead.explain.journey.kernel_trace import beside, not_traced, read_trace
from fairlead.explain.journey.observed import came_elsewhere, compare, not_sent, outcomes_of
from fairlead.explain.journey.rulebook import Rulebook
from fairlead.explain.statements import Statement
from fairlead.labnet.addresses import PLANS
from fairlead.model.addresses import family_of
from fairlead.trace.packet import Outcome

# Connections that are tried: where chance decides, and where it does not. A kernel sends few ICMP errors in a row; more
# of what is refused would look dropped.
DRAWN, CERTAIN = 12, 3


class Tried(NamedTuple):
    """The kernel's outcome next to the predicted one; ``outcomes`` has an entry for each connection."""

    statements: tuple[Statement, ...]
    outcomes: tuple[Outcome, ...] = ()


def try_out(lab: str, cluster: Cluster, rulebook: Rulebook, start: Sender, goal: Goal) -> Tried:
    """Send packets to an address and a port, and follow them."""
    try:
        start = _as_in_the_lab(start, goal)
        predicted = deliver(cluster, rulebook, start, goal)
        return _send(lab, predicted, start, goal)
    except (CannotSend, ValueError) as error:
        return Tried((not_sent(error),))


def _send(lab: str, predicted: Deliveries, start: Sender, goal: Goal) -> Tried:
    count = DRAWN if len(predicted.outcomes) > 1 else CERTAIN
    with watching(lab, start.node, predicted.packet, predicted.packet.source) as watch:
        sent = send(lab, start, goal, count)
    paths = read_trace(watch.text, goal.protocol)
    came = [each for each in sent if each.port in paths or not (start.is_outside and watch.text)]
    outcomes = outcomes_of(came, flows(lab, start.node, goal.protocol), goal)
    told = [compare(predicted, outcomes, f"conntrack on {start.node}")] if came else []
    if len(came) < len(sent):
        told.append(came_elsewhere(len(sent) - len(came), len(sent), start.node))
    told.append(
        beside(
            predicted, {port: path for port, path in paths.items() if port in {each.port for each in came}}, start.node
        )
        if watch.text
        else not_traced(watch.error.strip())
    )
    return Tried(tuple(told), tuple(outcomes))


def _as_in_the_lab(start: Sender, goal: Goal) -> Sender:
    """The sender with its address in a lab; a client outside has only one.

    Raises:
        CannotSend: the request names another address, or a protocol that cannot be sent.
    """
    if goal.protocol not in PROTOCOLS:
        raise CannotSend(f"only {' and '.join(PROTOCOLS)} can be sent")
    if not start.is_outside:
        return start
    own = PLANS[family_of(goal.host)].outside
    if start.address not in ("", own):
        raise CannotSend(f"in a lab, packets from outside come from {own} only")
    return start._replace(address=own)
