"""The forwarding plan in kube-proxy's own chains, names, comments and order, so that every runbook applies.

Reference: upstream's ``pkg/proxy/iptables``. Left out on purpose: node ports on loopback, which need ``route_localnet``
and so let neighbours in to services that listen on 127.0.0.1 (CVE-2020-8558).
"""

from base64 import b32encode
from collections.abc import Iterable, Iterator
from hashlib import sha256
from ipaddress import ip_address, ip_network
from typing import NamedTuple

from fairlead.dataplane.forwarding import Fate, NodeView, PortPlan
from fairlead.dataplane.service_ports import ServicePortName
from fairlead.model.addresses import IPFamily
from fairlead.netfilter.iptables_text import Installed, Saved, render_rule
from fairlead.netfilter.ruleset import (
    Accept,
    AddMark,
    Attachment,
    Chain,
    Drop,
    EstablishedConnection,
    Field,
    FlipMark,
    HasMark,
    Hook,
    InNetworks,
    InvalidConnection,
    IsLocal,
    IsPort,
    IsProtocol,
    Jump,
    Masquerade,
    Match,
    NewConnection,
    Origin,
    Probability,
    RecentSource,
    Reject,
    RememberSource,
    Return,
    Rule,
    Statement,
    Table,
    Target,
    Translate,
)

FILTER, NAT = "filter", "nat"
MARK_MASQ = Jump("KUBE-MARK-MASQ")
LOOPBACK = {IPFamily.IPV4: "127.0.0.0/8", IPFamily.IPV6: "::1/128"}
_NEW = (NewConnection(),)

# table, built-in chain, our chain, matches, comment
JUMPS: tuple[tuple[str, Hook, str, tuple[Match, ...], str], ...] = (
    (FILTER, Hook.INPUT, "KUBE-EXTERNAL-SERVICES", _NEW, "kubernetes externally-visible service portals"),
    (FILTER, Hook.FORWARD, "KUBE-EXTERNAL-SERVICES", _NEW, "kubernetes externally-visible service portals"),
    (FILTER, Hook.INPUT, "KUBE-NODEPORTS", (), "kubernetes health check service ports"),
    (FILTER, Hook.FORWARD, "KUBE-SERVICES", _NEW, "kubernetes service portals"),
    (FILTER, Hook.OUTPUT, "KUBE-SERVICES", _NEW, "kubernetes service portals"),
    (FILTER, Hook.FORWARD, "KUBE-FORWARD", (), "kubernetes forwarding rules"),
    (FILTER, Hook.INPUT, "KUBE-PROXY-FIREWALL", _NEW, "kubernetes load balancer firewall"),
    (FILTER, Hook.OUTPUT, "KUBE-PROXY-FIREWALL", _NEW, "kubernetes load balancer firewall"),
    (FILTER, Hook.FORWARD, "KUBE-PROXY-FIREWALL", _NEW, "kubernetes load balancer firewall"),
    (NAT, Hook.OUTPUT, "KUBE-SERVICES", (), "kubernetes service portals"),
    (NAT, Hook.PREROUTING, "KUBE-SERVICES", (), "kubernetes service portals"),
    (NAT, Hook.POSTROUTING, "KUBE-POSTROUTING", (), "kubernetes postrouting rules"),
)
PRIORITIES = (
    {(FILTER, hook): 0 for hook in Hook} | {(NAT, hook): -100 for hook in Hook} | {(NAT, Hook.POSTROUTING): 100}
)


class Contribution(NamedTuple):
    """What one Service adds: rules to chains that all share, by (table, chain), and nat chains of its own."""

    shared: dict[tuple[str, str], list[Rule]]
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
    shared = {key: list(rules) for key, rules in _fixed_chains(view).items()}
    own: dict[str, Chain] = {}
    for contribution in contributions:
        for key, rules in contribution.shared.items():
            shared[key] += rules
        own.update(contribution.own)
    shared[NAT, "KUBE-SERVICES"] += _to_node_ports(view)
    tables: dict[str, dict[str, Chain]] = {FILTER: _built_in(FILTER), NAT: _built_in(NAT)}
    for (table, name), rules in shared.items():
        tables[table][name] = Chain(name, tuple(rules))
    tables[NAT].update(own)
    return tuple((name, Table(chains)) for name, chains in tables.items())


_SERVICE_CHAINS = ("KUBE-SVC-", "KUBE-SVL-", "KUBE-EXT-", "KUBE-FW-", "KUBE-SEP-")
_SHARED_CHAINS = (
    "KUBE-SERVICES", "KUBE-EXTERNAL-SERVICES", "KUBE-NODEPORTS", "KUBE-PROXY-FIREWALL", "KUBE-FORWARD",
    "KUBE-POSTROUTING", "KUBE-MARK-MASQ",
)  # fmt: skip


def is_of_a_service(chain: str) -> bool:
    """Whether a chain is there for one Service, to go when the Service does."""
    return chain.startswith(_SERVICE_CHAINS)


def removal(saved: Saved) -> str:
    """What takes all chains of a node proxy out of the tables; "" when there are none."""
    ours = {(t, c) for t, c in saved.chains if c in _SHARED_CHAINS or is_of_a_service(c)}
    sections = []
    for table in sorted({t for t, _ in ours}):
        chains = sorted(c for t, c in ours if t == table)
        lines = [f"*{table}", *(f":{chain} - [0:0]" for chain in chains)]
        lines += [
            f"-D {chain} {render_rule(Rule(matches, (Jump(target),), Origin('', comment)))}"
            for table_, hook, target, matches, comment in JUMPS
            if table_ == table and Installed(table, chain := hook.upper(), target) in saved.jumps
        ]
        sections += [*lines, *(f"-X {chain}" for chain in chains), "COMMIT"]
    return "".join(f"{line}\n" for line in sections)


def _built_in(table: str) -> dict[str, Chain]:
    chains: dict[str, Chain] = {}
    for hook in Hook:
        rules = tuple(
            Rule(matches, (Jump(chain),), Origin("", comment))
            for table_, hook_, chain, matches, comment in JUMPS
            if (table_, hook_) == (table, hook)
        )
        if rules:
            attachment = Attachment(table, hook, PRIORITIES[table, hook])
            chains[hook.upper()] = Chain(hook.upper(), rules, attachment)
    return chains


def _fixed_chains(view: NodeView) -> dict[tuple[str, str], list[Rule]]:
    mark, forwarding = view.masquerade_mark, Origin("", "kubernetes forwarding rules")
    return {
        (FILTER, "KUBE-SERVICES"): [],
        (FILTER, "KUBE-EXTERNAL-SERVICES"): [],
        (FILTER, "KUBE-NODEPORTS"): [],
        (FILTER, "KUBE-PROXY-FIREWALL"): [],
        (FILTER, "KUBE-FORWARD"): [
            Rule((InvalidConnection(),), (Drop(),)),
            Rule((HasMark(mark),), (Accept(),), forwarding),
            Rule((EstablishedConnection(),), (Accept(),), Origin("", "kubernetes forwarding conntrack rule")),
        ],
        (NAT, "KUBE-SERVICES"): [],
        (NAT, "KUBE-NODEPORTS"): [],
        (NAT, "KUBE-MARK-MASQ"): [Rule((), (AddMark(mark),))],
        (NAT, "KUBE-POSTROUTING"): [
            Rule((HasMark(mark, negated=True),), (Return(),)),
            Rule((), (FlipMark(mark),)),
            Rule((), (Masquerade(),), Origin("", "kubernetes service traffic requiring SNAT")),
        ],
    }


def _to_node_ports(view: NodeView) -> list[Rule]:
    reason = Origin("", "kubernetes service nodeports; NOTE: this must be the last rule in this chain")
    goto = (Jump("KUBE-NODEPORTS"),)
    if view.node_port_ips is not None:
        return [Rule((_to(ip),), goto, reason) for ip in view.node_port_ips]
    not_loopback = InNetworks(Field.DESTINATION, (LOOPBACK[view.family],), negated=True)
    return [Rule((IsLocal(Field.DESTINATION), not_loopback), goto, reason)]


def _on_this_node(view: NodeView) -> list[tuple[Match, ...]]:
    """The matches for addresses that node ports answer on, for a rule each."""
    if view.node_port_ips is not None:
        return [(_to(ip),) for ip in view.node_port_ips]
    return [(IsLocal(Field.DESTINATION),)]


def _to(address: str) -> InNetworks:
    return InNetworks(Field.DESTINATION, (address,))


def contribute(plans: Iterable[PortPlan], view: NodeView) -> Contribution:
    """What one Service adds to the tables of a node."""
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
        for on_this_node in _on_this_node(self._view):
            self._refuse("KUBE-EXTERNAL-SERVICES", (*on_this_node, *at), fate)

    def _refuse(self, chain: str, at: tuple[Match, ...], fate: Fate) -> None:
        if fate is Fate.REJECT:
            self._add(FILTER, chain, at, Reject(), f"{self._text} has no endpoints")
        elif fate is Fate.DROP:
            self._add(FILTER, chain, at, Drop(), f"{self._text} has no local endpoints")

    def _at(self, address: str, port: int) -> tuple[Match, ...]:
        return self._protocol, _to(address), IsPort(port)

    def _add(self, table: str, chain: str, matches: tuple[Match, ...], statement: Statement, text: str) -> None:
        self._shared.setdefault((table, chain), []).append(Rule(matches, (statement,), Origin("", text)))

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
            yield Rule((), (MARK_MASQ,), Origin("", f"masquerade traffic for {name} external destinations"))
            yield Rule((), (to_any,))
            return
        if pods := self._view.pod_traffic.matches():
            yield Rule(pods, (to_any,), Origin("", f"pod traffic for {name} external destinations"))
        local = (IsLocal(Field.SOURCE),)
        yield Rule(local, (MARK_MASQ,), Origin("", f"masquerade LOCAL traffic for {name} external destinations"))
        yield Rule(local, (to_any,), Origin("", f"route LOCAL traffic for {name} external destinations"))
        if self._plan.external is Fate.LOCAL:
            yield Rule((), (Jump(self._chain("KUBE-SVL")),))

    def _firewall_chain(self) -> None:
        self._write_chain(self._chain("KUBE-FW"), self._firewall_rules())

    def _firewall_rules(self) -> Iterator[Rule]:
        reason = Origin("", f"{self._text} loadbalancer IP")
        networks = [ip_network(text) for text in self._port.source_ranges]
        admitted = list(self._port.source_ranges)
        if any(ip_address(ip) in network for ip in self._view.node_ips for network in networks):
            admitted += self._port.load_balancer_ips
        for source in admitted:
            yield Rule((InNetworks(Field.SOURCE, (source,)),), (Jump(self._chain("KUBE-EXT")),), reason)
        yield Rule((), (), Origin("", f"other traffic to {self._text} will be dropped by KUBE-PROXY-FIREWALL"))

    def _balancing(self, prefix: str, targets: tuple[Target, ...], is_internal: bool) -> None:
        masquerade = self._cluster_ip_masquerade() if is_internal else ()
        self._write_chain(self._chain(prefix), (*masquerade, *self._sticky(targets), *self._random(targets)))

    def _cluster_ip_masquerade(self) -> Iterator[Rule]:
        at, reason = self._at(self._port.cluster_ip, self._port.port), Origin("", f"{self._text} cluster IP")
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
        """The first of n is taken once in n times, the next once in n - 1 of what is left, the last always."""
        for left, target in zip(range(len(targets), 0, -1), targets, strict=True):
            chance = (Probability(left),) if left > 1 else ()
            yield Rule(chance, (Jump(endpoint_chain(self._name, target)),), self._towards(target))

    def _towards(self, target: Target) -> Origin:
        return Origin("", f"{self._text} -> {_endpoint(target)}")

    def _endpoint(self, target: Target) -> None:
        chain, reason = endpoint_chain(self._name, target), Origin(self._text)
        itself = Rule((InNetworks(Field.SOURCE, (target.address,)),), (MARK_MASQ,), reason)
        remember = (RememberSource(chain),) if self._port.affinity_seconds is not None else ()
        self._write_chain(chain, (itself, Rule((self._protocol,), (*remember, Translate(target)), reason)))
