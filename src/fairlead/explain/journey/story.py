"""A packet's path as a tree of statements: the name, the rules by hook, the endpoints, the policies, the reply."""

from collections.abc import Iterable, Iterator
from itertools import groupby

from fairlead.clusterdns.answer import answer
from fairlead.clusterdns.names import Name, to_name
from fairlead.clusterdns.records import RRType
from fairlead.clusterdns.search import walk
from fairlead.explain.about.answering import at
from fairlead.explain.about.names import explain_search, view_of
from fairlead.explain.cluster import Cluster
from fairlead.explain.documents import mapping
from fairlead.explain.journey.delivery import Deliveries, Delivery, deliver
from fairlead.explain.journey.ends import Goal, Sender
from fairlead.explain.journey.rulebook import Rulebook
from fairlead.explain.policies import tell_ruling
from fairlead.explain.resolving import resolver_of, tried_names
from fairlead.explain.statements import Evidence, EvidenceKind, Statement, Verdict, failed, said, unchecked
from fairlead.model.addresses import IPFamily
from fairlead.model.objects import Service
from fairlead.model.phrases import Phrase
from fairlead.trace.dumped import UNTOLD, follow
from fairlead.trace.packet import Packet, PacketFate
from fairlead.trace.ways import TracedRule, Ways

_TYPES = {IPFamily.IPV4: RRType.A, IPFamily.IPV6: RRType.AAAA}


def tell(
    cluster: Cluster,
    rulebook: Rulebook,
    start: Sender,
    goal: Goal,
    *,
    verbose: bool = False,
    family: IPFamily | None = None,
) -> Statement:
    """The whole way.

    Args:
        verbose: whether to include rules that did not match, and why.
        family: of the address to look up for a name; by default IPv4.

    Raises:
        NotRules: given rules cannot be read.
    """
    parts: list[Statement] = []
    addresses = [goal.host]
    if not goal.is_address:
        lookup, addresses = _look_up(cluster, start, goal, family or IPFamily.IPV4)
        parts.append(lookup)
    port = goal.port or _only_port(cluster, addresses)
    if not addresses:
        parts.append(_no_packet(parts[-1]))
    elif port is None:
        parts.append(unchecked("where the packet goes: give a port"))
    else:
        goals = [Goal(address, port, goal.protocol) for address in addresses]
        parts += [_at_node(cluster, rulebook, start, each, verbose=verbose) for each in goals]
    return Statement(
        Phrase("{protocol} packet from {start} to {goal}", protocol=goal.protocol, start=start.text, goal=goal.text),
        (),
        tuple(parts),
    )


def _no_packet(lookup: Statement) -> Statement:
    if lookup.verdict is Verdict.FAILED:
        return failed("no packet is sent: the name has no address")
    return unchecked("where the packet goes: no address is known")


def _look_up(cluster: Cluster, start: Sender, goal: Goal, family: IPFamily) -> tuple[Statement, list[str]]:
    """The search, and the addresses that it found."""
    view = view_of(cluster)
    if start.pod is None:
        text = Phrase(
            "{start} asks the host's own resolver for {host}, not the cluster's", start=start.text, host=goal.host
        )
        return unchecked(text), []
    names: list[Name] = [to_name(name) for name in _search(cluster, start, goal.host)]
    statements = explain_search(cluster, view, names)
    steps = walk(names, _TYPES[family], lambda question: answer(question, view))
    records = [
        line.rsplit(" ", 1)[-1]
        for rrset in steps[-1].answer.answer
        if rrset.rtype == _TYPES[family]
        for line in rrset.lines()
    ]
    whole = Statement(
        Phrase("asks for {host}: {count} question{count:plural}", host=goal.host, count=len(steps)),
        (),
        tuple(statements),
        statements[-1].verdict,
    )
    return whole, records


def goals_of(cluster: Cluster, start: Sender, goal: Goal, family: IPFamily = IPFamily.IPV4) -> list[Goal]:
    """The real destinations: each address of a name, with the port."""
    addresses = [goal.host] if goal.is_address else _look_up(cluster, start, goal, family)[1]
    port = goal.port or _only_port(cluster, addresses)
    goals = [Goal(address, port, goal.protocol) for address in addresses] if port else []
    return [each for each in goals if _never_gets_there(cluster, start, each) is None]


def _search(cluster: Cluster, start: Sender, host: str) -> list[str]:
    assert start.pod is not None
    document = cluster.document("Pod", start.pod.namespace, start.pod.name) or {}
    return tried_names(host, resolver_of(cluster, start.pod.namespace, mapping(document, "spec")))


def _only_port(cluster: Cluster, addresses: list[str]) -> int | None:
    """The port of a Service that has only one."""
    for address in addresses:
        for key in cluster.snapshot.services_by_ip.get(address, ()):
            service: Service = cluster.snapshot.services[key]
            if len(service.spec.ports) == 1:
                return service.spec.ports[0].port
    return None


def _at_node(cluster: Cluster, rulebook: Rulebook, start: Sender, goal: Goal, *, verbose: bool) -> Statement:
    if start.pod is not None and goal.host in start.pod.ips:
        return said(Phrase("{goal} is the Pod itself: the packet never leaves it, and meets no rules", goal=goal.text))
    unreachable = _never_gets_there(cluster, start, goal)
    if unreachable is not None:
        return unreachable
    try:
        found = deliver(cluster, rulebook, start, goal, verbose=verbose)
    except ValueError as error:
        return unchecked(Phrase("to {goal}: {error}", goal=goal.text, error=error))
    origin = rulebook.origin(start.node)
    told = [_one(cluster, rulebook, start, found, each) for each in found.outcomes]
    parts = [*_kinds(cluster), *_doubts(found), *told]
    verdict = Verdict.CHECKED if any(d.arrives for d in found.outcomes) else Verdict.FAILED
    verdict = verdict if found.outcomes and not found.doubts else Verdict.NOT_CHECKED
    text = Phrase(
        "{source} -> {goal}/{protocol}, by the rules of {node} ({origin})",
        source=found.packet.source,
        goal=goal.text,
        protocol=goal.protocol,
        node=start.node,
        origin=origin,
    )
    return Statement(text, (), tuple(parts), verdict)


def _never_gets_there(cluster: Cluster, start: Sender, goal: Goal) -> Statement | None:
    """A client outside reaches nodes and announced addresses, never a virtual IP or a Pod."""
    if not start.is_outside or not cluster.snapshot.services_by_ip.get(goal.host):
        return None
    return failed(
        Phrase("{host} is a virtual IP: outside the cluster nobody has a route to it", host=goal.host),
        Evidence("virtual IPs exist in rules of nodes only", "", EvidenceKind.SPECIFICATION),
    )


def _kinds(cluster: Cluster) -> Iterator[Statement]:
    for kind in ("Service", "EndpointSlice", "NetworkPolicy"):
        if not cluster.has_read(kind):
            yield cluster.missing("whether more rules or policies apply", kind)


def _doubts(found: Deliveries) -> Iterator[Statement]:
    return (unchecked(doubt) for doubt in found.doubts)


def _one(cluster: Cluster, rulebook: Rulebook, start: Sender, found: Deliveries, delivery: Delivery) -> Statement:
    """One outcome: the rules that led to it, the endpoint, the policies, the reply."""
    share = (
        ""
        if delivery.chance is None or delivery.chance > 0.9999
        else Phrase(" with probability {chance:.3f}", chance=delivery.chance)
    )
    parts = [*_hooks(delivery.steps, rulebook.origin(start.node)), *_other_node(rulebook, start, found, delivery)]
    parts += [tell_ruling(cluster, each) for each in delivery.rulings]
    parts += _end(start, found, delivery)
    outcome = delivery.outcome
    if outcome is None:
        return Statement("possibly: anything, by a rule that is not understood", (), tuple(parts), Verdict.NOT_CHECKED)
    verdict = Verdict.CHECKED if delivery.arrives else Verdict.FAILED
    if delivery.chance is None:
        verdict, share = Verdict.NOT_CHECKED, Phrase(", possibly")
    words = {PacketFate.DROP: "is dropped: the client waits", PacketFate.REJECT: "is refused"}.get(outcome.fate)
    pod = Phrase(" (Pod {pod})", pod=delivery.pod.key) if delivery.pod else ""
    target = Phrase("reaches {point}{pod}", point=at(outcome.destination, outcome.port), pod=pod)
    what = Phrase(words) if words else target
    return Statement(Phrase("{what}{share}", what=what, share=share), (), tuple(parts), verdict)


def _hooks(steps: Iterable[TracedRule], origin: str) -> Iterator[Statement]:
    """The rules that matched, by hook, and those that did not, with the reason."""
    for (hook, table), group in groupby(steps, key=lambda step: (step.hook, step.table)):
        yield Statement(
            Phrase("{hook}, table {table}", hook=hook, table=table), (), tuple(_rule(step, origin) for step in group)
        )


def _rule(step: TracedRule, origin: str) -> Statement:
    evidence = Evidence(f"{step.chain}: {step.rule}".lstrip(": "), origin, EvidenceKind.RULE)
    text = step.did or Phrase("does not match: {reason}", reason=step.because)
    return unchecked(text, evidence) if step.because == "not understood" else said(text, evidence)


def _other_node(rulebook: Rulebook, start: Sender, found: Deliveries, delivery: Delivery) -> Iterator[Statement]:
    """The result of the rules of the endpoint's node, if that is another one."""
    outcome, pod = delivery.outcome, delivery.pod
    if (
        outcome is None
        or outcome.fate is not PacketFate.ACCEPT
        or pod is None
        or pod.spec.node_name in ("", start.node)
    ):
        return
    there, origin = pod.spec.node_name, rulebook.origin(pod.spec.node_name)
    packet = Packet(found.packet.source, outcome.destination, outcome.port, found.packet.protocol, UNTOLD)
    ways = follow(rulebook.node(there, packet.family), packet, is_first=True)
    passes = all(way.outcome is not None and way.outcome.fate is PacketFate.ACCEPT for way in ways.ways)
    if not passes and ways.is_certain:
        yield failed(Phrase("node {node} does not let it pass", node=there), *_last_rule(ways, origin))
    elif not ways.is_certain:
        yield unchecked(Phrase("whether node {node} lets it pass: {doubt}", node=there, doubt=ways.ways[0].doubts[0]))
    else:
        yield said(
            Phrase("node {node} lets it pass", node=there), Evidence(f"rules of {there}", origin, EvidenceKind.RULE)
        )


def _last_rule(ways: Ways, origin: str) -> tuple[Evidence, ...]:
    steps = [way.steps[-1] for way in ways.ways if way.steps]
    return tuple(Evidence(f"{step.chain}: {step.rule}", origin, EvidenceKind.RULE) for step in steps[:1])


def _end(start: Sender, found: Deliveries, delivery: Delivery) -> Iterator[Statement]:
    outcome = delivery.outcome
    if outcome is None or outcome.fate is not PacketFate.ACCEPT:
        return
    if delivery.pod is None and outcome.destination == found.packet.destination:
        yield unchecked(
            Phrase(
                "whether a process listens at {point}: it is no endpoint",
                point=at(outcome.destination, outcome.port),
            )
        )
    yield said(Phrase("the receiver sees {seen} as the sender", seen=delivery.seen))
    yield said(_reply(start, found, delivery))


def _reply(start: Sender, found: Deliveries, delivery: Delivery) -> str:
    assert delivery.outcome is not None
    packet, outcome = found.packet, delivery.outcome
    if outcome.is_masqueraded:
        return Phrase("the reply goes to {node}, whose connection tracking puts both addresses back", node=start.node)
    if (outcome.destination, outcome.port) == (packet.destination, packet.port):
        return Phrase(
            "the reply comes straight from {destination}: nothing was translated", destination=outcome.destination
        )
    return Phrase(
        "the reply passes {node}, whose connection tracking puts {destination} back as its sender",
        node=start.node,
        destination=packet.destination,
    )
