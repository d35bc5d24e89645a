"""Runs a packet through dumped rules: every path that chance allows, and every path that cannot be excluded.

Follows the first packet of a new connection, as ``evaluate`` does for our own rules. A condition on something that is
not in the dump (an outgoing interface, a source port, an unknown match) might hold or not: both paths are taken, each
with the doubt noted, so that no uncertain outcome is called certain.
"""

from collections.abc import Callable, Iterator, Mapping
from ipaddress import ip_address
from itertools import islice
from typing import Any, NamedTuple

from fairlead.model.addresses import IPFamily
from fairlead.model.phrases import Phrase
from fairlead.netfilter.dump.patterns import Rows, RuleKey, Value
from fairlead.netfilter.dump.values import (
    AtRandom,
    Chain,
    ChainCall,
    Draw,
    HideSource,
    MapJump,
    MarkTest,
    Note,
    RecentlySeen,
    Rule,
    RuleVerdict,
    SetMark,
    Table,
    Test,
    Translate,
    Unknown,
)
from fairlead.netfilter.ruleset import Hook
from fairlead.trace.chance import Choices, every_way
from fairlead.trace.packet import DROPPED, REJECTED, Outcome, Packet, PacketFate
from fairlead.trace.ways import TracedNode, TracedRule, Way, Ways

MOST_WAYS = 2000
DEEPEST = 64  # calls of chains within each other; the kernel allows 16
UNTOLD = "?"  # an interface with an unknown name


def follow(node: TracedNode, packet: Packet, *, verbose: bool = False, is_first: bool = False) -> Ways:
    """Every path of the packet.

    Args:
        verbose: whether rules that did not match are among the steps.
        is_first: whether the source is new, so that no session affinity applies.
    """
    not_read = tuple(Phrase("not read: {text}", text=text) for table in node.tables for text in table.not_read)

    def way(choices: Choices) -> Way:
        found = _Run(node, packet, choices, verbose, is_first).way()
        return found._replace(doubts=(*not_read, *found.doubts))

    ways = tuple(islice(every_way(way), MOST_WAYS + 1))
    return Ways(ways[:MOST_WAYS], len(ways) > MOST_WAYS)


class _End(NamedTuple):
    """How a chain ended: with an outcome, or (None) accepted by this base chain."""

    outcome: Outcome | None


_ACCEPTED = _End(None)


class _Lost(Exception):
    """A rule that was not understood might have done anything."""


class _Run:
    """One packet on one path."""

    def __init__(self, node: TracedNode, packet: Packet, choices: Choices, verbose: bool, is_first: bool) -> None:
        self.node, self.packet = node, packet
        self._choices, self._verbose, self._is_first = choices, verbose, is_first
        self._probability = 1.0
        self._doubts: list[str] = []
        self._steps: list[TracedRule] = []
        self._hook, self._table = Hook.PREROUTING, Table("", "")
        self._depth = 0
        self._noted: dict[tuple[int, tuple[Value | None, ...]], Any] = {}  # by identity of the map, and key
        self.mark = 0
        self.address, self.port = packet.destination, packet.port
        self.is_translated = self.is_hidden = False

    def way(self) -> Way:
        try:
            outcome: Outcome | None = self._outcome()
        except _Lost:
            outcome = None
        steps, doubts = tuple(self._steps), tuple(self._doubts)
        return Way(outcome, steps, self._probability, doubts, (self.address, self.port))

    def _outcome(self) -> Outcome:
        for hook in self._path():
            self._hook = hook
            for table, chain in self._base_chains(hook):
                if chain.base and chain.base.type == "nat" and hook is not Hook.POSTROUTING and self.is_translated:
                    continue
                self._table = table
                end = self._run_base(chain)
                if end.outcome is not None:
                    return end.outcome
        return Outcome(PacketFate.ACCEPT, self.address, self.port, self.is_hidden)

    def _path(self) -> Iterator[Hook]:
        """As in ``evaluate``: the path after the first hook depends on the destination after it."""
        is_local = not self.packet.interface
        yield Hook.OUTPUT if is_local else Hook.PREROUTING
        is_for_us = self.is_own(self.address)
        if not is_local:
            yield Hook.INPUT if is_for_us else Hook.FORWARD
        if not (is_for_us and not is_local):
            yield Hook.POSTROUTING
        if is_for_us and is_local:
            yield Hook.INPUT

    def _base_chains(self, hook: Hook) -> list[tuple[Table, Chain]]:
        family = "ip6" if self.packet.family is IPFamily.IPV6 else "ip"
        found = [
            (table, chain)
            for table in self.node.tables
            if table.has(family)
            for chain in table.chains.values()
            if chain.base and chain.base.hook is hook
        ]
        return sorted(found, key=lambda pair: pair[1].base.priority if pair[1].base else 0)

    def _run_base(self, chain: Chain) -> _End:
        end = self._chain(chain)
        if end is None and chain.base and chain.base.policy == "drop":
            self._note(chain, f"policy {chain.base.policy}", "drops it", chain.base.policy)
            return _End(DROPPED)
        return end or _ACCEPTED

    def _chain(self, chain: Chain) -> _End | None:
        """How the chain ended; None at its end, or after a return."""
        self._depth += 1
        if self._depth > DEEPEST:
            self._doubts.append(Phrase("chain {chain} calls itself", chain=chain.name))
            raise _Lost
        try:
            for rule in chain.rules:
                is_over, end = self._rule(chain, rule)
                if is_over:
                    return end
            return None
        finally:
            self._depth -= 1

    def _rule(self, chain: Chain, rule: Rule) -> tuple[bool, _End | None]:
        """Whether the chain ends with this rule, and how."""
        last = len(rule.parts) - 1
        for position, part in enumerate(rule.parts):
            if type(part) in _CONDITIONS:
                why = self._fails(part, is_last=position == last)
                if why is not None:
                    if self._verbose:
                        self._steps.append(TracedRule(self._hook, self._place, chain.name, rule.text, "", why))
                    return False, None
                continue
            is_over, end = self._act(chain, rule, part)
            if is_over:
                return True, end
        return False, None

    @property
    def _place(self) -> str:
        return f"{self._table.family} {self._table.name}"

    def _note(self, chain: Chain, rule: str, did: str, verdict: str) -> None:
        self._steps.append(TracedRule(self._hook, self._place, chain.name, rule, did, "", verdict))

    # --- conditions: None when they hold, else why not ---

    def _fails(self, part: Any, *, is_last: bool) -> str | None:
        if isinstance(part, Unknown):
            return self._doubtful(part.text, is_last=is_last)
        return _CONDITIONS[type(part)](self, part)

    def _doubtful(self, text: str, *, is_last: bool = False) -> str | None:
        """Take both paths; at the end of a rule it might be an action, which might have done anything."""
        self._doubts.append(Phrase("not understood: {text}", text=text))
        if self._choices.choose(2) == 1:
            return Phrase("assumed not to match: {text}", text=text)
        if is_last:
            self._steps.append(TracedRule(self._hook, self._place, "", text, "may do anything", "not understood"))
            raise _Lost
        return None

    def test(self, part: Test) -> str | None:
        if part.family and part.family != ("ip6" if self.packet.family is IPFamily.IPV6 else "ip"):
            return Phrase("it is of the other family")
        values = [self.value(key) for key in part.keys]
        unknown = [key for key, value in zip(part.keys, values, strict=True) if value is None]
        if unknown:
            return self._untold(part, unknown[0])
        found, _ = part.rows.find(tuple(v for v in values if v is not None))
        if found != part.negated:
            return None
        return ", ".join(f"{key} is {value}" for key, value in zip(part.keys, values, strict=True))

    def _untold(self, part: Test, key: RuleKey) -> str | None:
        self._doubts.append(Phrase("the {key} is not known", key=key))
        return None if self._choices.choose(2) == 0 else Phrase("assumed: another {key}", key=key)

    def seen(self, part: RecentlySeen) -> str | None:
        return Phrase("the client was not seen before") if self._is_first else self._doubtful(part.text)

    def mark_test(self, part: MarkTest) -> str | None:
        holds = (self.mark & part.mask == part.value) != part.negated
        return None if holds else Phrase("the mark is {mark:#x}", mark=self.mark)

    def chance(self, part: AtRandom) -> str | None:
        if part.probability >= 1:
            return None
        is_taken = self._choices.choose(2) == 0
        self._probability *= part.probability if is_taken else 1 - part.probability
        return None if is_taken else Phrase("chance")

    def value(self, key: RuleKey) -> Value | None:
        """The value of a part of the packet; None if it cannot be known."""
        return _VALUES[key](self)

    def is_own(self, address: str) -> bool:
        return address in self.node.addresses or ip_address(address).is_loopback

    # --- actions ---

    def _act(self, chain: Chain, rule: Rule, part: Any) -> tuple[bool, _End | None]:
        return _ACTIONS[type(part)](self, chain, rule, part)

    def verdict(self, chain: Chain, rule: Rule, part: RuleVerdict) -> tuple[bool, _End | None]:
        self._note(chain, rule.text, _DOES.get(part.word, part.word), _TRACED.get(part.word, part.word))
        return _VERDICTS.get(part.word, (False, None))

    def call(self, chain: Chain, rule: Rule, part: ChainCall) -> tuple[bool, _End | None]:
        target = self._table.chains.get(part.chain)
        does = Phrase("jumps to {chain}" if part.returns else "goes to {chain}", chain=part.chain)
        self._note(chain, rule.text, does, f"{'jump' if part.returns else 'goto'} {part.chain}")
        if target is None:
            self._doubts.append(Phrase("the chain {chain} is not in the dump", chain=part.chain))
            raise _Lost
        end = self._chain(target)
        return (end is not None or not part.returns), end

    def branch(self, chain: Chain, rule: Rule, part: MapJump) -> tuple[bool, _End | None]:
        if part.family and part.family != ("ip6" if self.packet.family is IPFamily.IPV6 else "ip"):
            return False, None
        values = [self.value(key) for key in part.keys]
        if any(value is None for value in values):
            self._doubts.append(Phrase("not known: {rule}", rule=rule.text))
            raise _Lost
        found, value = part.rows.find(tuple(v for v in values if v is not None))
        if found and value is not None:
            return self._act(chain, rule, value)
        if self._verbose:
            words = " . ".join(map(str, values))
            self._steps.append(
                TracedRule(
                    self._hook,
                    self._place,
                    chain.name,
                    rule.text,
                    "",
                    Phrase("the map has nothing for {words}", words=words),
                )
            )
        return False, None

    def draw(self, chain: Chain, rule: Rule, part: Draw) -> tuple[bool, _End | None]:
        slots = [part.rows.find((number,))[1] for number in range(part.first, part.first + part.among)]
        value = self._draw(slots)
        return self._act(chain, rule, value) if value is not None else (False, None)

    def _draw(self, slots: list[Any]) -> Any:
        """One of the slots; equal ones are one option with their combined probability."""
        if not slots:
            return None
        value = self._choices.pick(slots)
        self._probability *= slots.count(value) / len(slots)
        return value

    def translate(self, chain: Chain, rule: Rule, part: Translate) -> tuple[bool, _End | None]:
        slots = []
        for number in range(part.first, part.first + part.draws):
            values = [number if key is RuleKey.SLOT else self.value(key) for key in part.keys]
            slots.append(self._look_up(part.rows, tuple(values)))
        target = self._draw(slots)
        if target is None:
            return False, None
        self.address = target.address or self.address
        self.port = self.port if target.port is None else target.port
        self.is_translated = True
        does = Phrase("sends it to {address} port {port}", address=self.address, port=self.port)
        self._note(chain, rule.text, does, "accept")
        return True, _ACCEPTED

    def note(self, chain: Chain, rule: Rule, part: Note) -> tuple[bool, _End | None]:
        key = tuple(self.value(each) for each in part.keys)
        if self._look_up(part.rows, key) is None:
            self._noted[id(part.rows), key] = part.value
        return False, None

    def _look_up(self, rows: Rows, key: tuple[Value | None, ...]) -> Any:
        """A map's value for a key, or the value that this packet's rules have noted there."""
        found, value = rows.find(tuple(each for each in key if each is not None))
        return value if found else self._noted.get((id(rows), key))

    def hide(self, chain: Chain, rule: Rule, part: HideSource) -> tuple[bool, _End | None]:
        self.is_hidden = True
        instead = part.address or Phrase("an address of the node")
        self._note(chain, rule.text, Phrase("puts {address} in place of the source", address=instead), "accept")
        return True, _ACCEPTED

    def set_mark(self, chain: Chain, rule: Rule, part: SetMark) -> tuple[bool, _End | None]:
        self.mark = (self.mark & ~part.clear & 0xFFFFFFFF) ^ part.flip
        self._note(chain, rule.text, Phrase("sets the mark to {mark:#x}", mark=self.mark), "continue")
        return False, None


_VERDICTS: Mapping[str, tuple[bool, _End | None]] = {
    "accept": (True, _ACCEPTED),
    "drop": (True, _End(DROPPED)),
    "reject": (True, _End(REJECTED)),
    "return": (True, None),
    "continue": (False, None),
}
_TRACED = {"reject": "drop"}  # it answers, and then drops
_DOES = {"accept": "accepts it", "drop": "drops it", "reject": "refuses it", "return": "returns"}

_CONDITIONS: Mapping[type, Callable[[_Run, Any], str | None]] = {
    Test: _Run.test,
    MarkTest: _Run.mark_test,
    AtRandom: _Run.chance,
    RecentlySeen: _Run.seen,
    Unknown: lambda run, part: run._doubtful(part.text),
}
_ACTIONS: Mapping[type, Callable[[_Run, Chain, Rule, Any], tuple[bool, _End | None]]] = {
    RuleVerdict: _Run.verdict,
    ChainCall: _Run.call,
    MapJump: _Run.branch,
    Draw: _Run.draw,
    Translate: _Run.translate,
    HideSource: _Run.hide,
    SetMark: _Run.set_mark,
    Note: _Run.note,
}


def _interface(run: _Run) -> Value | None:
    return None if run.packet.interface == UNTOLD else run.packet.interface or "lo"


_VALUES: Mapping[RuleKey, Callable[[_Run], Value | None]] = {
    RuleKey.SOURCE: lambda run: run.packet.source,
    RuleKey.DESTINATION: lambda run: run.address,
    RuleKey.PROTOCOL: lambda run: run.packet.protocol,
    RuleKey.PORT: lambda run: run.port,
    RuleKey.SOURCE_PORT: lambda run: None,
    RuleKey.IN: lambda run: _interface(run) if run.packet.interface else "",
    RuleKey.OUT: lambda run: None,
    RuleKey.STATE: lambda run: "new",
    RuleKey.DIRECTION: lambda run: "original",
    RuleKey.STATUS: lambda run: "dnat" if run.is_translated else "",
    RuleKey.SOURCE_TYPE: lambda run: "local" if run.is_own(run.packet.source) else "unicast",
    RuleKey.DESTINATION_TYPE: lambda run: "local" if run.is_own(run.address) else "unicast",
    RuleKey.FAMILY: lambda run: "ipv6" if run.packet.family is IPFamily.IPV6 else "ipv4",
    RuleKey.FLAGS: lambda run: "syn",
    RuleKey.SLOT: lambda run: 0,
}
