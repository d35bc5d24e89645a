"""Actions of rules on packets."""

from fairlead.netfilter.ruleset.matches import Field, RuleValue


class Target(RuleValue, frozen=True, order=True):
    """An endpoint that traffic can be sent to."""

    address: str
    port: int


class Accept(RuleValue, frozen=True):
    """Leave this hook's chain with the packet accepted."""


class Drop(RuleValue, frozen=True):
    """Discard the packet silently."""


class Reject(RuleValue, frozen=True):
    """Discard the packet and answer with ICMP port unreachable."""


class Reset(RuleValue, frozen=True):
    """Discard the packet and answer with a TCP reset; the rule must match TCP."""


class Return(RuleValue, frozen=True):
    """Go back to the calling chain."""


class Jump(RuleValue, frozen=True):
    """Evaluate another chain, then continue after this rule."""

    chain: str


class Goto(RuleValue, frozen=True):
    """Evaluate another chain, and return from it to the caller of this one."""

    chain: str


Verdict = Accept | Drop | Return | Jump | Goto


class Lookup(RuleValue, frozen=True):
    """Carry out the named map's verdict for the key made of these fields; continue if it has none."""

    fields: tuple[Field, ...]
    map: str


class AddMark(RuleValue, frozen=True):
    """Set these bits of the packet mark."""

    bits: int


class FlipMark(RuleValue, frozen=True):
    """Invert these bits of the packet mark."""

    bits: int


class Masquerade(RuleValue, frozen=True):
    """Rewrite the source to an address of this node, with a random port."""


class Translate(RuleValue, frozen=True):
    """Rewrite the destination to this target."""

    target: Target


class TranslateBySlot(RuleValue, frozen=True):
    """Rewrite the destination to a map's target for these fields and a slot; continue if it has none.

    Attributes:
        protocol: of the ports; packets of other protocols continue.
        slots: the number of slots, one of which is drawn for each connection. first: the number of the first.
        by_source: whether a hash of the source address, equal on all nodes, draws instead of chance.
    """

    protocol: str
    fields: tuple[Field, ...]
    map: str
    slots: int
    first: int = 0
    by_source: bool = False


class GotoAtRandom(RuleValue, frozen=True):
    """Go to one of the chains, drawn for each connection; a chain that is listed twice is drawn twice as often."""

    chains: tuple[str, ...]


class RememberTarget(RuleValue, frozen=True):
    """Note the target for the source address in a named map, or keep an existing note; restarts its time-out."""

    map: str
    target: Target


class TranslateAsRemembered(RuleValue, frozen=True):
    """Rewrite the destination to the target noted for the source address; continue if there is none."""

    map: str


class RememberSource(RuleValue, frozen=True):
    """Note the source address in the list ``name`` (iptables' recent match)."""

    name: str


Statement = (
    Accept
    | Drop
    | Reject
    | Reset
    | Return
    | Jump
    | Goto
    | Lookup
    | AddMark
    | FlipMark
    | Masquerade
    | Translate
    | TranslateBySlot
    | GotoAtRandom
    | RememberTarget
    | TranslateAsRemembered
    | RememberSource
)
