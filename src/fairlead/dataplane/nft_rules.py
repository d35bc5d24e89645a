"""The forwarding plan in nft's terms: a table of our own, O(1) for packets and readable in ``nft list ruleset``.

A packet's way through the table, for one IP family:

    prerouting, output  (before NAT)   restricted-ports: sources that a load balancer IP does not admit are dropped
    prerouting, output  (NAT)          services: verdict maps keyed by address, protocol and port lead to the
                                       service port's own chain, which picks an endpoint
    input, forward, output (filter)    unserved: what was not translated is rejected or dropped, as its map says
    postrouting         (NAT)          hide-source: masquerade of what is marked, and of endpoints that reach themselves

Every service port has chains of its own, named after it: ``service/...`` (any endpoint), ``local/...`` (endpoints of
this node), ``external/...`` (connections from outside: masquerade and policy) and ``restrict/...``. Everything else is
an element of a map or set, so that a change of one Service touches only its own chains and elements, whatever the size
of the cluster. Semantics: upstream's ``pkg/proxy/nftables``; the layout is ours.
"""

from collections.abc import Iterator
from ipaddress import ip_address, ip_network

from fairlead.dataplane.forwarding import Fate, NodeView, PortPlan
from fairlead.dataplane.service_ports import ServicePortName
from fairlead.model.addresses import IPFamily
from fairlead.netfilter.ruleset import (
    AddMark,
    Attachment,
    Chain,
    DestinationTranslated,
    Drop,
    Element,
    ElementId,
    Field,
    FlipMark,
    Goto,
    GotoAtRandom,
    HasMark,
    Hook,
    InNetworks,
    InSet,
    IsLocal,
    IsProtocol,
    Jump,
    Key,
    Lookup,
    Masquerade,
    Match,
    NamedSet,
    NewConnection,
    Origin,
    Reject,
    RememberTarget,
    Rule,
    SetKind,
    Table,
    TableName,
    Target,
    Translate,
    TranslateAsRemembered,
    TranslateAtRandom,
    Verdict,
)

TABLE = "fairlead"
BEFORE_NAT, DESTINATION_NAT, FILTER, SOURCE_NAT = -110, -100, 0, 100  # hook priorities, nft(8)
LOOPBACK = {IPFamily.IPV4: "127.0.0.0/8", IPFamily.IPV6: "::1/128"}

ADDRESSED = (Field.DESTINATION, Field.PROTOCOL, Field.PORT)
ON_NODE = (Field.PROTOCOL, Field.PORT)

SETS = (
    NamedSet("cluster-ips", (Field.DESTINATION,)),
    NamedSet("node-ips", (Field.DESTINATION,)),
    NamedSet("hairpins", (Field.SOURCE, *ADDRESSED)),
    NamedSet("service-ports", ADDRESSED, SetKind.VERDICT_MAP),
    NamedSet("node-ports", ON_NODE, SetKind.VERDICT_MAP),
    NamedSet("restricted-ports", ADDRESSED, SetKind.VERDICT_MAP),
    NamedSet("unserved-ports", ADDRESSED, SetKind.VERDICT_MAP),
    NamedSet("unserved-node-ports", ON_NODE, SetKind.VERDICT_MAP),
)

_NEW = NewConnection()
_CHECKS = {Hook.INPUT: ("unserved",), Hook.FORWARD: ("unserved", "strays"), Hook.OUTPUT: ("unserved", "strays")}


def table_name(family: IPFamily) -> TableName:
    """Which table of the kernel is ours in this family."""
    return TableName(family, TABLE)


def skeleton(view: NodeView) -> Table:
    """What is there before any Service: base chains, the chains that they lead to, empty maps, the node's addresses."""
    chains = [*_base_chains(), *_shared_chains(view)]
    addresses: dict[ElementId, Element] = {("node-ips", (ip,)): Element() for ip in view.node_port_ips or ()}
    return Table({chain.name: chain for chain in chains}, {set_.name: set_ for set_ in SETS}, addresses)


def _base_chains() -> Iterator[Chain]:
    for hook in (Hook.PREROUTING, Hook.OUTPUT):
        restrict = Rule((_NEW,), (Lookup(ADDRESSED, "restricted-ports"),))
        yield Chain(f"before-nat-{hook}", (restrict,), Attachment("filter", hook, BEFORE_NAT))
        yield Chain(f"nat-{hook}", (Rule((), (Jump("services"),)),), Attachment("nat", hook, DESTINATION_NAT))
    for hook, targets in _CHECKS.items():
        rules = tuple(Rule((_NEW,), (Jump(target),)) for target in targets)
        yield Chain(f"filter-{hook}", rules, Attachment("filter", hook, FILTER))
    postrouting = Attachment("nat", Hook.POSTROUTING, SOURCE_NAT)
    yield Chain("nat-postrouting", (Rule((), (Jump("hide-source"),)),), postrouting)


def _shared_chains(view: NodeView) -> Iterator[Chain]:
    node = _on_this_node(view)
    yield Chain(
        "services",
        (
            *_cluster_ip_masquerade(view),
            Rule((), (Lookup(ADDRESSED, "service-ports"),)),
            Rule(node, (Lookup(ON_NODE, "node-ports"),)),
        ),
    )
    yield Chain(
        "unserved",
        (
            Rule((), (Lookup(ADDRESSED, "unserved-ports"),)),
            Rule(node, (Lookup(ON_NODE, "unserved-node-ports"),)),
        ),
    )
    yield Chain("strays", tuple(_stray_rules(view)))
    yield Chain("refuse", (Rule((), (Reject(),)),))
    yield Chain("hide-source", _masquerade_rules(view))


def _on_this_node(view: NodeView) -> tuple[Match, ...]:
    if view.node_port_ips is not None:
        return (InSet((Field.DESTINATION,), "node-ips"),)
    not_loopback = InNetworks(Field.DESTINATION, (LOOPBACK[view.family],), negated=True)
    return (IsLocal(Field.DESTINATION), not_loopback)


def _cluster_ip_masquerade(view: NodeView) -> Iterator[Rule]:
    """Whoever is not a Pod could not be answered by the endpoint directly: its address is hidden behind the node's."""
    to_cluster_ip = InSet((Field.DESTINATION,), "cluster-ips")
    mark = AddMark(view.masquerade_mark)
    if view.masquerade_all:
        yield Rule((to_cluster_ip,), (mark,), Origin("", "masquerade all traffic to cluster IPs"))
    elif outside := view.pod_traffic.matches(negated=True):
        yield Rule((to_cluster_ip, *outside), (mark,), Origin("", "masquerade what comes from outside the cluster"))


def _stray_rules(view: NodeView) -> Iterator[Rule]:
    reason = Origin("", "a port that the Service does not have")
    yield Rule((InSet((Field.DESTINATION,), "cluster-ips"),), (Reject(),), reason)
    if view.service_cidrs:
        unallocated = Origin("", "a virtual IP that no Service has")
        yield Rule((InNetworks(Field.DESTINATION, view.service_cidrs),), (Drop(),), unallocated)


def _masquerade_rules(view: NodeView) -> tuple[Rule, ...]:
    bit = view.masquerade_mark
    marked = Rule((HasMark(bit),), (FlipMark(bit), Masquerade()), Origin("", "marked for masquerade"))
    to_itself = (DestinationTranslated(), InSet((Field.SOURCE, *ADDRESSED), "hairpins"))
    return marked, Rule(to_itself, (Masquerade(),), Origin("", "an endpoint that reached itself through its Service"))


# --- one Service -----------------------------------------------------------------------------------------------------


def service_part(plans: tuple[PortPlan, ...], view: NodeView) -> Table:
    """The chains, sets and elements that are there for one Service."""
    chains: dict[str, Chain] = {}
    sets: dict[str, NamedSet] = {}
    elements: dict[ElementId, Element] = {}
    for plan in plans:
        chains.update((chain.name, chain) for chain in _port_chains(plan, view))
        sets.update((set_.name, set_) for set_ in _port_sets(plan))
        elements.update(_port_elements(plan))
    return Table(chains, sets, elements)


def chain_name(kind: str, name: ServicePortName) -> str:
    """``kind/namespace/service/protocol/port``: 8+1+63+1+63+1+4+1+63 = 205 of the kernel's 255 bytes at most."""
    port = f"/{name.port}" if name.port else ""
    return f"{kind}/{name.service.namespace}/{name.service.name}/{name.protocol.lower()}{port}"


def _port_chains(plan: PortPlan, view: NodeView) -> Iterator[Chain]:
    if plan.needs_cluster_targets:
        yield from _balancing(plan, "service", plan.endpoints.cluster)
    if plan.needs_local_targets:
        yield from _balancing(plan, "local", plan.endpoints.local)
    if _has_external_chain(plan):
        yield Chain(chain_name("external", plan.port.name), tuple(_external_rules(plan, view)))
    if plan.port.source_ranges and plan.port.load_balancer_ips:
        yield Chain(chain_name("restrict", plan.port.name), (_restrict_rule(plan, view),))


def _balancing(plan: PortPlan, kind: str, targets: tuple[Target, ...]) -> Iterator[Chain]:
    name = plan.port.name
    chain, protocol = chain_name(kind, name), IsProtocol(name.protocol.lower())
    if plan.port.affinity_seconds is None:
        balance = Rule((protocol,), (TranslateAtRandom(targets),), Origin(str(name)))
        yield Chain(chain, (balance,))
        return
    # A random endpoint is proposed first; a client that is known keeps the one it has and only its time-out restarts.
    clients = f"clients-of-{chain}"
    proposals = tuple(f"{chain}/{_in_name(target)}" for target in targets)
    yield Chain(chain, (Rule((), (GotoAtRandom(proposals),), Origin(str(name), "with session affinity")),))
    for proposal, target in zip(proposals, targets, strict=True):
        remember = Rule((), (RememberTarget(clients, target),))
        as_remembered = Rule((protocol,), (TranslateAsRemembered(clients),))
        without_memory = Rule((protocol,), (Translate(target),), Origin("", "the map of clients is full"))
        yield Chain(proposal, (remember, as_remembered, without_memory))


def _in_name(target: Target) -> str:
    """A target as part of a name, where nft allows no colon."""
    return f"{target.address.replace(':', '.')}/{target.port}"


def _port_sets(plan: PortPlan) -> Iterator[NamedSet]:
    if plan.port.affinity_seconds is None:
        return
    for kind, needed in (("service", plan.needs_cluster_targets), ("local", plan.needs_local_targets)):
        if needed:
            name = f"clients-of-{chain_name(kind, plan.port.name)}"
            origin = Origin(str(plan.port.name), "session affinity")
            yield NamedSet(name, (Field.SOURCE,), SetKind.TARGET_MAP, plan.port.affinity_seconds, origin)


def _external_rules(plan: PortPlan, view: NodeView) -> Iterator[Rule]:
    name, mark = plan.port.name, AddMark(view.masquerade_mark)
    to_any = Goto(chain_name("service", name))
    if plan.external is Fate.CLUSTER:
        yield Rule((), (mark, to_any), Origin(str(name), "from outside, to any endpoint"))
        return
    if pods := view.pod_traffic.matches():
        yield Rule(pods, (to_any,), Origin(str(name), "pods take the short way to any endpoint"))
    yield Rule((IsLocal(Field.SOURCE),), (mark, to_any), Origin(str(name), "so does this node"))
    if plan.external is Fate.LOCAL:
        yield Rule((), (Goto(chain_name("local", name)),), Origin(str(name), "from outside, to this node's endpoints"))


def _restrict_rule(plan: PortPlan, view: NodeView) -> Rule:
    """The load balancer's own address counts as this node's when it is: a reply to itself has it as its source."""
    port = plan.port
    itself = tuple(f"{ip}/{32 if view.family is IPFamily.IPV4 else 128}" for ip in port.load_balancer_ips)
    admitted = port.source_ranges + (itself if _admits_node(port.source_ranges, view) else ())
    reason = Origin(str(port.name), "loadBalancerSourceRanges")
    return Rule((InNetworks(Field.SOURCE, admitted, negated=True),), (Drop(),), reason)


def _admits_node(ranges: tuple[str, ...], view: NodeView) -> bool:
    networks = [ip_network(text) for text in ranges]
    return any(ip_address(ip) in network for ip in view.node_ips for network in networks)


_INTERNAL_CHAIN = {Fate.CLUSTER: "service", Fate.LOCAL: "local"}
_UNSERVED: dict[Fate, Verdict] = {Fate.REJECT: Goto("refuse"), Fate.DROP: Drop()}


def _has_external_chain(plan: PortPlan) -> bool:
    return plan.port.is_externally_accessible and plan.external is not Fate.REJECT


def _verdicts(fate: Fate, kind: str | None, name: ServicePortName) -> tuple[Verdict | None, Verdict | None]:
    """What to do with a connection before it is translated, and what with one that was not."""
    return (Goto(chain_name(kind, name)) if kind else None), _UNSERVED.get(fate)


def _frontend(
    served: str, key: Key, verdicts: tuple[Verdict | None, Verdict | None], origin: Origin
) -> Iterator[tuple[ElementId, Element]]:
    before, after = verdicts
    if before is not None:
        yield (served, key), Element(before, origin)
    if after is not None:
        unserved = "unserved-node-ports" if served == "node-ports" else "unserved-ports"
        yield (unserved, key), Element(after, origin)


def _port_elements(plan: PortPlan) -> Iterator[tuple[ElementId, Element]]:
    port = plan.port
    name, protocol = port.name, port.name.protocol.lower()
    origin = Origin(str(name))
    yield ("cluster-ips", (port.cluster_ip,)), Element(None, Origin(str(name.service)))
    inward = _verdicts(plan.internal, _INTERNAL_CHAIN.get(plan.internal), name)
    yield from _frontend("service-ports", (port.cluster_ip, protocol, port.port), inward, origin)
    outward = _verdicts(plan.external, "external" if _has_external_chain(plan) else None, name)
    for ip in dict.fromkeys((*port.external_ips, *port.load_balancer_ips)):
        yield from _frontend("service-ports", (ip, protocol, port.port), outward, origin)
    if port.node_port:
        yield from _frontend("node-ports", (protocol, port.node_port), outward, origin)
    if port.source_ranges:
        for ip in port.load_balancer_ips:
            goto = Goto(chain_name("restrict", name))
            yield ("restricted-ports", (ip, protocol, port.port)), Element(goto, origin)
    for target in plan.endpoints.local_targets:
        key = (target.address, target.address, protocol, target.port)
        yield ("hairpins", key), Element(None, origin)
