"""Reads the output of ``iptables-save``, which is also the input of ``iptables-restore``."""

import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from fairlead.netfilter.dump.ipset import Sets
from fairlead.netfilter.dump.iptables_targets import target_parts
from fairlead.netfilter.dump.patterns import Anything, Pattern, Prefix, RuleKey, address_pattern, port_pattern
from fairlead.netfilter.dump.values import (
    PROTOCOLS,
    AtRandom,
    Base,
    Chain,
    MarkTest,
    Part,
    RecentlySeen,
    Rule,
    Table,
    Unknown,
    one,
)
from fairlead.netfilter.ruleset import Hook

_PRIORITIES = {"raw": -300, "mangle": -150, "nat": -100, "filter": 0, "security": 50}
_SOURCE_NAT = 100
_NEW_STATES = frozenset({"NEW", "UNTRACKED"})


_NO_SETS: Sets = {}


def read_iptables(text: str, family: str = "ip", sets: Sets = _NO_SETS) -> list[Table]:
    """The tables of a dump; unknown lines are left out.

    Args:
        sets: the sets of ipset that rules use by name.
    """
    tables: list[Table] = []
    commits = 0
    for line in map(str.strip, text.splitlines()):
        if line.startswith("*"):
            tables.append(Table(family, line[1:].strip()))
        elif tables and line.startswith(":"):
            _declare(tables[-1], line[1:])
        elif tables and line.startswith(("-A ", "-I ", "[")):
            _add(tables[-1], line.partition("] ")[2] if line.startswith("[") else line, sets)
        commits += line == "COMMIT"
    if tables and commits < len(tables):
        tables[-1].not_read.append("the end of the dump, which is cut off")
    return tables


def family_in(text: str) -> str:
    """Whether a dump is of IPv4 or IPv6, by its addresses: networks of IPv6 have two colons."""
    return "ip6" if "ip6tables-save" in text[:200] or any("::" in word for word in text[:20000].split()) else "ip"


def _declare(table: Table, line: str) -> None:
    name, _, rest = line.partition(" ")
    policy = rest.split(" ")[0]
    chain = _chain(table, name)
    if chain.base is not None and policy in ("DROP", "ACCEPT"):
        chain.base = chain.base._replace(policy=policy.lower())


def _chain(table: Table, name: str) -> Chain:
    if name not in table.chains:
        table.chains[name] = Chain(name, base=_base(table.name, name))
    return table.chains[name]


def _base(table: str, name: str) -> Base | None:
    """The built-in chains of the kernel have the names of the hooks."""
    hook = next((hook for hook in Hook if hook.upper() == name), None)
    if hook is None or table not in _PRIORITIES:
        return None
    priority = _SOURCE_NAT if (table, hook) == ("nat", Hook.POSTROUTING) else _PRIORITIES[table]
    return Base("nat" if table == "nat" else "filter", hook, priority)


def _add(table: Table, line: str, sets: Sets) -> None:
    try:
        words = shlex.split(line)
    except ValueError:
        words = line.split()
    if len(words) < 2:
        return
    rules = _chain(table, words[1]).rules
    rule = Rule(tuple(_Line(table.family, sets, words[2:]).parts()), line)
    if words[0] == "-I":
        rules.insert(0, rule)
    else:
        rules.append(rule)


@dataclass
class _Line:
    """One rule while its words are read into parts."""

    family: str
    sets: Sets
    words: list[str]
    negated: bool = False
    target: str = ""
    goes: bool = False
    options: dict[str, str] = field(default_factory=dict)
    recent: list[str] = field(default_factory=list)

    def parts(self) -> Iterator[Part]:
        """The conditions, then the target."""
        conditions: list[Part] = []
        while self.words:
            word = self.words.pop(0)
            if word == "!":
                self.negated = True
                continue
            conditions += self._option(word)
            self.negated = False
        conditions += self._recent()
        does = target_parts(self.target, self.options, self.goes)
        if does:  # a rule that only counts, logs or notes changes nothing, whatever its conditions
            yield from (*conditions, *does)

    def _value(self) -> str:
        return self.words.pop(0) if self.words else ""

    def _option(self, word: str) -> Iterable[Part]:
        if word in ("-j", "-g"):
            self.target, self.goes = self._value() or "?", word == "-g"
            return ()
        if self.target:  # options after a target belong to it
            self.options[word] = self._value() if self.words and not self.words[0].startswith("--") else ""
            return ()
        if word == "-m":
            return self._module(self._value())
        if word in _CONDITIONS:
            return _CONDITIONS[word](self._value(), self.negated, self.family)
        if word in _FLAGS:
            return _FLAGS[word](self.negated)
        return (self._flags(self._value(), self._value()) if word == "--tcp-flags" else self._unknown(word),)

    def _flags(self, looked_at: str, wanted: str) -> Part:
        """Of the tested flags, a connection's first packet has SYN only."""
        seen = {"SYN"} & set(looked_at.split(",")) if looked_at != "ALL" else {"SYN"}
        matches = seen == set(wanted.split(",")) - {"NONE"}
        return one(RuleKey.FLAGS, "syn", negated=matches == self.negated)

    def _unknown(self, word: str) -> Unknown:
        """An unknown option with its values: everything up to the next option."""
        taken = [word]
        while self.words and not self.words[0].startswith("-") and self.words[0] != "!":
            taken.append(self.words.pop(0))
        return Unknown(" ".join(("!", *taken) if self.negated else taken))

    def _module(self, name: str) -> Iterable[Part]:
        """Most modules only announce options; others match without any option, and are then unknown."""
        if name in _SILENT:
            return ()
        words = self._options_of_module()
        if name == "recent":
            self.recent = [name, *words]
        if name == "statistic":
            return _statistic(words)
        if name == "set":
            return (self._match_set(words) or Unknown(" ".join(("-m", name, *words))),)
        return () if name in _WITHOUT_EFFECT else (Unknown(" ".join(("-m", name, *words))),)

    def _match_set(self, words: list[str]) -> Part | None:
        """``[!] --match-set NAME src,dst``; None with further options, and for an unknown set."""
        negated = words[:1] == ["!"]
        rest = words[1:] if negated else words
        if len(rest) != 3 or rest[0] != "--match-set" or rest[1] not in self.sets:
            return None
        return self.sets[rest[1]].test(rest[2], negated=negated)

    def _options_of_module(self) -> list[str]:
        """The words up to the next module or target."""
        taken = []
        while self.words and self.words[0] not in ("-m", "-j", "-g", "-p", "-s", "-d", "-i", "-o"):
            taken.append(self.words.pop(0))
        return taken

    def _recent(self) -> Iterable[Part]:
        """Affinity: a dump does not say whether a source was seen before; noting it changes nothing for this packet."""
        if "--rcheck" in self.recent or "--update" in self.recent:
            return (RecentlySeen("-m " + " ".join(self.recent)),)
        return ()


_WITHOUT_EFFECT = frozenset({"comment", "nfacct", "recent"})
_SILENT = frozenset({"tcp", "udp", "sctp", "conntrack", "state", "mark", "addrtype", "multiport", "icmp", "icmp6"})


def _statistic(words: list[str]) -> tuple[Part, ...]:
    try:
        return (AtRandom(float(words[words.index("--probability") + 1])),)
    except (ValueError, IndexError):
        return (Unknown(" ".join(("-m statistic", *words))),)


def _addresses(key: RuleKey) -> Callable[[str, bool, str], tuple[Part, ...]]:
    return lambda text, negated, _: (one(key, *map(address_pattern, text.split(",")), negated=negated),)


def _ports(key: RuleKey) -> Callable[[str, bool, str], tuple[Part, ...]]:
    def read(text: str, negated: bool, _: str) -> tuple[Part, ...]:
        patterns = [port_pattern(part, ":") for part in text.split(",")]
        known = [p for p in patterns if p is not None]
        return (one(key, *known, negated=negated),) if len(known) == len(patterns) else (Unknown(f"port {text}"),)

    return read


def _interface(key: RuleKey) -> Callable[[str, bool, str], tuple[Part, ...]]:
    def read(text: str, negated: bool, _: str) -> tuple[Part, ...]:
        pattern: Pattern = Prefix(text[:-1]) if text.endswith("+") else text
        return (one(key, pattern, negated=negated),)

    return read


def _protocol(text: str, negated: bool, _: str) -> tuple[Part, ...]:
    pattern: Pattern = Anything() if text in ("all", "0") else PROTOCOLS.get(text, text)
    return (one(RuleKey.PROTOCOL, pattern, negated=negated),)


def _states(text: str, negated: bool, _: str) -> tuple[Part, ...]:
    """A connection's first packet is NEW; it has DNAT if its destination was rewritten before."""
    words = text.split(",")
    states = [word.lower() for word in words if word not in ("DNAT", "SNAT")]
    if "DNAT" not in words:
        return (one(RuleKey.STATE, *states, negated=negated),)
    if set(words) & _NEW_STATES:
        return (one(RuleKey.STATE, *states, negated=negated),)
    return (one(RuleKey.STATUS, "dnat", negated=negated),)


def _types(key: RuleKey) -> Callable[[str, bool, str], tuple[Part, ...]]:
    return lambda text, negated, _: (one(key, *text.lower().split(","), negated=negated),)


def _mark(text: str, negated: bool, _: str) -> tuple[Part, ...]:
    value, slash, mask = text.partition("/")
    try:
        return (MarkTest(int(mask, 0) if slash else 0xFFFFFFFF, int(value, 0), negated),)
    except ValueError:
        return (Unknown(f"--mark {text}"),)


_CONDITIONS: Mapping[str, Callable[[str, bool, str], tuple[Part, ...]]] = {
    "-s": _addresses(RuleKey.SOURCE),
    "-d": _addresses(RuleKey.DESTINATION),
    "-p": _protocol,
    "-i": _interface(RuleKey.IN),
    "-o": _interface(RuleKey.OUT),
    "--dport": _ports(RuleKey.PORT),
    "--dports": _ports(RuleKey.PORT),
    "--sport": _ports(RuleKey.SOURCE_PORT),
    "--sports": _ports(RuleKey.SOURCE_PORT),
    "--ctstate": _states,
    "--state": _states,
    "--ctdir": lambda text, negated, _: (one(RuleKey.DIRECTION, text.lower(), negated=negated),),
    "--dst-type": _types(RuleKey.DESTINATION_TYPE),
    "--src-type": _types(RuleKey.SOURCE_TYPE),
    "--mark": _mark,
}
_FLAGS: Mapping[str, Callable[[bool], tuple[Part, ...]]] = {
    "--syn": lambda negated: (one(RuleKey.FLAGS, "syn", negated=negated),),
}
