"""The rules of each node: observed or given ones, else those that its proxy would write."""

from dataclasses import dataclass, field

from fairlead.explain.cluster import Cluster
from fairlead.explain.observations import IPSET, IPTABLES, NFT, NFT_JSON, Observation
from fairlead.explain.proxying import NFT as NFT_BACKEND
from fairlead.explain.proxying import Proxying, tables_of, view_of
from fairlead.model.addresses import IPFamily
from fairlead.model.phrases import Phrase
from fairlead.netfilter.dump.ipset import Sets, read_ipset
from fairlead.netfilter.dump.iptables import family_in, read_iptables
from fairlead.netfilter.dump.nft import read_nft
from fairlead.netfilter.dump.nft_json import read_nft_json
from fairlead.netfilter.dump.values import Table
from fairlead.netfilter.iptables_text import render_restore
from fairlead.netfilter.nft_text import render_table
from fairlead.netfilter.ruleset import TableName
from fairlead.trace.ways import TracedNode

_NO_SETS: Sets = {}


def read_rules(seen: Observation, sets: Sets = _NO_SETS) -> list[Table]:
    """The tables in an observation.

    Args:
        sets: those of ipset that were observed on the same node.

    Raises:
        NotRules: it is JSON, but not nft's.
    """
    if seen.kind == IPTABLES:
        return read_iptables(seen.text, family_in(seen.text), sets)
    return read_nft_json(seen.text) if seen.kind == NFT_JSON else read_nft(seen.text)


@dataclass(frozen=True, eq=False)
class Rulebook:
    """The source of nodes' rules.

    Attributes:
        given: rules to use for every node instead of any others.
        computes: whether to ignore observed rules.
    """

    cluster: Cluster
    proxying: Proxying
    given: tuple[Observation, ...] = ()
    computes: bool = False
    _nodes: dict[tuple[str, IPFamily], TracedNode] = field(default_factory=dict)

    def node(self, name: str, family: IPFamily) -> TracedNode:
        """A node as a packet meets it."""
        key = (name, family)
        if key not in self._nodes:
            self._nodes[key] = TracedNode(self._addresses(name), tuple(self._tables(name, family)))
        return self._nodes[key]

    def origin(self, name: str) -> str:
        """The source of a node's rules, for a reader."""
        seen = self._observations(name)
        return ", ".join(each.where for each in seen) if seen else Phrase("computed for {node}", node=name)

    def is_computed(self, name: str) -> bool:
        return not self._observations(name)

    def _observations(self, name: str) -> list[Observation]:
        if self.given or self.computes:
            return list(self.given)
        kinds = (IPTABLES, NFT, NFT_JSON)
        return [o for o in self.cluster.observations if o.kind in kinds and o.is_of(name)]

    def _sets(self, name: str) -> Sets:
        """Sets of both families share one namespace of names."""
        seen = [o for o in (*self.given, *self.cluster.observations) if o.kind == IPSET]
        texts = (o.text for o in seen if o in self.given or (not self.given and o.is_of(name)))
        return {name: set_ for text in texts for name, set_ in read_ipset(text).items()}

    def _tables(self, name: str, family: IPFamily) -> list[Table]:
        """The output of iptables-save takes precedence over nft's listing of the same rules, which hides most of each
        rule."""
        seen = [each for each in self._observations(name) if each.kind != IPSET]
        if not seen:
            return self._computed(name, family)
        sets = self._sets(name)
        tables = [(each.kind, table) for each in seen for table in read_rules(each, sets)]
        saved = {(table.family, table.name) for kind, table in tables if kind == IPTABLES}
        return [t for kind, t in tables if kind == IPTABLES or (t.family, t.name) not in saved]

    def _computed(self, name: str, family: IPFamily) -> list[Table]:
        tables = tables_of(self.cluster, self.proxying, name, family)
        if self.proxying.backend == NFT_BACKEND:
            return [t for n, table in tables.items() for t in read_nft(render_table(TableName(family, n), table))]
        return read_iptables(render_restore(tables.items()), "ip6" if family is IPFamily.IPV6 else "ip")

    def _addresses(self, name: str) -> frozenset[str]:
        node = self.cluster.snapshot.nodes.get(name)
        views = [view_of(self.cluster, self.proxying, name, family) for family in IPFamily]
        return frozenset(ip for view in views for ip in view.node_ips) | frozenset(node.internal_ips if node else ())
