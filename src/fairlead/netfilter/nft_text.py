"""Rules and transactions in the language of ``nft -f``, spelled as ``nft list ruleset`` spells them.

Names must suit nft's lexer: a letter first, then letters, digits and ``/ . _ -`` (nft(8), "Lexical conventions");
comments lose their quotes and are cut to what the kernel keeps.

A map in which rules note targets is two maps in IPv6, one of addresses and one of ports: for what a rule notes, nft up
to 1.0.6 sets aside the 16 octets of an address and no more, and aborts when a port comes on top.
"""

from collections.abc import Callable, Iterable
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network
from typing import Any

from fairlead.model.addresses import IPFamily
from fairlead.netfilter.ruleset import (
    COMMENT_MAX,
    Accept,
    AddMark,
    Chain,
    ChainHook,
    DestinationTranslated,
    Drop,
    Element,
    ElementId,
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
    Key,
    Lookup,
    Masquerade,
    MidStream,
    NamedSet,
    NewConnection,
    Reject,
    RelatedConnection,
    RememberTarget,
    ReplyOfConnection,
    Reset,
    Return,
    Rule,
    RuleOrigin,
    SetKind,
    Table,
    TableName,
    Target,
    Translate,
    TranslateAsRemembered,
    TranslateBySlot,
    Verdict,
)
from fairlead.netfilter.transaction import (
    AddChain,
    AddElement,
    AddSet,
    DeleteChain,
    DeleteElement,
    DeleteSet,
    SetRules,
    Transaction,
)

_FAMILY = {IPFamily.IPV4: "ip", IPFamily.IPV6: "ip6"}
_FAMILIES = {word: family for family, word in _FAMILY.items()}
_ADDRESS_TYPE = {IPFamily.IPV4: "ipv4_addr", IPFamily.IPV6: "ipv6_addr"}

MOST_CLIENTS = 65535  # that a map with a time-out remembers: nft's default
HASH_SEED = 0xFA1E  # any will do, as long as all nodes have the same: without one the kernel draws its own

Ip = str  # "ip" or "ip6"


def family_word(family: IPFamily) -> Ip:
    """How nft names the family of a table."""
    return _FAMILY[family]


_FIELD_WORDS = {Field.PROTOCOL: "meta l4proto", Field.SLOT: "numgen random mod 2"}


def _field(field: Field, ip: Ip, protocol: str = "th") -> str:
    """How a field is spelled; "th" stands for a port of any protocol."""
    if field is Field.PORT:
        return f"{protocol} dport"
    return _FIELD_WORDS.get(field) or f"{ip} {field}"


def _fields(fields: tuple[Field, ...], ip: Ip, protocol: str = "th") -> str:
    return " . ".join(_field(field, ip, protocol) for field in fields)


def _type(field: Field, family: IPFamily) -> str:
    if field is Field.PROTOCOL:
        return "inet_proto"
    return "inet_service" if field is Field.PORT else _ADDRESS_TYPE[family]


def _target(target: Target) -> str:
    return f"{target.address} . {target.port}"


def _braces(items: Iterable[str]) -> str:
    return "{ " + ", ".join(items) + " }"


def _collapsed(texts: Iterable[str]) -> list[IPv4Network | IPv6Network]:
    """In order, and none within another, as nft keeps them."""
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
    InSet: lambda m, ip: f"{_fields(m.fields, ip)} @{m.set}",
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
    """What each of those maps holds for the target."""
    return (_target(target),) if family is IPFamily.IPV4 else (target.address, str(target.port))


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
    key = f"{_fields(statement.fields, ip, statement.protocol)} . {draw}{offset}"
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
    Lookup: lambda s, ip: f"{_fields(s.fields, ip)} vmap @{s.map}",
    AddMark: lambda s, _: f"meta mark set meta mark | {s.bits:#010x}",
    FlipMark: lambda s, _: f"meta mark set meta mark ^ {s.bits:#010x}",
    Masquerade: lambda _, __: "masquerade fully-random",
    Translate: _translate,
    TranslateBySlot: _by_slot,
    GotoAtRandom: _goto_at_random,
    RememberTarget: _remember,
    TranslateAsRemembered: _as_remembered,
}


def comment_text(origin: RuleOrigin) -> str:
    """The comment that stands for an origin: no quotes, no longer than the kernel keeps."""
    text = str(origin).replace('"', "'")
    return text.encode()[:COMMENT_MAX].decode(errors="ignore")


def _comment(origin: RuleOrigin) -> str:
    text = comment_text(origin)
    return f' comment "{text}"' if text else ""


def render_rule(rule: Rule, family: IPFamily) -> str:
    """One rule on one line, without its chain."""
    ip = _FAMILY[family]
    parts = [_MATCHES[type(match)](match, ip) for match in rule.matches]
    parts += [_STATEMENTS[type(statement)](statement, ip) for statement in rule.statements]
    return " ".join(parts) + _comment(rule.origin)


def _set_types(set_: NamedSet, family: IPFamily) -> tuple[str, ...]:
    """A slot has no named type: a map that has one in its key is declared by example.

    The example must name a protocol: with "th dport" nft 1.0.6 refuses every rule that uses the map later on.
    """
    if Field.SLOT in set_.fields:
        ip, protocol = _FAMILY[family], set_.protocol
        return (f"typeof {_fields(set_.fields, ip, protocol)} : {ip} daddr . {protocol} dport",)
    key, address = "type " + " . ".join(_type(field, family) for field in set_.fields), _ADDRESS_TYPE[family]
    if set_.kind is SetKind.SET:
        return (key,)
    if set_.kind is SetKind.VERDICT_MAP:
        return (f"{key} : verdict",)
    if family is IPFamily.IPV6 and set_.is_noted_in:
        return (f"{key} : {address}", f"{key} : inet_service")
    return (f"{key} : {address} . inet_service",)


def declarations(set_: NamedSet, family: IPFamily) -> dict[str, list[str]]:
    """The sets that stand for one: the lines that declare each, by name."""
    text = comment_text(set_.origin)
    rest = [*_time_limit(set_.timeout), *([f'comment "{text}"'] if text else [])]
    names = noted_in(set_.name, family) if set_.is_noted_in else (set_.name,)
    return {name: [type_, *rest] for name, type_ in zip(names, _set_types(set_, family), strict=True)}


def _time_limit(seconds: int | None) -> list[str]:
    if seconds is None:
        return []
    return [f"size {MOST_CLIENTS}", "flags dynamic,timeout", f"timeout {_duration(seconds)}"]


def _duration(seconds: int) -> str:
    """As nft spells it: 1d2h3m4s, without what is zero."""
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    parts = ((days, "d"), (hours % 24, "h"), (minutes % 60, "m"), (seconds % 60, "s"))
    return "".join(f"{number}{unit}" for number, unit in parts if number)


def _set_word(set_: NamedSet) -> str:
    return "set" if set_.kind is SetKind.SET else "map"


def _attachment(attachment: ChainHook | None) -> str:
    if attachment is None:
        return ""
    return f"type {attachment.type} hook {attachment.hook} priority {attachment.priority}; policy accept;"


def key_text(key: Key) -> str:
    """The key of an element."""
    return " . ".join(map(str, key))


def element_text(key: Key, element: Element) -> str:
    """An element with its comment and what it holds."""
    return f"{key_text(key)}{_comment(element.origin)}{_value(element.value)}"


def _value(value: Verdict | Target | None) -> str:
    if value is None:
        return ""
    return f" : {_target(value) if isinstance(value, Target) else _STATEMENTS[type(value)](value, '')}"


def render_table(name: TableName, table: Table, comment: str = "") -> str:
    """The whole table as a person reads it: sets with their elements, then chains."""
    lines = [f"table {_FAMILY[name.family]} {name.name} {{"]
    if comment:
        lines.append(f'\tcomment "{comment}"')
    for set_ in table.sets.values():
        elements = [element_text(id_[1], e) for id_, e in table.elements.items() if id_[0] == set_.name]
        for part, declaration in declarations(set_, name.family).items():
            lines += [f"\t{_set_word(set_)} {part} {{", *(f"\t\t{line}" for line in declaration)]
            lines += ["\t\telements = {", *(f"\t\t\t{e}," for e in elements), "\t\t}"] if elements else []
            lines += ["\t}", ""]
    for chain in table.chains.values():
        lines += [f"\tchain {chain.name} {{", *(f"\t\t{line}" for line in chain_lines(chain, name.family)), "\t}", ""]
    if not lines[-1]:
        lines.pop()
    return "\n".join([*lines, "}", ""])


def chain_lines(chain: Chain, family: IPFamily) -> list[str]:
    """What stands in a chain: its hook, if it has one, and its rules."""
    attachment = _attachment(chain.attachment)
    return [*([attachment] if attachment else []), *(render_rule(rule, family) for rule in chain.rules)]


def removal(name: TableName) -> str:
    """Adding first makes deleting a table that may not be there an operation that cannot fail."""
    there = f"{_FAMILY[name.family]} {name.name}"
    return f"add table {there}\ndelete table {there}\n"


def render_transaction(name: TableName, transaction: Transaction) -> str:
    """The commands that ``nft -f`` carries out as one transaction, one a line."""
    family, there = name.family, f"{_FAMILY[name.family]} {name.name}"
    writers: dict[type, Callable[[Any], Iterable[str]]] = {
        AddSet: lambda o: _add_set(o.set, there, family),
        AddChain: lambda o: (_add_chain(o.chain, there),),
        SetRules: lambda o: _set_rules(o, there, family),
        DeleteElement: lambda o: (f"delete element {there} {o.id[0]} {{ {key_text(o.id[1])} }}",),
        AddElement: lambda o: (f"add element {there} {_named_element(o.id, o.element)}",),
        DeleteChain: lambda o: (f"delete chain {there} {o.name}",),
        DeleteSet: lambda o: (f"delete {_set_word(o.set)} {there} {n}" for n in declarations(o.set, family)),
    }
    return "".join(f"{line}\n" for operation in transaction for line in writers[type(operation)](operation))


def _add_set(set_: NamedSet, there: str, family: IPFamily) -> Iterable[str]:
    for name, lines in declarations(set_, family).items():
        yield f"add {_set_word(set_)} {there} {name} {{ {'; '.join(lines)}; }}"


def _add_chain(chain: Chain, there: str) -> str:
    body = _attachment(chain.attachment)
    return f"add chain {there} {chain.name}" + (f" {{ {body} }}" if body else "")


def _set_rules(operation: SetRules, there: str, family: IPFamily) -> Iterable[str]:
    chain = operation.chain
    if not operation.is_new:
        yield f"flush chain {there} {chain.name}"
    for rule in chain.rules:
        yield f"add rule {there} {chain.name} {render_rule(rule, family)}"


def _named_element(id_: ElementId, element: Element) -> str:
    return f"{id_[0]} {{ {element_text(id_[1], element)} }}"
