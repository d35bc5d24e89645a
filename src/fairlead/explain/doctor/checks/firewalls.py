"""Node ports that the host's own rules, around those of the proxy, block."""

from collections.abc import Iterator

from fairlead.explain.cluster import Ref
from fairlead.explain.doctor.findings import Finding, Fix
from fairlead.explain.doctor.ward import Ward, harmed
from fairlead.explain.journey.ends import OUTSIDE
from fairlead.explain.journey.rulebook import read_rules
from fairlead.explain.observations import IPTABLES, NFT, NFT_JSON, Observation
from fairlead.explain.statements import Evidence, EvidenceKind
from fairlead.model.addresses import family_of
from fairlead.model.objects import Node, Service, ServicePort
from fairlead.model.phrases import Phrase
from fairlead.netfilter.dump.nft_json import NotRules
from fairlead.netfilter.dump.values import Table
from fairlead.trace.dumped import UNTOLD, follow
from fairlead.trace.packet import Packet, PacketFate
from fairlead.trace.ways import TracedNode as Host
from fairlead.trace.ways import TracedRule

_PROXY_CHAINS = ("KUBE-", "KUBE_")
_PROXY_TABLES = ("kube-proxy", "fairlead")


def check_firewalls(ward: Ward) -> Iterator[Finding]:
    """Each node port on each node with known rules: whether it is certainly dropped, and not by the proxy."""
    for node in sorted(ward.cluster.snapshot.nodes.values(), key=lambda node: node.name):
        seen = [o for o in ward.cluster.observations if o.kind in (IPTABLES, NFT, NFT_JSON) and o.is_of(node.name)]
        tables = [table for each in seen for table in _tables(each)]
        if not tables or not node.internal_ips:
            continue
        host = Host(frozenset(node.internal_ips), tuple(tables))
        for service in ward.services:
            yield from _blocked(ward, node, host, service, seen[0])


def _tables(seen: Observation) -> list[Table]:
    try:
        return read_rules(seen)
    except NotRules:
        return []


def _blocked(ward: Ward, node: Node, host: Host, service: Service, seen: Observation) -> Iterator[Finding]:
    for port in service.spec.ports:
        if port.node_port and ward.has_ready_endpoint(service):
            address = node.internal_ips[0]
            source = OUTSIDE[family_of(address)]
            packet = Packet(source, address, port.node_port, port.protocol.lower(), UNTOLD)
            step = _foreign_drop(host, packet)
            if step is not None:
                yield _finding(node, service, port, step, seen)
                return


def _foreign_drop(host: Host, packet: Packet) -> TracedRule | None:
    """The rule that drops a packet on every path, if it is not the proxy's."""
    found = follow(host, packet)
    fates = {way.outcome.fate if way.outcome else None for way in found.ways}
    if not found.is_certain or not fates or None in fates or PacketFate.ACCEPT in fates:
        return None
    last = found.ways[0].steps[-1] if found.ways[0].steps else None
    is_ours = last and (last.chain.startswith(_PROXY_CHAINS) or last.table.partition(" ")[2] in _PROXY_TABLES)
    return None if is_ours else last


def _finding(node: Node, service: Service, port: ServicePort, step: TracedRule, seen: Observation) -> Finding:
    text = Phrase(
        "the firewall of {node} drops what clients send to node port {node_port} of Service {service}, "
        "at {hook} in {table}",
        node=node.name,
        node_port=port.node_port,
        service=service.key,
        hook=step.hook,
        table=step.table,
    )
    evidence = Evidence(f"{step.chain}: {step.rule}", seen.where, EvidenceKind.RULE)
    targets = f"{port.protocol.lower()} dport {port.node_port}"
    command = f"nft insert rule {step.table} {step.chain} ct status dnat accept  # on {node.name}; before: {targets}"
    return Finding("firewall-blocks", Ref("Node", "", node.name), text, (evidence,), (Fix(command),), harmed(service))
