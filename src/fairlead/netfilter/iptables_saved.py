"""Rules as ``iptables-save`` spells them, to find which of our chains the kernel already has.

Its spelling differs from the input: addresses, interface and protocol come first, defaults are explicit, a probability
    is a fraction of 2^31. Source: iptables' ``extensions/libxt_*.c``, the ``save`` functions.
"""

from collections.abc import Callable
from typing import Any

from fairlead.model.addresses import IPFamily
from fairlead.netfilter.iptables_text import ChainId, Saved, Tables, match_text, render_comment, statement_text
from fairlead.netfilter.ruleset import (
    AddMark,
    Chain,
    Field,
    FlipMark,
    FromInterface,
    InNetworks,
    IsProtocol,
    MidStream,
    Probability,
    RecentSource,
    Reject,
    RememberSource,
    Rule,
    Table,
)

_WHOLE = {IPFamily.IPV4: "32", IPFamily.IPV6: "128"}
_MASK = {IPFamily.IPV4: "255.255.255.255", IPFamily.IPV6: ":".join(["ffff"] * 8)}
_REFUSAL = {IPFamily.IPV4: "icmp-port-unreachable", IPFamily.IPV6: "icmp6-port-unreachable"}
_PARTS = 1 << 31


def _networks(match: InNetworks, family: IPFamily) -> str:
    flag = "-s" if match.field is Field.SOURCE else "-d"
    networks = ",".join(n if "/" in n else f"{n}/{_WHOLE[family]}" for n in match.networks)
    return f"{'! ' if match.negated else ''}{flag} {networks}"


def _probability(match: Probability, _: IPFamily) -> str:
    written = float(f"{match.part / match.whole:.10f}")
    return f"-m statistic --mode random --probability {round(written * _PARTS) / _PARTS:.11f}"


_MATCHES: dict[type, Callable[[Any, IPFamily], str]] = {
    IsProtocol: lambda m, _: f"-m {m.protocol}",
    MidStream: lambda _, __: "! --tcp-flags FIN,SYN,RST,ACK SYN",
    Probability: _probability,
    RecentSource: lambda m, family: (
        f"-m recent --rcheck --seconds {m.seconds} --reap --name {m.name} --mask {_MASK[family]} --rsource"
    ),
}
_STATEMENTS: dict[type, Callable[[Any, IPFamily], str]] = {
    AddMark: lambda s, _: f"-j MARK --set-xmark {s.bits:#x}/{s.bits:#x}",
    FlipMark: lambda s, _: f"-j MARK --set-xmark {s.bits:#x}/0x0",
    Reject: lambda _, family: f"-j REJECT --reject-with {_REFUSAL[family]}",
    RememberSource: lambda s, family: f"-m recent --set --name {s.name} --mask {_MASK[family]} --rsource",
}


def saved_rule(rule: Rule, family: IPFamily) -> str:
    """One rule as it is listed, without its chain."""
    networks = sorted((m for m in rule.matches if isinstance(m, InNetworks)), key=lambda m: m.field is not Field.SOURCE)
    head = [_networks(match, family) for match in networks]
    head += [match_text(match) for match in rule.matches if isinstance(match, FromInterface)]
    head += [f"-p {match.protocol}" for match in rule.matches if isinstance(match, IsProtocol)]
    rest = [match for match in rule.matches if not isinstance(match, InNetworks | FromInterface)]
    matches = [_MATCHES[type(m)](m, family) if type(m) in _MATCHES else match_text(m) for m in rest]
    ends = [_STATEMENTS[type(s)](s, family) if type(s) in _STATEMENTS else statement_text(s) for s in rule.statements]
    return " ".join(part for part in (*head, render_comment(rule.origin), *matches, *ends) if part)


def without_what_is_there(tables: Tables, saved: Saved, family: IPFamily) -> Tables:
    """The tables without those of our chains whose rules are already saved."""

    def is_to_be_sent(table: str, chain: Chain) -> bool:
        id_: ChainId = (table, chain.name)
        rules = tuple(saved_rule(rule, family) for rule in chain.rules)
        return chain.attachment is not None or id_ not in saved.chains or saved.rules.get(id_, ()) != rules

    return tuple(
        (name, Table({n: chain for n, chain in table.chains.items() if is_to_be_sent(name, chain)}))
        for name, table in tables
    )
