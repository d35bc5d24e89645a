"""The forwarding plan in kube-proxy's own chains, names, comments and order, so that existing runbooks apply.

Reference: upstream's ``pkg/proxy/iptables``. The rules without any Service are in ``iptables_skeleton``.
"""

from base64 import b32encode
from collections.abc import Iterable, Iterator
from hashlib import sha256
from ipaddress import ip_address, ip_network
from typing import NamedTuple

from fairlead.dataplane.forwarding import Fate, NodeView, PortPlan
from fairlead.dataplane.iptables_skeleton import (
    FILTER,
    NAT,
    built_in_chains,
    fixed_chains,
    on_this_node,
    to_node_ports,
)
from fairlead.dataplane.service_ports import ServicePortName
from fairlead.netfilter.iptables_text import ChainId
from fairlead.netfilter.ruleset import (
    Accept,
    Chain,
    Drop,
    Field,
    InNetworks,
    IsLocal,
    IsPort,
    IsProtocol,
    Jump,
    Match,
    MidStream,
    Probability,
    RecentSource,
    Reject,
    RememberSource,
    Reset,
    Rule,
    RuleOrigin,
    Statement,
    Table,
    Target,
    Translate,
)

MARK_MASQ = Jump("KUBE-MARK-MASQ")


class Contribution(NamedTuple):
    """The rules of one Service: those in shared chains, by (table, chain), and its own nat chains."""

    shared: dict[ChainId, list[Rule]]
    own: dict[str, Chain]


def service_chain(prefix: str, name: ServicePortName) -> str:
    """The name of a service port's chain, such as ``KUBE-SVC-XPGD46QRK7WJZT7O``."""
    return f"{prefix}-{_hash(str(name), name.protocol.lower())}"


def endpoint_chain(name: ServicePortName, target: Target) -> str:
    """The name of the chain of one endpoint of a service port."""
    return f"KUBE-SEP-{_hash(str(name), name.protocol.lower(), _endpoint(target))}"


def _hash(*parts: str) -> str:
    return b32encode(sha256("".join(parts).encode()).digest()).decode()[:16]


def _endpoint(target: Target) -> str:
    return f"[{target.address}]:{target.port}" if ":" in target.address else f"{target.address}:{target.port}"


def assemble(contributions: Iterable[Contribution], view: NodeView) -> tuple[tuple[str, Table], ...]:
    """The filter and nat tables of a node, from what its Services contribute, in their order."""
    shared = {key: list(rules) for key, rules in fixed_chains(view).items()}
    own: dict[str, Chain] = {}
    for contribution in contributions:
        for key, rules in contribution.shared.items():
            shared[key] += rules
        own.update(contribution.own)
    shared[NAT, "KUBE-SERVICES"] += to_node_ports(view)
    tables: dict[str, dict[str, Chain]] = {FILTER: built_in_chains(FILTER, view), NAT: built_in_chains(NAT, view)}
    for (table, name), rules in shared.items():
        tables[table][name] = Chain(name, tuple(rules))
    tables[NAT].update(own)
    return tuple((name, Table(chains)) for name, chains in tables.items())


def _to(address: str) -> InNetworks:
    return InNetworks(Field.DESTINATION, (address,))


def contribute(plans: Iterable[PortPlan], view: NodeView) -> Contribution:
    """The rules that one Service adds to the tables of a node."""
    contribution = Contribution({}, {})
    for plan in plans:
        _PortRules(plan, view, contribution).write()
    return contribution


class _PortRules:
    """Writes the rules of one service port into its Service's contribution."""

    def __init__(self, plan: PortPlan, view: NodeView, contribution: Contribution) -> None:
        self._plan, self._view, self._port = plan, view, plan.port
        self._name, self._text = plan.port.name, str(plan.port.name)
        self._protocol = IsProtocol(plan.port.name.protocol.lower())
        self._shared, self._own = contribution

    def write(self) -> None:
        self._cluster_ip()
        if self._port.is_externally_accessible:
            self._external_addresses()
        if self._port.health_check_node_port:
            self._health_check(self._port.health_check_node_port)
        if self._plan.needs_cluster_targets:
            self._balancing("KUBE-SVC", self._plan.endpoints.cluster, self._plan.internal is Fate.CLUSTER)
        if self._plan.needs_local_targets:
            self._balancing("KUBE-SVL", self._plan.endpoints.local, self._plan.internal is Fate.LOCAL)
        for target in dict.fromkeys((*self._plan.endpoints.cluster, *self._plan.endpoints.local)):
            self._endpoint(target)

    # --- entries ---

    def _cluster_ip(self) -> None:
        at = self._at(self._port.cluster_ip, self._port.port)
        chain = {Fate.CLUSTER: "KUBE-SVC", Fate.LOCAL: "KUBE-SVL"}.get(self._plan.internal)
        if chain is not None:
            self._add(NAT, "KUBE-SERVICES", at, Jump(self._chain(chain)), f"{self._text} cluster IP")
        self._refuse("KUBE-SERVICES", at, self._plan.internal)

    def _external_addresses(self) -> None:
        port, fate = self._port, self._plan.external
        for ip in port.external_ips:
            self._entry(self._at(ip, port.port), "KUBE-EXT", "external IP")
        for ip in port.load_balancer_ips:
            at = self._at(ip, port.port)
            self._entry(at, "KUBE-FW" if port.source_ranges else "KUBE-EXT", "loadbalancer IP")
            if port.source_ranges and fate is not Fate.REJECT:
                text = f"{self._text} traffic not accepted by {self._chain('KUBE-FW')}"
                self._add(FILTER, "KUBE-PROXY-FIREWALL", at, Drop(), text)
        if port.node_port:
            self._node_port(fate)
        if fate is not Fate.REJECT:
            self._external_chain()
            if port.source_ranges and port.load_balancer_ips:
                self._firewall_chain()

    def _entry(self, at: tuple[Match, ...], chain: str, what: str) -> None:
        if self._plan.external is not Fate.REJECT:
            self._add(NAT, "KUBE-SERVICES", at, Jump(self._chain(chain)), f"{self._text} {what}")
        self._refuse("KUBE-EXTERNAL-SERVICES", at, self._plan.external)

    def _node_port(self, fate: Fate) -> None:
        at = (self._protocol, IsPort(self._port.node_port))
        if fate is not Fate.REJECT:
            self._add(NAT, "KUBE-NODEPORTS", at, Jump(self._chain("KUBE-EXT")), self._text)
        for address in on_this_node(self._view):
            self._refuse("KUBE-EXTERNAL-SERVICES", (*address, *at), fate)

    def _health_check(self, number: int) -> None:
        asked = (IsProtocol("tcp"), IsPort(number))
        self._add(FILTER, "KUBE-NODEPORTS", asked, Accept(), f"{self._text} health check node port")

    def _refuse(self, chain: str, at: tuple[Match, ...], fate: Fate) -> None:
        if fate is Fate.REJECT:
            if self._view.resets_connections and self._protocol.protocol == "tcp":
                reason = f"{self._text} has no endpoints: reset what is open"
                self._add(FILTER, chain, (*at, MidStream()), Reset(), reason)
            self._add(FILTER, chain, at, Reject(), f"{self._text} has no endpoints")
        elif fate is Fate.DROP:
            self._add(FILTER, chain, at, Drop(), f"{self._text} has no local endpoints")

    def _at(self, address: str, port: int) -> tuple[Match, ...]:
        return self._protocol, _to(address), IsPort(port)

    def _add(self, table: str, chain: str, matches: tuple[Match, ...], statement: Statement, text: str) -> None:
        self._shared.setdefault((table, chain), []).append(Rule(matches, (statement,), RuleOrigin("", text)))

    def _chain(self, prefix: str) -> str:
        return service_chain(prefix, self._name)

    # --- chains of its own ---

    def _write_chain(self, name: str, rules: Iterable[Rule]) -> None:
        self._own[name] = Chain(name, tuple(rules))

    def _external_chain(self) -> None:
        self._write_chain(self._chain("KUBE-EXT"), self._external_rules())

    def _external_rules(self) -> Iterator[Rule]:
        to_any, name = Jump(self._chain("KUBE-SVC")), self._text
        if self._plan.external is Fate.CLUSTER:
            yield Rule((), (MARK_MASQ,), RuleOrigin("", f"masquerade traffic for {name} external destinations"))
            yield Rule((), (to_any,))
            return
        if pods := self._view.pod_traffic.matches():
            yield Rule(pods, (to_any,), RuleOrigin("", f"pod traffic for {name} external destinations"))
        local = (IsLocal(Field.SOURCE),)
        yield Rule(local, (MARK_MASQ,), RuleOrigin("", f"masquerade LOCAL traffic for {name} external destinations"))
        yield Rule(local, (to_any,), RuleOrigin("", f"route LOCAL traffic for {name} external destinations"))
        if self._plan.external is Fate.LOCAL:
            yield Rule((), (Jump(self._chain("KUBE-SVL")),))

    def _firewall_chain(self) -> None:
        self._write_chain(self._chain("KUBE-FW"), self._firewall_rules())

    def _firewall_rules(self) -> Iterator[Rule]:
        reason = RuleOrigin("", f"{self._text} loadbalancer IP")
        networks = [ip_network(text) for text in self._port.source_ranges]
        admitted = list(self._port.source_ranges)
        if any(ip_address(ip) in network for ip in self._view.node_ips for network in networks):
            admitted += self._port.load_balancer_ips
        for source in admitted:
            yield Rule((InNetworks(Field.SOURCE, (source,)),), (Jump(self._chain("KUBE-EXT")),), reason)
        yield Rule((), (), RuleOrigin("", f"other traffic to {self._text} will be dropped by KUBE-PROXY-FIREWALL"))

    def _balancing(self, prefix: str, targets: tuple[Target, ...], is_internal: bool) -> None:
        masquerade = self._cluster_ip_masquerade() if is_internal else ()
        self._write_chain(self._chain(prefix), (*masquerade, *self._sticky(targets), *self._random(targets)))

    def _cluster_ip_masquerade(self) -> Iterator[Rule]:
        at, reason = self._at(self._port.cluster_ip, self._port.port), RuleOrigin("", f"{self._text} cluster IP")
        if self._view.masquerade_all:
            yield Rule(at, (MARK_MASQ,), reason)
        elif outside := self._view.pod_traffic.matches(negated=True):
            yield Rule((*at, *outside), (MARK_MASQ,), reason)

    def _sticky(self, targets: tuple[Target, ...]) -> Iterator[Rule]:
        seconds = self._port.affinity_seconds
        if seconds is not None:
            for target in targets:
                chain = endpoint_chain(self._name, target)
                yield Rule((RecentSource(chain, seconds),), (Jump(chain),), self._towards(target))

    def _random(self, targets: tuple[Target, ...]) -> Iterator[Rule]:
        """Each is taken as often as its weight says of what is left; the last always."""
        weights = self._plan.endpoints.weights_of(targets)
        left = sum(weights)
        for weight, target in zip(weights, targets, strict=True):
            chance = (Probability(weight, left),) if weight < left else ()
            left -= weight
            yield Rule(chance, (Jump(endpoint_chain(self._name, target)),), self._towards(target))

    def _towards(self, target: Target) -> RuleOrigin:
        return RuleOrigin("", f"{self._text} -> {_endpoint(target)}")

    def _endpoint(self, target: Target) -> None:
        chain, reason = endpoint_chain(self._name, target), RuleOrigin(self._text)
        itself = Rule((InNetworks(Field.SOURCE, (target.address,)),), (MARK_MASQ,), reason)
        remember = (RememberSource(chain),) if self._port.affinity_seconds is not None else ()
        self._write_chain(chain, (itself, Rule((self._protocol,), (*remember, Translate(target)), reason)))
