"""The forwarding plan in nft's terms: Fairlead's own table, O(1) for packets and readable in ``nft list ruleset``.

A packet's way through the table, for one IP family:

    prerouting, output  (before NAT)   restricted-ports: sources that a load balancer IP does not admit are dropped
    prerouting, output  (NAT)          services: verdict maps keyed by address, protocol and port lead to a chain that
                                       draws a slot, and the map of endpoints says who has that slot
    input, forward, output (filter)    unserved: what was not translated is rejected or dropped, as its map says
    postrouting         (NAT)          hide-source: masquerade of what is marked, and of endpoints that reach themselves

A plain Service is nothing but elements, each with the service port's name as its comment: where its ports lead
(``service-ports``, ``node-ports``) and who is behind them (``tcp-endpoints``, ``tcp-node-port-endpoints``, and the same
for udp and sctp). The chains that they lead to (``any-of-3``) depend only on the number of slots, usually one for each
endpoint (see ``balancing``), and serve all Services. Only a Service with more features has its own chains, which are
named after it: an external policy Local (``external/...``), session affinity (``service/...``, ``local/...``) or source
ranges (``restrict/...``).

Why not a chain and an anonymous map per service port, as upstream has: to name an anonymous set the kernel walks all
sets of the table, and to bind a map all rules that it is bound to, so that N of them cost N squared (measured: 14 s for
10,000 Services and 375 s for 30,000, against 0.7 s and 2 s). Semantics: upstream's ``pkg/proxy/nftables``.
"""

from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from typing import NamedTuple

from fairlead.dataplane.balancing import even_slots, hashed_slots
from fairlead.dataplane.forwarding import Fate, NodeView, PortPlan
from fairlead.dataplane.nft_skeleton import PROTOCOLS
from fairlead.dataplane.service_ports import ServicePortName
from fairlead.model.addresses import IPFamily
from fairlead.netfilter.ruleset import (
    AddMark,
    Chain,
    Drop,
    Element,
    ElementId,
    Field,
    Goto,
    GotoAtRandom,
    InNetworks,
    IsLocal,
    IsProtocol,
    Key,
    NamedSet,
    RememberTarget,
    Rule,
    RuleOrigin,
    SetKind,
    Table,
    Target,
    Translate,
    TranslateAsRemembered,
    TranslateBySlot,
    Verdict,
)

# Slots of endpoints on this node are numbered from here, apart from those of all endpoints. No Service comes near so
# many: upstream's EndpointSlices would be 656 of the greatest size.
LOCAL_SLOTS = 1 << 16

_UNSERVED: dict[Fate, Verdict] = {Fate.REJECT: Goto("refuse"), Fate.DROP: Drop()}


class PortWay(NamedTuple):
    """How connections reach a service port: the fields that select endpoints, and the maps that contain them."""

    prefix: str
    fields: tuple[Field, ...]
    ports: str
    unserved: str

    def endpoints(self, protocol: str) -> str:
        return f"{protocol}-{self.prefix}endpoints"


BY_ADDRESS = PortWay("", (Field.DESTINATION, Field.PORT), "service-ports", "unserved-ports")
BY_NODE_PORT = PortWay("node-port-", (Field.PORT,), "node-ports", "unserved-node-ports")


def service_part(plans: tuple[PortPlan, ...], view: NodeView) -> Table:
    """The chains, sets and elements that are there for one Service, shared chains included."""
    part = Table({}, {}, {})
    for plan in plans:
        _PortRules(plan, view, part).write()
    return part


def chain_name(kind: str, name: ServicePortName) -> str:
    """``kind/namespace/service/protocol/port``: 18+1+63+1+63+1+4+1+63 = 215 of the kernel's 255 bytes at most."""
    port = f"/{name.port}" if name.port else ""
    return f"{kind}/{name.service.namespace}/{name.service.name}/{name.protocol.lower()}{port}"


class _PortRules:
    """Writes the elements and rules of one service port into its Service's part."""

    def __init__(self, plan: PortPlan, view: NodeView, part: Table) -> None:
        self._plan, self._view = plan, view
        self._name, self._protocol = plan.port.name, plan.port.name.protocol.lower()
        self._text = str(plan.port.name)
        self._origin = RuleOrigin(self._text)
        self._chains: dict[str, Chain] = part.chains  # type: ignore[assignment]
        self._sets: dict[str, NamedSet] = part.sets  # type: ignore[assignment]
        self._elements: dict[ElementId, Element] = part.elements  # type: ignore[assignment]

    def write(self) -> None:
        port, plan = self._plan.port, self._plan
        self._elements["cluster-ips", (port.cluster_ip,)] = Element(None, RuleOrigin(str(self._name.service)))
        self._internal((port.cluster_ip, self._protocol, port.port))
        for ip in dict.fromkeys((*port.external_ips, *port.load_balancer_ips)):
            self._external(BY_ADDRESS, (ip, self._protocol, port.port))
        if port.node_port:
            self._external(BY_NODE_PORT, (self._protocol, port.node_port))
        if port.source_ranges and port.load_balancer_ips:
            self._restrict()
        for target in plan.endpoints.local_targets:
            key = (target.address, target.address, self._protocol, target.port)
            self._elements["hairpins", key] = Element(None, self._origin)

    # --- where connections lead ---

    def _internal(self, key: Key) -> None:
        fate = self._plan.internal
        if fate is Fate.CLUSTER:
            self._lead(BY_ADDRESS, key, self._to_any(BY_ADDRESS, key))
        elif fate is Fate.LOCAL:
            self._lead(BY_ADDRESS, key, self._to_local(BY_ADDRESS, key))
        self._refuse(BY_ADDRESS, key, fate)

    def _external(self, way: PortWay, key: Key) -> None:
        fate, has_affinity = self._plan.external, self._plan.port.affinity_seconds is not None
        if fate is Fate.CLUSTER and not has_affinity:
            self._lead(way, key, self._to_any_from_outside(way, key))
        elif fate is not Fate.REJECT:
            kind = f"external{'-node-port' if way is BY_NODE_PORT else ''}"
            chain = Chain(chain_name(kind, self._name), tuple(self._external_rules(way, key)))
            self._lead(way, key, self._goto(chain))
        self._refuse(way, key, fate)

    def _external_rules(self, way: PortWay, key: Key) -> Iterator[Rule]:
        mark, to_any = AddMark(self._view.masquerade_mark), self._to_any(way, key)
        if self._plan.external is Fate.CLUSTER:
            yield Rule((), (mark, to_any), RuleOrigin(self._text, "from outside, to any endpoint"))
            return
        if pods := self._view.pod_traffic.matches():
            yield Rule(pods, (to_any,), RuleOrigin(self._text, "pods take the short way to any endpoint"))
        yield Rule(
            (IsLocal(Field.SOURCE),), (mark, to_any), RuleOrigin(self._text, "this node takes the short way too")
        )
        if self._plan.external is Fate.LOCAL:
            to_local = self._to_local(way, key)
            yield Rule((), (to_local,), RuleOrigin(self._text, "from outside, to this node's endpoints"))

    def _lead(self, way: PortWay, key: Key, goto: Goto) -> None:
        self._elements[way.ports, key] = Element(goto, self._origin)

    def _refuse(self, way: PortWay, key: Key, fate: Fate) -> None:
        if fate in _UNSERVED:
            self._elements[way.unserved, key] = Element(_UNSERVED[fate], RuleOrigin(self._text, fate.value))

    def _goto(self, chain: Chain) -> Goto:
        self._chains[chain.name] = chain
        return Goto(chain.name)

    # --- who is behind them ---

    def _to_any(self, way: PortWay, key: Key) -> Goto:
        targets = self._plan.endpoints.cluster
        if self._plan.port.affinity_seconds is not None:
            return self._with_affinity("service", targets)
        return self._draw(way, key, "any", targets)

    def _to_local(self, way: PortWay, key: Key) -> Goto:
        targets = self._plan.endpoints.local
        if self._plan.port.affinity_seconds is not None:
            return self._with_affinity("local", targets)
        return self._draw(way, key, "local", targets)

    def _to_any_from_outside(self, way: PortWay, key: Key) -> Goto:
        to_any = self._to_any(way, key)
        mark = Rule((), (AddMark(self._view.masquerade_mark), to_any), RuleOrigin("", "from outside: with masquerade"))
        return self._goto(Chain(f"outside-{to_any.chain}", (mark,), is_shared=True))

    def _draw(self, way: PortWay, key: Key, kind: str, targets: tuple[Target, ...]) -> Goto:
        """Deal slots out to the targets, and go to where one of so many is drawn."""
        by_source = self._plan.port.balancing.by_source and len(targets) > 1
        weights, first = self._plan.endpoints.weights_of(targets), LOCAL_SLOTS if kind == "local" else 0
        slots = hashed_slots(targets, weights) if by_source else even_slots(targets, weights)
        *address, _, port = key
        for slot, target in enumerate(slots, first):
            self._elements[way.endpoints(self._protocol), (*address, port, slot)] = Element(target, self._origin)
        name = f"{way.prefix}{kind}-of-{len(slots)}{'-by-source' if by_source else ''}"
        draws = (TranslateBySlot(p, way.fields, way.endpoints(p), len(slots), first, by_source) for p in PROTOCOLS)
        reason = RuleOrigin("", f"to {'the endpoint of a slot' if len(slots) > 1 else 'the one endpoint'}")
        return self._goto(Chain(name, tuple(Rule((), (draw,), reason) for draw in draws), is_shared=True))

    def _with_affinity(self, kind: str, targets: tuple[Target, ...]) -> Goto:
        """A random endpoint is proposed; a client that is known keeps the one it has, and its time-out restarts."""
        chain = chain_name(kind, self._name)
        clients = NamedSet(
            f"clients-of-{chain}",
            (Field.SOURCE,),
            SetKind.TARGET_MAP,
            self._plan.port.affinity_seconds,
            RuleOrigin(self._text, "session affinity"),
        )
        self._sets[clients.name] = clients
        slots = even_slots(targets, self._plan.endpoints.weights_of(targets))
        proposals = tuple(self._proposal(chain, clients.name, target).chain for target in slots)
        propose = Rule((), (GotoAtRandom(proposals),), RuleOrigin(self._text, "with session affinity"))
        return self._goto(Chain(chain, (propose,)))

    def _proposal(self, chain: str, clients: str, target: Target) -> Goto:
        protocol = IsProtocol(self._protocol)
        rules = (
            Rule(
                (), (RememberTarget(clients, target),), RuleOrigin("", "unless the client has an endpoint, this is its")
            ),
            Rule((protocol,), (TranslateAsRemembered(clients),), RuleOrigin("", "to the client's endpoint")),
            Rule((protocol,), (Translate(target),), RuleOrigin("", "the map of clients is full")),
        )
        # nft allows no colon in a name.
        return self._goto(Chain(f"{chain}/{target.address.replace(':', '.')}/{target.port}", rules))

    # --- who may come ---

    def _restrict(self) -> None:
        port = self._plan.port
        itself = tuple(f"{ip}/{32 if self._view.family is IPFamily.IPV4 else 128}" for ip in port.load_balancer_ips)
        # The load balancer's own address counts as this node's where the node has it.
        admitted = port.source_ranges + (itself if _admits_node(port.source_ranges, self._view) else ())
        drop = Rule(
            (InNetworks(Field.SOURCE, admitted, negated=True),),
            (Drop(),),
            RuleOrigin(self._text, "loadBalancerSourceRanges"),
        )
        goto = self._goto(Chain(chain_name("restrict", self._name), (drop,)))
        for ip in port.load_balancer_ips:
            self._elements["restricted-ports", (ip, self._protocol, port.port)] = Element(goto, self._origin)


def _admits_node(ranges: tuple[str, ...], view: NodeView) -> bool:
    networks = [ip_network(text) for text in ranges]
    return any(ip_address(ip) in network for ip in view.node_ips for network in networks)
