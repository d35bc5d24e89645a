"""Runs a packet through typed rules as the kernel would: every visited rule, and every outcome that chance allows.

Follows the first packet of a new connection, so ``ct state`` is always new; replies and later packets take the path
that it opened. ``evaluate`` takes every path, ``sample`` draws one as the kernel would. Order of hooks, of base chains
and
the meaning of verdicts: nft(8), "Chains", "Verdict statements", and the kernel's nf_nat_core (a translation is decided
once per connection and direction).
"""

from collections.abc import Callable, Iterator, Mapping
from ipaddress import ip_address, ip_network
from typing import Any, NamedTuple

import msgspec

from fairlead.netfilter.ruleset import (
    Accept,
    AddMark,
    Chain,
    DestinationTranslated,
    Drop,
    Element,
    EstablishedConnection,
    Field,
    FlipMark,
    FromInterface,
    Goto,
    GotoAtRandom,
    HasMark,
    Hook,
    InNetworks,
    InSet,
    InvalidConnection,
    IsLocal,
    IsPort,
    IsPortBetween,
    IsProtocol,
    Jump,
    Key,
    Lookup,
    Masquerade,
    Match,
    MidStream,
    NewConnection,
    Probability,
    RecentSource,
    Reject,
    RelatedConnection,
    RememberSource,
    RememberTarget,
    ReplyOfConnection,
    Reset,
    Return,
    Rule,
    Statement,
    Table,
    Target,
    Translate,
    TranslateAsRemembered,
    TranslateBySlot,
    UnaskedConnection,
)
from fairlead.trace.chance import Chance, every_way
from fairlead.trace.packet import DROPPED, REJECTED, Outcome, Packet, PacketFate

Memory = Mapping[tuple[str, str], Target]  # (map, source address) -> the noted target


class RuleStep(msgspec.Struct, frozen=True):
    """A rule whose matches all held; ``element`` is the map's entry that it looked up, if any."""

    hook: Hook
    chain: str
    rule: Rule
    element: Element | None = None


class Trace(msgspec.Struct, frozen=True):
    """One path of a packet through the rules."""

    outcome: Outcome
    steps: tuple[RuleStep, ...]


class Host(msgspec.Struct, frozen=True):
    """A host as its rules see it: its own addresses, its tables, and what they remember.

    Attributes:
        others_loopback: networks of 127.0.0.0/8 whose addresses are not this host's, but those of other hosts, of Pods
            and of Services: a lab without network namespaces has them there.
    """

    addresses: frozenset[str]
    tables: tuple[Table, ...]
    memory: Memory = {}
    others_loopback: tuple[str, ...] = ()


class Sample(NamedTuple):
    """One path of a packet; ``noted``: the target that each map now has for its source, with a restarted time-out."""

    trace: Trace
    noted: Mapping[str, Target]


def sample(host: Host, packet: Packet, chance: Chance) -> Sample:
    """One path of the packet, at random."""
    run = _Run(host, packet, chance)
    return Sample(run.trace(), run.noted)


def evaluate(host: Host, packet: Packet) -> list[Trace]:
    """Every path of the packet, one for each combination of random choices."""
    return list(every_way(lambda choices: _Run(host, packet, choices).trace()))


def outcomes(host: Host, packet: Packet) -> frozenset[Outcome]:
    """All possible outcomes for the packet."""
    return frozenset(trace.outcome for trace in evaluate(host, packet))


class _Stop(msgspec.Struct, frozen=True):
    """A chain ended in a verdict. ``outcome`` None: the packet continues to the next base chain."""

    outcome: Outcome | None = None


_ACCEPTED = _Stop()


class _Break(Exception):
    """A statement could not be carried out: the rest of its rule is skipped."""


class _Run:
    """The state of one packet on one path."""

    def __init__(self, host: Host, packet: Packet, chance: Chance) -> None:
        self._host, self._packet, self._chance = host, packet, chance
        self._memory = dict(host.memory)
        self.noted: dict[str, Target] = {}
        self._sources = {name for name, source in host.memory if source == packet.source}
        self._target: Target | None = None
        self._mark = 0
        self._is_masqueraded = False
        self._steps: list[RuleStep] = []
        self._hook = Hook.PREROUTING
        self._table = Table()

    def trace(self) -> Trace:
        return Trace(self._outcome(), tuple(self._steps))

    def _outcome(self) -> Outcome:
        for hook in self._path():
            self._hook = hook
            for table, chain in _base_chains(self._host.tables, hook):
                self._table = table
                is_nat = chain.attachment is not None and chain.attachment.type == "nat"
                if is_nat and hook is not Hook.POSTROUTING and self._target is not None:
                    continue
                stop = self._chain(chain)
                if stop is not None and stop.outcome is not None:
                    return stop.outcome
        return Outcome(PacketFate.ACCEPT, self._destination, self._port, self._is_masqueraded)

    def _path(self) -> Iterator[Hook]:
        """The hooks in turn; the second depends on the destination after the first."""
        yield Hook.PREROUTING if self._packet.interface else Hook.OUTPUT
        is_for_us = self._is_own(self._destination)
        if self._packet.interface:
            yield Hook.INPUT if is_for_us else Hook.FORWARD
        if not (is_for_us and self._packet.interface):
            yield Hook.POSTROUTING
        if is_for_us and not self._packet.interface:
            yield Hook.INPUT  # a packet to ourselves comes back in through the loopback interface

    def _chain(self, chain: Chain) -> _Stop | None:
        for rule in chain.rules:
            if not all(self._holds(match) for match in rule.matches):
                continue
            position = len(self._steps)
            self._steps.append(RuleStep(self._hook, chain.name, rule))
            for statement in rule.statements:
                try:
                    is_over, stop = self._carry_out(statement, position)
                except _Break:
                    break
                if is_over:
                    return stop
        return None

    def _carry_out(self, statement: Statement, position: int) -> tuple[bool, _Stop | None]:
        """Whether the chain ends here, and with what."""
        if isinstance(statement, Lookup):
            statement = self._look_up(statement, position)
        if type(statement) in _ENDINGS:
            return True, _ENDINGS[type(statement)]
        match statement:
            case Goto(chain):
                return True, self._chain(self._table.chains[chain])
            case GotoAtRandom(chains):
                return True, self._chain(self._table.chains[self._chance.pick(chains)])
            case Jump(chain):
                stop = self._chain(self._table.chains[chain])
                return stop is not None, stop
            case _:
                return _EFFECTS[type(statement)](self, statement)

    def _look_up(self, lookup: Lookup, position: int) -> Statement:
        element = self._table.elements.get((lookup.map, self._key(lookup.fields)))
        if element is None or element.value is None or isinstance(element.value, Target):
            raise _Break
        step = self._steps[position]
        self._steps[position] = RuleStep(step.hook, step.chain, step.rule, element)
        return element.value

    def _translate(self, target: Target) -> tuple[bool, _Stop]:
        self._target = target
        return True, _ACCEPTED

    def translate_by_slot(self, statement: TranslateBySlot) -> tuple[bool, _Stop]:
        """The slot for a source's hash is unknown: only the kernel computes it."""
        if statement.protocol != self._packet.protocol:
            raise _Break
        key, slots = self._key(statement.fields), range(statement.first, statement.first + statement.slots)
        ways = [self._table.elements.get((statement.map, (*key, slot))) for slot in slots]
        element = self._chance.pick(ways, self._packet.source if statement.by_source else "")
        if element is None or not isinstance(element.value, Target):
            raise _Break
        return self._translate(element.value)

    def translate_as_remembered(self, statement: TranslateAsRemembered) -> tuple[bool, _Stop]:
        target = self._memory.get((statement.map, self._packet.source))
        if target is None:
            raise _Break
        return self._translate(target)

    def translate(self, statement: Translate) -> tuple[bool, _Stop]:
        return self._translate(statement.target)

    def remember_target(self, statement: RememberTarget) -> tuple[bool, None]:
        key = statement.map, self._packet.source
        self.noted[statement.map] = self._memory.setdefault(key, statement.target)
        return False, None

    def remember_source(self, statement: RememberSource) -> tuple[bool, None]:
        self._sources.add(statement.name)
        return False, None

    def add_mark(self, statement: AddMark) -> tuple[bool, None]:
        self._mark |= statement.bits
        return False, None

    def flip_mark(self, statement: FlipMark) -> tuple[bool, None]:
        self._mark ^= statement.bits
        return False, None

    def masquerade(self, _: Masquerade) -> tuple[bool, _Stop]:
        self._is_masqueraded = True
        return True, _ACCEPTED

    # --- matches ---

    def _holds(self, match: Match) -> bool:
        return bool(_CONDITIONS[type(match)](self, match))

    @property
    def _destination(self) -> str:
        return self._target.address if self._target else self._packet.destination

    @property
    def _port(self) -> int:
        return self._target.port if self._target else self._packet.port

    def _field(self, field: Field) -> str | int:
        return _FIELDS[field](self)

    def _key(self, fields: tuple[Field, ...]) -> Key:
        return tuple(self._field(field) for field in fields)

    def _is_own(self, address: str) -> bool:
        return address in self._host.addresses or self._is_loopback(address)

    def _is_loopback(self, address: str) -> bool:
        parsed, others = ip_address(address), self._host.others_loopback
        return parsed.is_loopback and not any(parsed in ip_network(network) for network in others)

    def in_networks(self, match: InNetworks) -> bool:
        address = ip_address(self._field(match.field))
        return any(address in ip_network(network) for network in match.networks) != match.negated

    def in_set(self, match: InSet) -> bool:
        return (match.set, self._key(match.fields)) in self._table.elements

    def is_local(self, match: IsLocal) -> bool:
        return self._is_own(str(self._field(match.field)))

    def from_interface(self, match: FromInterface) -> bool:
        name = self._packet.interface
        is_there = name.startswith(match.name) if match.is_prefix else name == match.name
        return is_there != match.negated

    def has_mark(self, match: HasMark) -> bool:
        return (self._mark & match.bits == match.bits) != match.negated

    def happens(self, match: Probability) -> bool:
        return self._chance.happens(match.part, match.whole)

    def is_recent(self, match: RecentSource) -> bool:
        return match.name in self._sources

    def is_translated(self, _: DestinationTranslated) -> bool:
        return self._target is not None


_ENDINGS: dict[type, _Stop | None] = {
    Accept: _ACCEPTED,
    Drop: _Stop(DROPPED),
    Reject: _Stop(REJECTED),
    Reset: _Stop(REJECTED),
    Return: None,
}

_FIELDS: dict[Field, Callable[[_Run], str | int]] = {
    Field.SOURCE: lambda run: run._packet.source,
    Field.DESTINATION: lambda run: run._destination,
    Field.PROTOCOL: lambda run: run._packet.protocol,
    Field.PORT: lambda run: run._port,
}

_CONDITIONS: dict[type, Callable[[_Run, Any], bool]] = {
    InNetworks: _Run.in_networks,
    InSet: _Run.in_set,
    IsLocal: _Run.is_local,
    IsProtocol: lambda run, match: run._packet.protocol == match.protocol,
    IsPort: lambda run, match: run._port == match.port,
    IsPortBetween: lambda run, match: match.first <= run._port <= match.last,
    FromInterface: _Run.from_interface,
    NewConnection: lambda _, __: True,
    MidStream: lambda _, __: False,
    EstablishedConnection: lambda _, __: False,
    RelatedConnection: lambda _, __: False,
    ReplyOfConnection: lambda _, __: False,
    InvalidConnection: lambda _, __: False,
    UnaskedConnection: lambda run, _: run._target is None,
    DestinationTranslated: _Run.is_translated,
    HasMark: _Run.has_mark,
    Probability: _Run.happens,
    RecentSource: _Run.is_recent,
}

_EFFECTS: dict[type, Callable[[_Run, Any], tuple[bool, _Stop | None]]] = {
    AddMark: _Run.add_mark,
    FlipMark: _Run.flip_mark,
    Masquerade: _Run.masquerade,
    Translate: _Run.translate,
    TranslateBySlot: _Run.translate_by_slot,
    TranslateAsRemembered: _Run.translate_as_remembered,
    RememberTarget: _Run.remember_target,
    RememberSource: _Run.remember_source,
}


def _base_chains(tables: tuple[Table, ...], hook: Hook) -> list[tuple[Table, Chain]]:
    found = [(t, c) for t in tables for c in t.chains.values() if c.attachment and c.attachment.hook is hook]
    return sorted(found, key=lambda pair: pair[1].attachment.priority if pair[1].attachment else 0)
