"""All rules of a node, line by line, each with its reason and the Service that it is for."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple, TypeVar

import msgspec

from fairlead.dataplane import iptables_rules
from fairlead.dataplane.forwarding import plan_service
from fairlead.explain.cluster import Cluster
from fairlead.explain.proxying import NFT, Proxying, tables_of, view_of
from fairlead.model.addresses import IPFamily, family_of
from fairlead.netfilter.iptables_text import render_rule as iptables_rule
from fairlead.netfilter.iptables_text import target_of
from fairlead.netfilter.nft_rule_text import render_rule as nft_rule
from fairlead.netfilter.nft_text import element_text
from fairlead.netfilter.ruleset import NOWHERE, Chain, Element, Rule, RuleOrigin, Table

T = TypeVar("T", Rule, Element)


# Reasons for rules without a comment, by the prefix of their chain's name.
_REASONS = {
    "KUBE-FORWARD": "packets for endpoints may pass this node",
    "KUBE-MARK-MASQ": "marks packets that are to leave with the node's address",
    "KUBE-POSTROUTING": "gives packets that are marked the node's address",
    "KUBE-SEP-": "to one endpoint; an endpoint that reaches itself is seen as the node",
    "KUBE-EXT-": "from outside the cluster",
    "KUBE-SVC-": "chooses an endpoint",
    "KUBE-SVL-": "chooses an endpoint of this node",
    "KUBE-FW-": "admits only the sources that the Service allows",
    "node-ips": "an address of this node on which node ports answer",
}


class Line(NamedTuple):
    """A rule, or an element of a set or a map.

    Attributes:
        table: with its family. chain: or the set that it is in.
        service: NAMESPACE/NAME of the Service that it is for; "" for all of them.
    """

    table: str
    chain: str
    text: str
    reason: str
    service: str


def lines_of(cluster: Cluster, proxying: Proxying, node: str) -> list[Line]:
    """The rules that the proxy of a node writes, in the order of the tables, for each IP family that a Service has."""
    found: list[Line] = []
    for family in sorted(set(map(family_of, cluster.snapshot.services_by_ip))) or (IPFamily.IPV4,):
        tables = tables_of(cluster, proxying, node, family)
        if proxying.backend == NFT:
            found += (line for name, table in tables.items() for line in _nft(name, table, family))
        else:
            owners = _owners(cluster, proxying, node, family)
            found += (line for name, table in tables.items() for line in _iptables(f"{family} {name}", table, owners))
    return found


def _nft(name: str, table: Table, family: IPFamily) -> Iterator[Line]:
    for chain in table.chains.values():
        for rule in chain.rules:
            yield _line(name, _chain_title(chain), nft_rule(_without_comment(rule), family), rule.origin, "")
    for (set_, key), element in sorted(table.elements.items(), key=lambda item: str(item[0])):
        yield _line(name, set_, element_text(key, _without_comment(element)), element.origin, "")


def _iptables(name: str, table: Table, owners: Mapping[str, str]) -> Iterator[Line]:
    for chain in table.chains.values():
        for rule in chain.rules:
            text = f"-A {chain.name} {iptables_rule(_without_comment(rule))}"
            yield _line(name, chain.name, text, rule.origin, owners.get(chain.name) or owners.get(target_of(text), ""))


def _owners(cluster: Cluster, proxying: Proxying, node: str, family: IPFamily) -> dict[str, str]:
    """The Service of each chain that belongs to only one."""
    view, snapshot = view_of(cluster, proxying, node, family), cluster.snapshot
    return {
        chain: str(key)
        for key in snapshot.services
        for chain in iptables_rules.contribute(plan_service(snapshot, key, view), view).own
    }


def _without_comment(part: T) -> T:
    """The rule without its comment, which is shown beside it."""
    return msgspec.structs.replace(part, origin=NOWHERE)


def _chain_title(chain: Chain) -> str:
    return f"{chain.name} ({chain.attachment.hook})" if chain.attachment else chain.name


def _line(table: str, chain: str, text: str, origin: RuleOrigin, owner: str) -> Line:
    usual = next((reason for start, reason in _REASONS.items() if chain.startswith(start)), "")
    return Line(table, chain, text, origin.reason or usual, origin.subject.partition(":")[0] or owner)
