"""The rules of a Service on a node, in either back end, each with its reason."""

from fairlead.dataplane import iptables_rules, nft_rules
from fairlead.dataplane.forwarding import NodeView, plan_service
from fairlead.explain.cluster import Cluster
from fairlead.explain.proxying import Proxying, view_of
from fairlead.explain.statements import Evidence, EvidenceKind, Statement, said, unchecked
from fairlead.model.addresses import family_of
from fairlead.model.objects import Service
from fairlead.model.phrases import Phrase
from fairlead.netfilter.iptables_text import render_rule as iptables_rule
from fairlead.netfilter.nft_rule_text import render_rule as nft_rule
from fairlead.netfilter.nft_text import element_text


def explain_rules(cluster: Cluster, service: Service, proxying: Proxying, node: str) -> Statement:
    """The rules for this Service on one node: as the proxy would write them, not as a kernel has them."""
    families = dict.fromkeys(family_of(ip) for ip in service.cluster_ips)
    if service.is_headless or service.is_external_name:
        return said("no rules: it has no virtual IP")
    if not families:
        return unchecked("its rules: they begin with its virtual IP, which is not known")
    parts = []
    for family in families:
        view = view_of(cluster, proxying, node, family)
        parts += [_nft(cluster, service, view, node), _iptables(cluster, service, view, node)]
    return Statement(Phrase("rules on {node}", node=node), (), tuple(parts))


def _nft(cluster: Cluster, service: Service, view: NodeView, node: str) -> Statement:
    part = nft_rules.service_part(plan_service(cluster.snapshot, service.key, view), view)
    lines = [f"{id_[0]}: {element_text(id_[1], element)}" for id_, element in part.elements.items()]
    lines += [f"{c.name}: {nft_rule(rule, view.family)}" for c in part.chains.values() for rule in c.rules]
    return _list_lines("nft", lines, node)


def _iptables(cluster: Cluster, service: Service, view: NodeView, node: str) -> Statement:
    part = iptables_rules.contribute(plan_service(cluster.snapshot, service.key, view), view)
    lines = [
        f"{table} -A {chain} {iptables_rule(rule)}" for (table, chain), rules in part.shared.items() for rule in rules
    ]
    lines += [f"nat -A {name} {iptables_rule(rule)}" for name, chain in part.own.items() for rule in chain.rules]
    return _list_lines("iptables", lines, node)


def _list_lines(backend: str, lines: list[str], node: str) -> Statement:
    where = Phrase("computed for {node}", node=node)
    return said(
        Phrase("{backend}: {count} lines", backend=backend, count=len(lines)),
        *(Evidence(line, where, EvidenceKind.RULE) for line in lines),
    )
