"""The kernel's own trace of packets, as ``nft monitor trace`` prints it, compared with the predicted rules.

The trace begins at a rule of our own table, ``TABLE``, which marks the packets to follow. It names each rule whose
conditions all held, with the verdict; rules of iptables-nft are included, with their text hidden.
Format: nft(8), "monitor"; the kernel's ``nf_tables_trace.c``.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby, zip_longest
from typing import NamedTuple

from fairlead.explain.journey.delivery import Deliveries
from fairlead.explain.statements import Evidence, EvidenceKind, Statement, Verdict, failed, said, unchecked
from fairlead.model.phrases import Phrase
from fairlead.trace.packet import Packet
from fairlead.trace.ways import TracedRule

TABLE = "fairlead-trace"
_LINE = re.compile(r"^trace id (?P<id>\S+) (?P<table>\S+ \S+) (?P<chain>\S+) (?P<rest>.*)$")
_RULE = re.compile(r"^rule (?P<rule>.*) \(verdict (?P<verdict>[^()]+)\)$")
_POLICY = re.compile(r"^policy (?P<verdict>\w+)")
_HIDDEN = re.compile(r"\bxt (match|target)\b|#")  # the part of iptables' rules that nft cannot show
# Hooked before connection tracking, so that untracked packets are seen too; the kernel has it all as one table.
_RULES = """table inet {table} {{
	chain prerouting {{ type filter hook prerouting priority -301; {match} meta nftrace set 1; }}
	chain output {{ type filter hook output priority -301; {match} meta nftrace set 1; {own} meta nftrace set 1; }}
}}
"""
_FIRST = {"tcp": "tcp flags & (syn | ack) == syn", "udp": ""}


class Met(NamedTuple):
    """A rule that a packet met, or a policy that decided: table with its family, chain, text and verdict."""

    table: str
    chain: str
    rule: str
    verdict: str


Path = tuple[Met, ...]


def trace_rules(packet: Packet, source: str | None, own: str) -> str:
    """A table that marks the first packets of connections like this one.

    Args:
        source: address of the sender; None if unknown.
        own: a match for other packets to follow.
    """
    family = "ip6" if ":" in packet.destination else "ip"
    match = [f"{family} saddr {source}"] if source else []
    match += [f"{family} daddr {packet.destination}", f"{packet.protocol} dport {packet.port}", _FIRST[packet.protocol]]
    return _RULES.format(table=TABLE, match=" ".join(filter(None, match)), own=own)


def read_trace(text: str, protocol: str) -> dict[int, Path]:
    """The rules that the first packet of each connection met, by its source port.

    Later packets reuse identities, so a packet begins where it meets our own rule. A packet that a node sends to itself
    meets it twice: on output, and when it comes in from the loopback interface.
    """
    source_port = re.compile(rf"\b{protocol} sport (\d+)")
    found: dict[int, list[Met]] = {}
    returned: set[int] = set()
    current: dict[str, list[Met]] = {}
    for match in filter(None, map(_LINE.match, text.splitlines())):
        port = source_port.search(match["rest"])
        if match["table"].partition(" ")[2] != TABLE:
            if met := _met(match):
                current.get(match["id"], []).append(met)
        elif port:
            number, is_back = int(port[1]), 'iif "lo"' in match["rest"]
            is_first = number not in found or (is_back and number not in returned)
            returned |= {number} if is_back else set()
            current[match["id"]] = found.setdefault(number, []) if is_first else []
    return {port: tuple(met) for port, met in found.items()}


def _met(line: "re.Match[str]") -> Met | None:
    rule = _RULE.match(line["rest"])
    if rule:
        return Met(line["table"], line["chain"], rule["rule"], rule["verdict"])
    policy = _POLICY.match(line["rest"])
    is_decisive = policy and policy["verdict"] == "drop"
    return Met(line["table"], line["chain"], "policy drop", "drop") if is_decisive else None


def not_traced(error: str) -> Statement:
    """A statement that the kernel reported no packet."""
    return unchecked(Phrase("the kernel's own trace told of no packet: {error}", error=error or "nft"))


def beside(predicted: Deliveries, seen: Mapping[int, Path], node: str) -> Statement:
    """Compares prediction and kernel hook by hook, once for each path that the kernel took.

    Args:
        node: whose kernel was traced.
    """
    where = f"nft monitor trace on {node}"
    if not seen or (not any(seen.values()) and any(each.steps for each in predicted.outcomes)):
        return not_traced(where)
    paths = [tuple(_worth_telling(path)) for path in seen.values()]
    parts = [_path(predicted, path, paths.count(path), len(paths), where) for path in dict.fromkeys(paths)]
    agrees = all(part.outcome is Verdict.CHECKED for part in parts)
    if agrees:
        return said("the kernel's own trace: the rules are those that were predicted", parts=parts)
    return failed("the kernel's own trace: the rules DIFFER from those that were predicted", parts=parts)


def _worth_telling(path: Iterable[Met]) -> Iterator[Met]:
    """Whether a rule matters: one that matches and continues changes nothing, unless it sets a mark."""
    return (met for met in path if met.verdict != "continue" or "mark set" in met.rule or _HIDDEN.search(met.rule))


def _path(predicted: Deliveries, path: Path, count: int, total: int, where: str) -> Statement:
    steps = _nearest([steps for each in predicted.outcomes for steps in each.paths], path)
    parts = [
        Statement(
            Phrase("{hook}, table {table}", hook=hook, table=table), (), tuple(_pair(*pair, where) for pair in group)
        )
        for (hook, table), group in _by_hook(steps, path)
    ]
    return Statement(Phrase("{count} of {total} met these rules", count=count, total=total), (), tuple(parts))


def _nearest(ways: Iterable[Sequence[TracedRule]], path: Path) -> list[TracedRule]:
    """The predicted path with the longest common beginning."""
    return max(map(_rules, ways), key=lambda steps: _common(steps, path), default=[])


def _common(steps: Sequence[TracedRule], path: Path) -> int:
    pairs = list(zip_longest(steps, path))
    return next((n for n, pair in enumerate(pairs) if not _agree(*pair)), len(pairs) + 1)


def _rules(steps: Iterable[TracedRule]) -> list[TracedRule]:
    """One step for each rule that matched: its last action, whose verdict the kernel reports."""
    did = [step for step in steps if step.verdict]
    return [list(group)[-1] for _, group in groupby(did, key=lambda step: (step.table, step.chain, step.rule))]


def _agree(step: TracedRule | None, met: Met | None) -> bool:
    if step is None or met is None:
        return False
    is_same = (step.table, step.chain, step.verdict) == (met.table, met.chain, met.verdict)
    return is_same and (step.rule.startswith("-A ") or _plain(step.rule) == _plain(met.rule))


def _plain(rule: str) -> str:
    """A rule without parts that differ between listings: counters, and blanks."""
    return " ".join(re.sub(r"counter( packets \d+ bytes \d+)?", "", rule).split())


Pair = tuple[TracedRule | None, Met | None]


def _by_hook(steps: Sequence[TracedRule], path: Path) -> Iterator[tuple[tuple[str, str], list[Pair]]]:
    """Both sides, step by step; rules that only the kernel met belong to the hook before them."""
    place = ("", "")
    placed: list[tuple[tuple[str, str], Pair]] = []
    for step, met in zip_longest(steps, path):
        place = (str(step.hook), step.table) if step else (place[0], met.table if met else place[1])
        placed.append((place, (step, met)))
    for key, group in groupby(placed, key=lambda each: each[0]):
        yield key, [pair for _, pair in group]


def _pair(step: TracedRule | None, met: Met | None, where: str) -> Statement:
    evidence = Evidence(
        f"{met.chain}: {met.rule} (verdict {met.verdict})" if met else "nothing", where, EvidenceKind.RULE
    )
    if step and _agree(step, met):
        return said(Phrase("{text}, as predicted", text=step.did), evidence)
    expected = Phrase("{chain}: {what}", chain=step.chain, what=step.did) if step else Phrase("nothing more")
    actual = Phrase("{chain}: {what}", chain=met.chain, what=met.verdict) if met else Phrase("nothing more")
    return failed(Phrase("predicted {expected}; the kernel: {actual}", expected=expected, actual=actual), evidence)
