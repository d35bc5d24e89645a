"""Policies in nft's terms: a separate table beside that of Services.

A packet that is forwarded meets the base chain ``egress``, then ``ingress``; both come after the filters that refuse
service ports without endpoints. A map of each leads an isolated address to the chain of its isolation. A packet
accepted in one base chain continues to the next, so each direction accepts by itself.
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
    Goto,
    Hook,
    InSet,
    Lookup,
    NamedSet,
    RelatedConnection,
    ReplyOfConnection,
    Rule,
    RuleOrigin,
    SetKind,
    Table,
    TableName,
)
from fairlead.netpolicy.backend import OWN, Isolated, Isolation, asking, digest, key_of, origin_of
from fairlead.netpolicy.reading import Direction
from fairlead.netpolicy.selections import Ports, Selection

TABLE = "fairlead-policy"
_PRIORITY = {Direction.EGRESS: 10, Direction.INGRESS: 11}  # after those filters, whose priority is 0
_MAPS = {Direction.EGRESS: "isolated-egress", Direction.INGRESS: "isolated-ingress"}
_DENY = "deny"
LONGEST_NAME = 200  # of the kernel's 255 octets (NFT_NAME_MAXLEN), with room for what is put around it


def table_name(family: IPFamily) -> TableName:
    """The kernel's table of this family's policies."""
    return TableName(family, TABLE)


class NftPolicies:
    """Writes policies as nft's rules."""

    def __init__(self, family: IPFamily) -> None:
        self.family = family

    def policy_chain(self, direction: Direction, policy: ObjectKey, *parts: int) -> str:
        text = str(policy)
        name = text if len(text) <= LONGEST_NAME else f"{text[:LONGEST_NAME]}.{digest(text)}"
        return "/".join((direction.lower(), name, *map(str, parts)))

    def set_name(self, selection: Selection) -> str:
        return f"{'ports' if isinstance(selection, Ports) else 'pods'}-{key_of(selection)}"

    def set_of(self, selection: Selection) -> NamedSet:
        return NamedSet(self.set_name(selection), fields_of(selection), origin=origin_of(selection))

    def allow(self, direction: Direction) -> Accept:
        return Accept()

    def isolation(self, isolation: Isolation) -> Table:
        chain = Chain(_chain_of(isolation), asking(isolation, self, Goto(_DENY)))
        return Table({chain.name: chain})

    def isolate(self, address: str, isolation: Isolation, origin: RuleOrigin) -> Mapping[ElementId, Element]:
        return {
            (_MAPS[isolation.direction], (address,)): Element(Goto(_chain_of(isolation)), origin),
            ("themselves", (address, address)): Element(None, origin),
        }

    def frame(self, isolations: Iterable[Isolation], isolated: Isolated) -> Table:
        """Nothing if no address is isolated: then packets meet no hook."""
        if not isolated:
            return Table()
        chains = (*(_base_chain(direction) for direction in _PRIORITY), _DENIAL)
        return Table({chain.name: chain for chain in chains}, {set_.name: set_ for set_ in _SETS})


def fields_of(selection: Selection) -> tuple[Field, ...]:
    """The fields that the keys of a set are made of; an address is one of either end."""
    if isinstance(selection, Ports):
        return (Field.DESTINATION, Field.PROTOCOL, Field.PORT)
    return (Field.SOURCE,)


def _chain_of(isolation: Isolation) -> str:
    return f"isolated-{isolation.direction.lower()}-{digest(*map(str, isolation.policies))}"


_SETS = (
    *(NamedSet(name, (OWN[direction],), SetKind.VERDICT_MAP) for direction, name in _MAPS.items()),
    NamedSet("themselves", (Field.SOURCE, Field.DESTINATION)),
)
_DENIAL = Chain(
    _DENY,
    (
        Rule(
            (InSet((Field.SOURCE, Field.DESTINATION), "themselves"),),
            (Accept(),),
            RuleOrigin("", "a Pod that reached itself through a Service"),
        ),
        Rule((), (Drop(),), RuleOrigin("", "denied by NetworkPolicy")),
    ),
)


def _base_chain(direction: Direction) -> Chain:
    return Chain(
        direction.lower(),
        (
            Rule((RelatedConnection(),), (Accept(),), RuleOrigin("", "errors about what was let through")),
            Rule((ReplyOfConnection(),), (Accept(),), RuleOrigin("", "replies to what was let through")),
            Rule((), (Lookup((OWN[direction],), _MAPS[direction]),), RuleOrigin("", "Pods that policies select")),
        ),
        ChainHook("filter", Hook.FORWARD, _PRIORITY[direction]),
    )
