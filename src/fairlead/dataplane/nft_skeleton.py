"""The contents of Fairlead's nft table without any Service: hooks, the chains that they lead to, empty maps.

``nft_rules`` describes their use. Hook priorities are those of nft(8); the checks before translation and the
refusals after it follow upstream's ``pkg/proxy/nftables``.
"""

from collections.abc import Iterator

from fairlead.dataplane.forwarding import NodeView
from fairlead.model.addresses import IPFamily
from fairlead.netfilter.ruleset import (
    AddMark,
    Chain,
    ChainHook,
    DestinationTranslated,
    Drop,
    Element,
    ElementId,
    Field,
    FlipMark,
    HasMark,
    Hook,
    InNetworks,
    InSet,
    IsLocal,
    Jump,
    Lookup,
    Masquerade,
    Match,
    MidStream,
    NamedSet,
    NewConnection,
    Reject,
    Reset,
    Rule,
    RuleOrigin,
    SetKind,
    Table,
    TableName,
)

TABLE = "fairlead"
BEFORE_NAT, DESTINATION_NAT, FILTER, SOURCE_NAT = -110, -100, 0, 100  # hook priorities, nft(8)
LOOPBACK = {IPFamily.IPV4: "127.0.0.0/8", IPFamily.IPV6: "::1/128"}

ADDRESSED = (Field.DESTINATION, Field.PROTOCOL, Field.PORT)
ON_NODE = (Field.PROTOCOL, Field.PORT)
PROTOCOLS = ("tcp", "udp", "sctp")


def endpoint_map(prefix: str, protocol: str, *fields: Field) -> NamedSet:
    """Who has each slot of a service port: a map for each protocol, for nft wants to know whose ports it rewrites."""
    name = f"{protocol}-{prefix}endpoints"
    return NamedSet(name, (*fields, Field.PORT, Field.SLOT), SetKind.TARGET_MAP, protocol=protocol)


SETS = (
    NamedSet("cluster-ips", (Field.DESTINATION,)),
    NamedSet("node-ips", (Field.DESTINATION,)),
    NamedSet("hairpins", (Field.SOURCE, *ADDRESSED)),
    NamedSet("service-ports", ADDRESSED, SetKind.VERDICT_MAP),
    *(endpoint_map("", protocol, Field.DESTINATION) for protocol in PROTOCOLS),
    NamedSet("node-ports", ON_NODE, SetKind.VERDICT_MAP),
    *(endpoint_map("node-port-", protocol) for protocol in PROTOCOLS),
    NamedSet("restricted-ports", ADDRESSED, SetKind.VERDICT_MAP),
    NamedSet("unserved-ports", ADDRESSED, SetKind.VERDICT_MAP),
    NamedSet("unserved-node-ports", ON_NODE, SetKind.VERDICT_MAP),
)

_NEW = NewConnection()
_CHECKED = {"unserved": "ports that no endpoint serves", "strays": "virtual IPs and ports that do not exist"}
_CHECKS = {Hook.INPUT: ("unserved",), Hook.FORWARD: ("unserved", "strays"), Hook.OUTPUT: ("unserved", "strays")}


def table_name(family: IPFamily) -> TableName:
    """Which table of the kernel is ours in this family."""
    return TableName(family, TABLE)


def skeleton(view: NodeView) -> Table:
    """The table without Services: base chains, the chains that they jump to, empty maps, the node's addresses."""
    chains = [*_base_chains(), *_shared_chains(view)]
    addresses: dict[ElementId, Element] = {("node-ips", (ip,)): Element() for ip in view.node_port_ips or ()}
    return Table({chain.name: chain for chain in chains}, {set_.name: set_ for set_ in SETS}, addresses)


def _base_chains() -> Iterator[Chain]:
    for hook in (Hook.PREROUTING, Hook.OUTPUT):
        restrict = Rule(
            (_NEW,), (Lookup(ADDRESSED, "restricted-ports"),), RuleOrigin("", "sources not admitted are dropped")
        )
        yield Chain(f"before-nat-{hook}", (restrict,), ChainHook("filter", hook, BEFORE_NAT))
        yield Chain(
            f"nat-{hook}",
            (Rule((), (Jump("services"),), RuleOrigin("", "to endpoints")),),
            ChainHook("nat", hook, DESTINATION_NAT),
        )
    for hook, targets in _CHECKS.items():
        rules = tuple(Rule((_NEW,), (Jump(target),), RuleOrigin("", _CHECKED[target])) for target in targets)
        yield Chain(f"filter-{hook}", rules, ChainHook("filter", hook, FILTER))
    postrouting = ChainHook("nat", Hook.POSTROUTING, SOURCE_NAT)
    yield Chain("nat-postrouting", (Rule((), (Jump("hide-source"),), RuleOrigin("", "masquerade")),), postrouting)


def _shared_chains(view: NodeView) -> Iterator[Chain]:
    node = _on_this_node(view)
    yield Chain(
        "services",
        (
            *_cluster_ip_masquerade(view),
            Rule((), (Lookup(ADDRESSED, "service-ports"),), RuleOrigin("", "where the service port leads")),
            Rule(node, (Lookup(ON_NODE, "node-ports"),), RuleOrigin("", "where the node port leads")),
        ),
    )
    yield Chain(
        "unserved",
        (
            Rule((), (Lookup(ADDRESSED, "unserved-ports"),), RuleOrigin("", "service ports without endpoints")),
            Rule(node, (Lookup(ON_NODE, "unserved-node-ports"),), RuleOrigin("", "node ports without endpoints")),
        ),
    )
    yield Chain("strays", tuple(_stray_rules(view)))
    yield Chain("refuse", (*_resets(view), Rule((), (Reject(),), RuleOrigin("", "nobody serves this"))))
    yield Chain("hide-source", _masquerade_rules(view))


def _resets(view: NodeView) -> Iterator[Rule]:
    """An ICMP error does not end a connection that is established (RFC 5927): that takes a reset."""
    if view.resets_connections:
        yield Rule((MidStream(),), (Reset(),), RuleOrigin("", "a connection whose endpoint is gone"))


def _on_this_node(view: NodeView) -> tuple[Match, ...]:
    if view.node_port_ips is not None:
        return (InSet((Field.DESTINATION,), "node-ips"),)
    not_loopback = InNetworks(Field.DESTINATION, (LOOPBACK[view.family],), negated=True)
    return (IsLocal(Field.DESTINATION), not_loopback)


def _cluster_ip_masquerade(view: NodeView) -> Iterator[Rule]:
    """A client that is no Pod could not be answered by the endpoint directly: the node's address hides its own."""
    to_cluster_ip = InSet((Field.DESTINATION,), "cluster-ips")
    mark = AddMark(view.masquerade_mark)
    if view.masquerade_all:
        yield Rule((to_cluster_ip,), (mark,), RuleOrigin("", "masquerade all traffic to cluster IPs"))
    elif outside := view.pod_traffic.matches(negated=True):
        yield Rule((to_cluster_ip, *outside), (mark,), RuleOrigin("", "masquerade what comes from outside the cluster"))


def _stray_rules(view: NodeView) -> Iterator[Rule]:
    reason = RuleOrigin("", "a port that the Service does not have")
    yield Rule((InSet((Field.DESTINATION,), "cluster-ips"),), (Reject(),), reason)
    if view.service_cidrs:
        unallocated = RuleOrigin("", "a virtual IP that no Service has")
        yield Rule((InNetworks(Field.DESTINATION, view.service_cidrs),), (Drop(),), unallocated)


def _masquerade_rules(view: NodeView) -> tuple[Rule, ...]:
    bit = view.masquerade_mark
    marked = Rule((HasMark(bit),), (FlipMark(bit), Masquerade()), RuleOrigin("", "marked for masquerade"))
    to_itself = (DestinationTranslated(), InSet((Field.SOURCE, *ADDRESSED), "hairpins"))
    return marked, Rule(
        to_itself, (Masquerade(),), RuleOrigin("", "an endpoint that reached itself through its Service")
    )
