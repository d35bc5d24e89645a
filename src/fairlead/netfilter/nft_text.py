"""Tables and transactions in the language of ``nft -f``, spelled as ``nft list ruleset`` spells them.

Names must suit nft's lexer: a letter first, then letters, digits and ``/ . _ -`` (nft(8), "Lexical conventions");
comments lose their quotes and are cut to what the kernel keeps. Rules are written by ``nft_rule_text``.
"""

from collections.abc import Callable, Iterable
from typing import Any

from fairlead.model.addresses import IPFamily
from fairlead.netfilter.nft_rule_text import (
    _STATEMENTS,
    comment_suffix,
    comment_text,
    family_word,
    fields_text,
    noted_in,
    render_rule,
    target_text,
)
from fairlead.netfilter.ruleset import (
    Chain,
    ChainHook,
    Element,
    ElementId,
    Field,
    Key,
    NamedSet,
    SetKind,
    Table,
    TableName,
    Target,
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

_ADDRESS_TYPE = {IPFamily.IPV4: "ipv4_addr", IPFamily.IPV6: "ipv6_addr"}

MOST_CLIENTS = 65535  # that a map with a time-out remembers: nft's default


def _type(field: Field, family: IPFamily) -> str:
    if field is Field.PROTOCOL:
        return "inet_proto"
    return "inet_service" if field is Field.PORT else _ADDRESS_TYPE[family]


def _set_types(set_: NamedSet, family: IPFamily) -> tuple[str, ...]:
    """A slot has no named type: a map that has one in its key is declared by example.

    The example must name a protocol: with "th dport" nft 1.0.6 refuses every rule that uses the map later on.
    """
    if Field.SLOT in set_.fields:
        ip, protocol = family_word(family), set_.protocol
        return (f"typeof {fields_text(set_.fields, ip, protocol)} : {ip} daddr . {protocol} dport",)
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
    """As nft spells it: 1d2h3m4s, without zero parts."""
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
    return f"{key_text(key)}{comment_suffix(element.origin)}{_value(element.value)}"


def _value(value: Verdict | Target | None) -> str:
    if value is None:
        return ""
    return f" : {target_text(value) if isinstance(value, Target) else _STATEMENTS[type(value)](value, '')}"


def render_table(name: TableName, table: Table, comment: str = "") -> str:
    """The whole table for a reader: sets with their elements, then chains."""
    lines = [f"table {family_word(name.family)} {name.name} {{"]
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
    """The lines of a chain: its hook, if it has one, and its rules."""
    attachment = _attachment(chain.attachment)
    return [*([attachment] if attachment else []), *(render_rule(rule, family) for rule in chain.rules)]


def removal(name: TableName) -> str:
    """Deletes a table that might not exist: the added table makes the deletion succeed in any case."""
    there = f"{family_word(name.family)} {name.name}"
    return f"add table {there}\ndelete table {there}\n"


def render_transaction(name: TableName, transaction: Transaction) -> str:
    """The commands that ``nft -f`` carries out as one transaction, one a line."""
    family, there = name.family, f"{family_word(name.family)} {name.name}"
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
