"""Policies in iptables' terms: chains in the table ``security``, and sets of ipset.

``security`` comes after ``filter`` in the same hook, so rules that accept there, such as kube-proxy's KUBE-FORWARD or a
firewall's, do not let a packet skip its policies. Each direction has a chain with a rule for each isolation, which
tests whether the address is in the isolation's set; packets that egress allows continue to ingress. Each path ends in a
verdict.
"""

from collections.abc import Iterable, Mapping

from fairlead.model.addresses import IPFamily
from fairlead.model.names import ObjectKey
from fairlead.netfilter.ruleset import (
    Accept,
    Chain,
    ChainHook,
    Drop,
    Element,
    ElementId,
    Field,
    Hook,
    InNetworks,
    InSet,
    Jump,
    NamedSet,
    RelatedConnection,
    ReplyOfConnection,
    Rule,
    RuleOrigin,
    Statement,
    Table,
)
from fairlead.netpolicy.backend import OWN, Isolated, Isolation, asking, digest, key_of, origin_of
from fairlead.netpolicy.nft_rules import fields_of
from fairlead.netpolicy.reading import Direction
from fairlead.netpolicy.selections import Selection

SECURITY = "security"
PRIORITY = 50  # of its chain FORWARD, NF_IP_PRI_SECURITY
ENTRY, DENY = "FAIRLEAD-POLICY", "FAIRLEAD-DENY"
_DIRECTIONS = {Direction.EGRESS: "FAIRLEAD-EGRESS", Direction.INGRESS: "FAIRLEAD-INGRESS"}
_CHAIN = "FAIRLEAD-NP-"  # and a digest: 28 characters, iptables' maximum
OURS = "FAIRLEAD-"  # the prefix of our chains' and sets' names
_FAMILY = {IPFamily.IPV4: "4", IPFamily.IPV6: "6"}  # sets of both families have their names from one pool


def set_prefix(family: IPFamily) -> str:
    """The prefix of our sets' names of a family; with a digest they have 27 characters of ipset's 31."""
    return f"{OURS}{_FAMILY[family]}-"


class IptablesPolicies:
    """Writes policies as iptables' rules."""

    def __init__(self, family: IPFamily) -> None:
        self.family = family

    def policy_chain(self, direction: Direction, policy: ObjectKey, *parts: int) -> str:
        return _CHAIN + digest(direction, str(policy), *map(str, parts))

    def set_name(self, selection: Selection) -> str:
        return set_prefix(self.family) + key_of(selection)

    def set_of(self, selection: Selection) -> NamedSet:
        return NamedSet(self.set_name(selection), fields_of(selection), origin=origin_of(selection))

    def allow(self, direction: Direction) -> Statement:
        return Jump(_DIRECTIONS[Direction.INGRESS]) if direction is Direction.EGRESS else Accept()

    def isolation(self, isolation: Isolation) -> Table:
        chain = Chain(_chain_of(isolation), asking(isolation, self, Jump(DENY)))
        isolated = NamedSet(self._isolated(isolation), (Field.SOURCE,), origin=RuleOrigin("", f"isolated: {isolation}"))
        return Table({chain.name: chain}, {isolated.name: isolated})

    def _isolated(self, isolation: Isolation) -> str:
        """The name of the set of addresses with this isolation."""
        return set_prefix(self.family) + digest(isolation.direction, *map(str, isolation.policies))

    def isolate(self, address: str, isolation: Isolation, origin: RuleOrigin) -> Mapping[ElementId, Element]:
        return {(self._isolated(isolation), (address,)): Element(None, origin)}

    def frame(self, isolations: Iterable[Isolation], isolated: Isolated) -> Table:
        """If no address is isolated, the first of the chains is empty, and the others are not used."""
        ordered = sorted(isolations)
        chains = (
            Chain("FORWARD", _FIRST, ChainHook("filter", Hook.FORWARD, PRIORITY)),
            Chain(ENTRY, _ENTRY if ordered else ()),
            *(self._direction(direction, ordered) for direction in _DIRECTIONS),
            Chain(DENY, (*map(_itself, sorted(isolated)), _DENIAL)),
        )
        return Table({chain.name: chain for chain in chains})

    def _direction(self, direction: Direction, isolations: Iterable[Isolation]) -> Chain:
        asked = (
            Rule(
                (InSet((OWN[direction],), self._isolated(isolation)),),
                (Jump(_chain_of(isolation)),),
                RuleOrigin("", str(isolation)),
            )
            for isolation in isolations
            if isolation.direction is direction
        )
        return Chain(_DIRECTIONS[direction], (*asked, Rule((), (self.allow(direction),))))


def _chain_of(isolation: Isolation) -> str:
    return _CHAIN + digest("isolated", isolation.direction, *map(str, isolation.policies))


_FIRST = (Rule((), (Jump(ENTRY),), RuleOrigin("", "what NetworkPolicies say")),)
_ENTRY = (
    Rule((RelatedConnection(),), (Accept(),), RuleOrigin("", "errors about what was let through")),
    Rule((ReplyOfConnection(),), (Accept(),), RuleOrigin("", "replies to what was let through")),
    Rule((), (Jump(_DIRECTIONS[Direction.EGRESS]),)),
)
_DENIAL = Rule((), (Drop(),), RuleOrigin("", "denied by NetworkPolicy"))


def _itself(address: str) -> Rule:
    ends = (InNetworks(Field.SOURCE, (address,)), InNetworks(Field.DESTINATION, (address,)))
    return Rule(ends, (Accept(),), RuleOrigin("", "a Pod that reached itself through a Service"))
