"""The answers of a cluster: endpoints, names, and every address and port of each Service with its endpoints."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from fairlead.clusterdns.answer import answer
from fairlead.clusterdns.names import to_text
from fairlead.clusterdns.records import Question, RRType
from fairlead.dataplane import iptables_rules, nft_rules
from fairlead.dataplane.forwarding import Fate, plan_service
from fairlead.explain.about.answering import PLACEHOLDER, at
from fairlead.explain.about.endpoints import endpoints_of
from fairlead.explain.about.names import view_of as zone_of
from fairlead.explain.changing.applied import STAND_IN
from fairlead.explain.cluster import Cluster
from fairlead.explain.proxying import NFT, Proxying, view_of
from fairlead.model.addresses import family_of
from fairlead.model.names import ObjectKey
from fairlead.model.objects import Service
from fairlead.model.phrases import Phrase
from fairlead.netfilter.iptables_text import render_rule as iptables_rule
from fairlead.netfilter.nft_rule_text import render_rule as nft_rule
from fairlead.netfilter.nft_text import element_text

_NEW = STAND_IN.partition("{")[0]


class Answers(NamedTuple):
    """The answers of one Service.

    Attributes:
        endpoints: addresses that are ready, with their Pod.
        names: records by the question that they answer.
        points: the endpoints of each address and port; none if packets are refused or dropped.
    """

    endpoints: frozenset[str] = frozenset()
    names: Mapping[str, frozenset[str]] = {}
    points: Mapping[str, frozenset[str]] = {}


NOTHING = Answers()


def answers_of(cluster: Cluster, proxying: Proxying, key: ObjectKey) -> Answers:
    """The answers of a Service; none if it does not exist."""
    service = cluster.snapshot.services.get(key)
    if service is None:
        return NOTHING
    return Answers(_endpoints(cluster, service), _names(cluster, service), dict(_points(cluster, proxying, service)))


def _endpoints(cluster: Cluster, service: Service) -> frozenset[str]:
    ready = (e for e in endpoints_of(cluster, service) if e.is_ready and e.addresses)
    return frozenset(f"{e.addresses[0]} (Pod {e.target_ref.name})" if e.target_ref else e.addresses[0] for e in ready)


def _names(cluster: Cluster, service: Service) -> dict[str, frozenset[str]]:
    view = zone_of(cluster)
    base = (service.name, service.namespace, "svc", *view.zone.origin)
    questions = [Question(base, kind) for kind in (RRType.A, RRType.AAAA)]
    questions += [
        Question((f"_{p.name}", f"_{p.protocol.lower()}", *base), RRType.SRV) for p in service.spec.ports if p.name
    ]
    found = {}
    for question in questions:
        lines = [line.partition(" IN ")[2] for rrset in answer(question, view).answer for line in rrset.lines()]
        found[f"{to_text(question.name).rstrip('.')} {RRType(question.qtype).name}"] = frozenset(
            map(_address_text, lines)
        )
    return found


def _address_text(text: str) -> str:
    """An address that is not allocated yet is shown as such."""
    return text if _NEW not in text else "A (a new virtual IP)"


def _points(cluster: Cluster, proxying: Proxying, service: Service) -> Iterator[tuple[str, frozenset[str]]]:
    for ip in service.cluster_ips:
        for plan in plan_service(cluster.snapshot, service.key, view_of(cluster, proxying, PLACEHOLDER, family_of(ip))):
            name = at(ip if _NEW not in ip else "a-new-virtual-ip", plan.port.port)
            yield f"{name}/{plan.port.name.protocol}", frozenset(at(t.address, t.port) for t in plan.endpoints.cluster)
    for node in cluster.snapshot.nodes.values():
        yield from _on_node(cluster, proxying, service, node.name)


def _on_node(cluster: Cluster, proxying: Proxying, service: Service, node: str) -> Iterator[tuple[str, frozenset[str]]]:
    """Node ports, as clients outside meet them."""
    for family in dict.fromkeys(map(family_of, service.cluster_ips)):
        view = view_of(cluster, proxying, node, family)
        for plan in plan_service(cluster.snapshot, service.key, view):
            targets = plan.endpoints.local if plan.external is Fate.LOCAL else plan.endpoints.cluster
            targets = targets if plan.external in (Fate.LOCAL, Fate.CLUSTER) else ()
            for ip in view.node_port_ips or view.node_ips if plan.port.node_port else ():
                where = f"{at(ip, plan.port.node_port)}/{plan.port.name.protocol}"
                name = Phrase("{where} on {node}", where=where, node=node)
                yield name, frozenset(at(t.address, t.port) for t in targets)


def rules_of(cluster: Cluster, proxying: Proxying, key: ObjectKey, node: str) -> frozenset[str]:
    """The lines of a Service in the rules of a node, for all its families."""
    service = cluster.snapshot.services.get(key)
    families = dict.fromkeys(map(family_of, service.cluster_ips)) if service else {}
    lines: list[str] = []
    for family in families:
        view = view_of(cluster, proxying, node, family)
        plans = plan_service(cluster.snapshot, key, view)
        if proxying.backend == NFT:
            part = nft_rules.service_part(plans, view)
            lines += [f"{id_[0]}: {element_text(id_[1], element)}" for id_, element in part.elements.items()]
            lines += [f"{c.name}: {nft_rule(rule, family)}" for c in part.chains.values() for rule in c.rules]
        else:
            shared = iptables_rules.contribute(plans, view)
            lines += [f"{t} -A {c} {iptables_rule(rule)}" for (t, c), rules in shared.shared.items() for rule in rules]
            lines += [f"nat -A {name} {iptables_rule(r)}" for name, chain in shared.own.items() for r in chain.rules]
    return frozenset(lines)
