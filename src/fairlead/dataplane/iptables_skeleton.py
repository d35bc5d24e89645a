"""The parts of kube-proxy's iptables rules that exist without any Service: the jumps to its chains, and fixed rules.

Reference: upstream's ``pkg/proxy/iptables``. Its nfacct counters are left out: few kernels have them.
"""

from fairlead.dataplane.forwarding import NodeView
from fairlead.model.addresses import IPFamily
from fairlead.netfilter.iptables_text import ChainId
from fairlead.netfilter.ruleset import (
    Accept,
    AddMark,
    Chain,
    ChainHook,
    Drop,
    EstablishedConnection,
    Field,
    FlipMark,
    HasMark,
    Hook,
    InNetworks,
    InvalidConnection,
    IsLocal,
    Jump,
    Masquerade,
    Match,
    NewConnection,
    Return,
    Rule,
    RuleOrigin,
    UnaskedConnection,
)

FILTER, NAT = "filter", "nat"
LOOPBACK = {IPFamily.IPV4: "127.0.0.0/8", IPFamily.IPV6: "::1/128"}
_NEW = (NewConnection(),)
_SERVICE_CHAINS = ("KUBE-SVC-", "KUBE-SVL-", "KUBE-EXT-", "KUBE-FW-", "KUBE-SEP-")

BuiltInJump = tuple[str, Hook, str, tuple[Match, ...], str]  # table, built-in chain, our chain, matches, comment

JUMPS: tuple[BuiltInJump, ...] = (
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
# kubelet makes the same chain with the same rule and jumps.
KUBELET_JUMPS: tuple[BuiltInJump, ...] = (
    (FILTER, Hook.INPUT, "KUBE-FIREWALL", (), ""),
    (FILTER, Hook.OUTPUT, "KUBE-FIREWALL", (), ""),
)
PRIORITIES = (
    {(FILTER, hook): 0 for hook in Hook} | {(NAT, hook): -100 for hook in Hook} | {(NAT, Hook.POSTROUTING): 100}
)


def built_in_chains(table: str, view: NodeView) -> dict[str, Chain]:
    """The kernel's own chains of a table, with the jumps that lead from them to ours."""
    jumps = JUMPS + (KUBELET_JUMPS if view.localhost_node_ports else ())
    chains: dict[str, Chain] = {}
    for hook in Hook:
        rules = tuple(
            Rule(matches, (Jump(chain),), RuleOrigin("", comment))
            for table_, hook_, chain, matches, comment in jumps
            if (table_, hook_) == (table, hook)
        )
        if rules:
            attachment = ChainHook(table, hook, PRIORITIES[table, hook])
            chains[hook.upper()] = Chain(hook.upper(), rules, attachment)
    return chains


def fixed_chains(view: NodeView) -> dict[ChainId, list[Rule]]:
    """The chains that all Services share, with the rules that come before any Service's."""
    mark = view.masquerade_mark
    return {
        (FILTER, "KUBE-SERVICES"): [],
        (FILTER, "KUBE-EXTERNAL-SERVICES"): [],
        (FILTER, "KUBE-NODEPORTS"): [],
        (FILTER, "KUBE-PROXY-FIREWALL"): [],
        (FILTER, "KUBE-FORWARD"): _forward_rules(view),
        **({(FILTER, "KUBE-FIREWALL"): [_no_martians()]} if view.localhost_node_ports else {}),
        (NAT, "KUBE-SERVICES"): [],
        (NAT, "KUBE-NODEPORTS"): [],
        (NAT, "KUBE-MARK-MASQ"): [Rule((), (AddMark(mark),))],
        (NAT, "KUBE-POSTROUTING"): [
            Rule((HasMark(mark, negated=True),), (Return(),)),
            Rule((), (FlipMark(mark),)),
            Rule((), (Masquerade(),), RuleOrigin("", "kubernetes service traffic requiring SNAT")),
        ],
    }


def _forward_rules(view: NodeView) -> list[Rule]:
    """What conntrack calls invalid would reach a Pod untranslated and make it reset the connection (#74839)."""
    invalid = [] if view.is_conntrack_liberal else [Rule((InvalidConnection(),), (Drop(),))]
    return [
        *invalid,
        Rule((HasMark(view.masquerade_mark),), (Accept(),), RuleOrigin("", "kubernetes forwarding rules")),
        Rule((EstablishedConnection(),), (Accept(),), RuleOrigin("", "kubernetes forwarding conntrack rule")),
    ]


def _no_martians() -> Rule:
    """With ``route_localnet`` neighbours could reach what listens on loopback alone (CVE-2020-8558)."""
    loopback = (LOOPBACK[IPFamily.IPV4],)
    matches = (
        InNetworks(Field.DESTINATION, loopback),
        InNetworks(Field.SOURCE, loopback, negated=True),
        UnaskedConnection(),
    )
    return Rule(matches, (Drop(),), RuleOrigin("", "block incoming localnet connections"))


def to_node_ports(view: NodeView) -> list[Rule]:
    """The rules that lead to node ports: the last of nat's ``KUBE-SERVICES``."""
    reason = RuleOrigin("", "kubernetes service nodeports; NOTE: this must be the last rule in this chain")
    return [Rule(matches, (Jump("KUBE-NODEPORTS"),), reason) for matches in _node_port_addresses(view)]


def _node_port_addresses(view: NodeView) -> list[tuple[Match, ...]]:
    if view.node_port_ips is not None:
        return on_this_node(view)
    loopback = InNetworks(Field.DESTINATION, (LOOPBACK[view.family],), negated=True)
    return [(IsLocal(Field.DESTINATION), *(() if view.localhost_node_ports else (loopback,)))]


def on_this_node(view: NodeView) -> list[tuple[Match, ...]]:
    """The matches for addresses that node ports answer on, for a rule each."""
    if view.node_port_ips is not None:
        return [(InNetworks(Field.DESTINATION, (ip,)),) for ip in view.node_port_ips]
    return [(IsLocal(Field.DESTINATION),)]


def is_of_a_service(chain: str) -> bool:
    """Whether a chain is there for one Service, to go when the Service does."""
    return chain.startswith(_SERVICE_CHAINS)
