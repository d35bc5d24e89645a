"""Rules and transactions in the language of ``iptables-restore --noflush``.

Only our own chains are declared, and so emptied, before their rules; built-in chains get rules prepended, if they lack
them. Syntax: iptables(8), iptables-extensions(8), iptables-restore(8).
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from fairlead.netfilter.ruleset import (
    Accept,
    AddMark,
    Chain,
    Drop,
    EstablishedConnection,
    Field,
    FlipMark,
    FromInterface,
    HasMark,
    InNetworks,
    InSet,
    InvalidConnection,
    IsLocal,
    IsPort,
    IsPortBetween,
    IsProtocol,
    Jump,
    Masquerade,
    Match,
    MidStream,
    NewConnection,
    Probability,
    RecentSource,
    Reject,
    RelatedConnection,
    RememberSource,
    ReplyOfConnection,
    Reset,
    Return,
    Rule,
    RuleOrigin,
    Statement,
    Table,
    Translate,
    UnaskedConnection,
)
from fairlead.netfilter.transaction import AddChain, DeleteChain, SetRules, Transaction

_JUMP = re.compile(r"(?:^| )-[jg] (\S+)")
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
COMMENT_MAX = 255  # bytes, XT_MAX_COMMENT_LEN less its end

_ADDRESS_FLAGS = {Field.SOURCE: "-s", Field.DESTINATION: "-d"}
# A set of addresses and ports has the protocol in the port's part of its keys.
_SET_FLAGS = {Field.SOURCE: "src", Field.DESTINATION: "dst", Field.PORT: "dst"}
_TYPE_FLAGS = {Field.SOURCE: "--src-type", Field.DESTINATION: "--dst-type"}


def _networks(match: InNetworks) -> str:
    return f"{'! ' if match.negated else ''}{_ADDRESS_FLAGS[match.field]} {','.join(match.networks)}"


def _interface(match: FromInterface) -> str:
    return f"{'! ' if match.negated else ''}-i {match.name}{'+' if match.is_prefix else ''}"


_MATCHES: dict[type, Callable[[Any], str]] = {
    InNetworks: _networks,
    IsLocal: lambda m: f"-m addrtype {_TYPE_FLAGS[m.field]} LOCAL",
    IsProtocol: lambda m: f"-m {m.protocol} -p {m.protocol}",
    IsPort: lambda m: f"--dport {m.port}",
    IsPortBetween: lambda m: f"--dport {m.first}:{m.last}",
    InSet: lambda m: f"-m set --match-set {m.set} {','.join(_SET_FLAGS[f] for f in m.fields if f in _SET_FLAGS)}",
    FromInterface: _interface,
    NewConnection: lambda _: "-m conntrack --ctstate NEW",
    MidStream: lambda _: "! --syn",
    EstablishedConnection: lambda _: "-m conntrack --ctstate RELATED,ESTABLISHED",
    RelatedConnection: lambda _: "-m conntrack --ctstate RELATED",
    ReplyOfConnection: lambda _: "-m conntrack --ctdir REPLY",
    InvalidConnection: lambda _: "-m conntrack --ctstate INVALID",
    UnaskedConnection: lambda _: "-m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT",
    HasMark: lambda m: f"-m mark {'! ' if m.negated else ''}--mark {m.bits:#x}/{m.bits:#x}",
    Probability: lambda m: f"-m statistic --mode random --probability {m.part / m.whole:.10f}",
    RecentSource: lambda m: f"-m recent --name {m.name} --rcheck --seconds {m.seconds} --reap",
}

_STATEMENTS: dict[type, Callable[[Any], str]] = {
    Accept: lambda _: "-j ACCEPT",
    Drop: lambda _: "-j DROP",
    Reject: lambda _: "-j REJECT",
    Reset: lambda _: "-j REJECT --reject-with tcp-reset",
    Return: lambda _: "-j RETURN",
    Jump: lambda s: f"-j {s.chain}",
    AddMark: lambda s: f"-j MARK --or-mark {s.bits:#x}",
    FlipMark: lambda s: f"-j MARK --xor-mark {s.bits:#x}",
    Masquerade: lambda _: "-j MASQUERADE --random-fully",
    Translate: lambda s: f"-j DNAT --to-destination {_destination(s)}",
    RememberSource: lambda s: f"-m recent --name {s.name} --set",
}


def _destination(statement: Translate) -> str:
    address, port = statement.target.address, statement.target.port
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def render_comment(origin: RuleOrigin) -> str:
    """The match that always holds and carries the comment; "" without a reason."""
    text = str(origin).replace('"', "'").encode()[:COMMENT_MAX].decode(errors="ignore")
    return f'-m comment --comment "{text}"' if text else ""


def match_text(match: Match) -> str:
    """One match as it is written."""
    return _MATCHES[type(match)](match)


def statement_text(statement: Statement) -> str:
    """One statement as it is written."""
    return _STATEMENTS[type(statement)](statement)


def render_rule(rule: Rule) -> str:
    """One rule without its chain: the text after ``-A CHAIN``."""
    parts = [render_comment(rule.origin), *map(match_text, rule.matches), *map(statement_text, rule.statements)]
    return " ".join(part for part in parts if part)


Tables = tuple[tuple[str, Table], ...]  # name, content


class Installed(NamedTuple):
    """An existing jump of a built-in chain."""

    table: str
    chain: str
    target: str


def render_restore(
    tables: Iterable[tuple[str, Table]],
    stale: Iterable[tuple[str, str]] = (),
    installed: Iterable[Installed] = (),
) -> str:
    """The input of one ``iptables-restore --noflush`` that gives our chains these rules.

    Args:
        tables: (name, content) of each table, or of its changed part.
        stale: (table, chain) of chains to empty and delete.
        installed: jumps of built-in chains that need not be added.
    """
    gone, there = tuple(stale), frozenset(installed)
    return "".join(_table(name, table, [chain for t, chain in gone if t == name], there) for name, table in tables)


def render_difference(old: Tables, new: Tables) -> str:
    """The input that changes our chains from one state to another: each chain that differs, whole; "" if none does."""
    before = dict(old)
    changed, stale = [], []
    for name, table in new:
        was = before[name].chains
        chains = {c.name: c for c in table.chains.values() if c.attachment is None and was.get(c.name) != c}
        gone = [(name, chain) for chain in was if chain not in table.chains]
        if chains or gone:
            changed.append((name, Table(chains)))
            stale += gone
    return render_restore(changed, stale)


def render_changes(table: str, transaction: Transaction) -> str:
    """The input of one restore that applies a transaction to a table's chains; "" for nothing.

    Rules of built-in chains are added before those that are there.
    """
    set_ = {op.chain.name: op.chain for op in transaction if isinstance(op, SetRules)}
    gone = [op.name for op in transaction if isinstance(op, DeleteChain)]
    added = {op.chain.name: op.chain for op in transaction if isinstance(op, AddChain)}
    return render_restore(
        [(table, Table({**added, **{n: c for n, c in set_.items() if n not in gone}}))],
        [(table, name) for name in gone],
    )


def in_parts(text: str, most: int, installed: Collection[Installed]) -> Iterator[str]:
    """The input of one restore, split into several of at most this many lines; packets see the states in between.

    All chains exist before a rule refers to them, and called chains are filled before their callers.

    Args:
        installed: jumps of built-in chains that need not be added.
    """
    for section in text.removesuffix("COMMIT\n").split("COMMIT\n"):
        table, *lines = section.splitlines()
        declared = [line for line in lines if line.startswith(":")]
        rules: dict[str, list[str]] = {line[1:].split()[0]: [] for line in reversed(declared)}
        for line in lines:
            if line.startswith("-A"):
                rules[line.split()[1]].append(line)
        rest = [line for line in lines if line[:2] in ("-I", "-D", "-X") and _jump(table[1:], line) not in installed]
        ordered = [*declared, *(rule for chain in rules.values() for rule in chain), *rest]
        for start in range(0, len(ordered), most):
            yield "\n".join([table, *ordered[start : start + most], "COMMIT", ""])


def _jump(table: str, line: str) -> Installed | None:
    """The jump that a line prepends to a chain; None if it does something else."""
    target = target_of(line)
    return Installed(table, line.split()[1], target) if target and line.startswith("-I") else None


def target_of(rule: str) -> str:
    """The target of a listed rule: the word after ``-j`` or ``-g``, outside comments; "" for none."""
    found = _JUMP.search(_QUOTED.sub("", rule))
    return found[1] if found else ""


def count_rules(tables: Tables) -> dict[str, int]:
    """How many rules each table has."""
    return {name: sum(len(chain.rules) for chain in table.chains.values()) for name, table in tables}


def count_rules_sent(restore: str) -> dict[str, int]:
    """How many rules the input of an ``iptables-restore`` has for each table."""
    sections = (section.partition("\n") for section in restore.split("*")[1:])
    return {name: rules.count("\n-A ") for name, _, rules in sections}


def _table(name: str, table: Table, stale: list[str], installed: frozenset[Installed]) -> str:
    own = [chain for chain in table.chains.values() if chain.attachment is None]
    built_in = [chain for chain in table.chains.values() if chain.attachment is not None]
    lines = [f"*{name}", *(f":{chain} - [0:0]" for chain in (*(c.name for c in own), *stale))]
    lines += [jump for chain in built_in for jump in _prepended(name, chain, installed)]
    lines += [f"-A {chain.name} {render_rule(rule)}" for chain in own for rule in chain.rules]
    lines += [f"-X {chain}" for chain in stale]
    return "\n".join([*lines, "COMMIT", ""]) if len(lines) > 1 else ""


def _prepended(table: str, chain: Chain, installed: frozenset[Installed]) -> list[str]:
    """Lines that prepend the missing jumps, in the chain's order."""
    missing = [rule for rule in chain.rules if not installed.issuperset(_jumps(table, chain, rule))]
    return [f"-I {chain.name} {render_rule(rule)}" for rule in reversed(missing)]


def _jumps(table: str, chain: Chain, rule: Rule) -> list[Installed]:
    return [Installed(table, chain.name, s.chain) for s in rule.statements if isinstance(s, Jump)]


ChainId = tuple[str, str]  # table, chain


class Saved(NamedTuple):
    """The relevant output of ``iptables-save``: the existing chains, the jumps of all chains, and each chain's
    rules."""

    chains: frozenset[ChainId]
    jumps: frozenset[Installed]
    rules: Mapping[ChainId, tuple[str, ...]] = {}


def parse_save(text: str) -> Saved:
    """Read the output of ``iptables-save``."""
    table, chains, jumps = "", set(), set()
    rules: dict[ChainId, list[str]] = {}
    for line in text.splitlines():
        if line.startswith("*"):
            table = line[1:]
        elif line.startswith(":"):
            chains.add((table, line[1:].split()[0]))
        elif line.startswith("-A"):
            _, chain, rule = (*line.split(" ", 2), "")[:3]
            rules.setdefault((table, chain), []).append(rule)
            if target := target_of(rule):
                jumps.add(Installed(table, chain, target))
    return Saved(frozenset(chains), frozenset(jumps), {id_: tuple(lines) for id_, lines in rules.items()})
