"""One rule in the language of nft, spelled as ``nft list ruleset`` spells it.

A map in which rules note targets is two maps in IPv6, one of addresses and one of ports: for a noted value, nft up to
    1.0.6 reserves only the 16 octets of an address, and aborts if a port is added.
"""

from collections.abc import Callable, Iterable
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network
from typing import Any

from fairlead.model.addresses import IPFamily
from fairlead.netfilter.ruleset import (
    COMMENT_MAX,
    Accept,
    AddMark,
    DestinationTranslated,
    Drop,
    EstablishedConnection,
    Field,
    FlipMark,
    FromInterface,
    Goto,
    GotoAtRandom,
    HasMark,
    InNetworks,
    InSet,
    InvalidConnection,
    IsLocal,
    IsPort,
    IsPortBetween,
    IsProtocol,
    Jump,
    Lookup,
    Masquerade,
    MidStream,
    NewConnection,
    Reject,
    RelatedConnection,
    RememberTarget,
    ReplyOfConnection,
    Reset,
    Return,
    Rule,
    RuleOrigin,
    Target,
    Translate,
    TranslateAsRemembered,
    TranslateBySlot,
    Verdict,
)

_FAMILY_WORDS = {IPFamily.IPV4: "ip", IPFamily.IPV6: "ip6"}
_FAMILIES = {word: family for family, word in _FAMILY_WORDS.items()}
HASH_SEED = 0xFA1E  # any value, but the same on all nodes: without a seed each kernel draws its own

Ip = str  # "ip" or "ip6"


def family_word(family: IPFamily) -> Ip:
    """How nft names the family of a table."""
    return _FAMILY_WORDS[family]


_FIELD_WORDS = {Field.PROTOCOL: "meta l4proto", Field.SLOT: "numgen random mod 2"}


def _field(field: Field, ip: Ip, protocol: str = "th") -> str:
    """How a field is spelled; "th" stands for a port of any protocol."""
    if field is Field.PORT:
        return f"{protocol} dport"
    return _FIELD_WORDS.get(field) or f"{ip} {field}"


def fields_text(fields: tuple[Field, ...], ip: Ip, protocol: str = "th") -> str:
    """Fields as a key is spelled; ``protocol`` is whose ports are meant."""
    return " . ".join(_field(field, ip, protocol) for field in fields)


def target_text(target: Target) -> str:
    """A target as a map holds it."""
    return f"{target.address} . {target.port}"


def _braces(items: Iterable[str]) -> str:
    return "{ " + ", ".join(items) + " }"


def _collapsed(texts: Iterable[str]) -> list[IPv4Network | IPv6Network]:
    """Sorted and merged, as nft keeps networks."""
    networks = [ip_network(text) for text in texts]
    return [
        *collapse_addresses(n for n in networks if isinstance(n, IPv4Network)),
        *collapse_addresses(n for n in networks if isinstance(n, IPv6Network)),
    ]


def _networks(match: InNetworks, ip: Ip) -> str:
    tidy = [str(n).removesuffix(f"/{n.max_prefixlen}") for n in _collapsed(match.networks)]
    networks = tidy[0] if len(tidy) == 1 else _braces(tidy)
    return f"{_field(match.field, ip)} {'!= ' if match.negated else ''}{networks}"


def _interface(match: FromInterface, _: Ip) -> str:
    return f'iifname {"!= " if match.negated else ""}"{match.name}{"*" if match.is_prefix else ""}"'


def _has_mark(match: HasMark, _: Ip) -> str:
    return f"meta mark & {match.bits:#010x} {'!=' if match.negated else '=='} {match.bits:#010x}"


_MATCHES: dict[type, Callable[[Any, Ip], str]] = {
    InNetworks: _networks,
    InSet: lambda m, ip: f"{fields_text(m.fields, ip)} @{m.set}",
    IsLocal: lambda m, _: f"fib {m.field} type local",
    IsProtocol: lambda m, _: f"meta l4proto {m.protocol}",
    IsPort: lambda m, _: f"th dport {m.port}",
    IsPortBetween: lambda m, _: f"th dport {m.first}-{m.last}",
    FromInterface: _interface,
    NewConnection: lambda _, __: "ct state new",
    MidStream: lambda _, __: "tcp flags != syn / fin,syn,rst,ack",
    EstablishedConnection: lambda _, __: "ct state established,related",
    RelatedConnection: lambda _, __: "ct state related",
    ReplyOfConnection: lambda _, __: "ct direction reply",
    InvalidConnection: lambda _, __: "ct state invalid",
    DestinationTranslated: lambda _, __: "ct status dnat",
    HasMark: _has_mark,
}


def noted_in(map_: str, family: IPFamily) -> tuple[str, ...]:
    """The names of the maps that stand for one in which rules note targets."""
    return (map_,) if family is IPFamily.IPV4 else (map_, f"ports-of-{map_}")


def noted_as(target: Target, family: IPFamily) -> tuple[str, ...]:
    """The target's value in each of these maps."""
    return (target_text(target),) if family is IPFamily.IPV4 else (target.address, str(target.port))


def _remember(statement: RememberTarget, ip: Ip) -> str:
    family = _FAMILIES[ip]
    notes = zip(noted_in(statement.map, family), noted_as(statement.target, family), strict=True)
    return " ".join(f"update @{map_} {{ {ip} saddr : {value} }}" for map_, value in notes)


def _as_remembered(statement: TranslateAsRemembered, ip: Ip) -> str:
    parts = [f"{ip} saddr map @{map_}" for map_ in noted_in(statement.map, _FAMILIES[ip])]
    return f"dnat {ip} to {parts[0]}" if len(parts) == 1 else f"dnat to {':'.join(parts)}"  # as nft lists them


def _by_slot(statement: TranslateBySlot, ip: Ip) -> str:
    offset = f" offset {statement.first}" if statement.first else ""
    draw = (
        f"jhash {ip} saddr mod {statement.slots} seed {HASH_SEED:#x}"
        if statement.by_source
        else (f"numgen random mod {statement.slots}")
    )
    key = f"{fields_text(statement.fields, ip, statement.protocol)} . {draw}{offset}"
    return f"dnat {ip} to {key} map @{statement.map}"


def _goto_at_random(statement: GotoAtRandom, _: Ip) -> str:
    choices = _braces(f"{i} : goto {chain}" for i, chain in enumerate(statement.chains))
    return f"numgen random mod {len(statement.chains)} vmap {choices}"


def _translate(statement: Translate, ip: Ip) -> str:
    address = f"[{statement.target.address}]" if ip == "ip6" else statement.target.address
    return f"dnat to {address}:{statement.target.port}"


_STATEMENTS: dict[type, Callable[[Any, Ip], str]] = {
    Accept: lambda _, __: "accept",
    Drop: lambda _, __: "drop",
    Reject: lambda _, __: "reject",
    Reset: lambda _, __: "reject with tcp reset",
    Return: lambda _, __: "return",
    Jump: lambda s, _: f"jump {s.chain}",
    Goto: lambda s, _: f"goto {s.chain}",
    Lookup: lambda s, ip: f"{fields_text(s.fields, ip)} vmap @{s.map}",
    AddMark: lambda s, _: f"meta mark set meta mark | {s.bits:#010x}",
    FlipMark: lambda s, _: f"meta mark set meta mark ^ {s.bits:#010x}",
    Masquerade: lambda _, __: "masquerade fully-random",
    Translate: _translate,
    TranslateBySlot: _by_slot,
    GotoAtRandom: _goto_at_random,
    RememberTarget: _remember,
    TranslateAsRemembered: _as_remembered,
}


def verdict_text(verdict: Verdict) -> str:
    """A verdict as a map holds it."""
    return _STATEMENTS[type(verdict)](verdict, "")


def comment_text(origin: RuleOrigin) -> str:
    """The comment for an origin: without quotes, cut to the length that the kernel keeps."""
    text = str(origin).replace('"', "'")
    return text.encode()[:COMMENT_MAX].decode(errors="ignore")


def comment_suffix(origin: RuleOrigin) -> str:
    """The comment as a rule or an element ends in it; nothing for no origin."""
    text = comment_text(origin)
    return f' comment "{text}"' if text else ""


def render_rule(rule: Rule, family: IPFamily) -> str:
    """One rule on one line, without its chain."""
    ip = _FAMILY_WORDS[family]
    parts = [_MATCHES[type(match)](match, ip) for match in rule.matches]
    parts += [_STATEMENTS[type(statement)](statement, ip) for statement in rule.statements]
    return " ".join(parts) + comment_suffix(rule.origin)
