"""Reads the output of ``nft -j list ruleset`` by writing it as ``nft list ruleset`` would: one reader for both.

Schema: libnftables-json(5). Unknown parts are written as their JSON, which is unknown to the reader of text too.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from fairlead.model.document import Doc
from fairlead.netfilter.dump.nft import read_nft
from fairlead.netfilter.dump.values import Table


class NotRules(ValueError):
    """The text is no JSON of nft's."""


def read_nft_json(text: str) -> list[Table]:
    """The tables of a listing.

    Raises:
        NotRules: the text is no JSON, or not nft's.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise NotRules(str(error)) from error
    items = document.get("nftables") if isinstance(document, dict) else None
    if not isinstance(items, list):
        raise NotRules('there is no list "nftables"')
    return read_nft("\n".join(_lines([item for item in items if isinstance(item, dict)])))


def _lines(items: list[Doc]) -> Iterator[str]:
    for item in items:
        table = item.get("table")
        if isinstance(table, dict):
            yield f"table {table.get('family')} {table.get('name')} {{"
            yield from _contents(items, table)
            yield "}"


def _contents(items: list[Doc], table: Doc) -> Iterator[str]:
    there = [(k, v) for item in items for k, v in item.items() if isinstance(v, dict) and _is_in(v, table)]
    for kind, each in there:
        if kind in ("set", "map"):
            yield from (f"\t{kind} {each.get('name')} {{", *_set(kind, each), "\t}")
    for kind, each in there:
        if kind == "chain":
            rules = [v for k, v in there if k == "rule" and v.get("chain") == each.get("name")]
            yield from (f"\tchain {each.get('name')} {{", *_base(each), *(f"\t\t{_rule(r)}" for r in rules), "\t}")


def _is_in(each: Doc, table: Doc) -> bool:
    return each.get("table") == table.get("name") and each.get("family") == table.get("family")


def _set(kind: str, each: Doc) -> Iterator[str]:
    types = each.get("type")
    key = " . ".join(map(_expression, types)) if isinstance(types, list) else _type(types)
    yield f"\t\t{'typeof' if isinstance(types, dict) else 'type'} {key}" + (" : value" if kind == "map" else "")
    elements = each.get("elem")
    if isinstance(elements, list):
        yield f"\t\telements = {{ {', '.join(map(_element, elements))} }}"


def _type(types: Any) -> str:
    return _expression(types.get("typeof", types)) if isinstance(types, dict) else str(types)


def _element(element: Any) -> str:
    """A key, or a pair of a key and a value; a key may carry a comment or a time."""
    if isinstance(element, list) and len(element) == 2:
        return f"{_key(element[0])} : {_value(element[1])}"
    return _key(element)


def _key(element: Any) -> str:
    inner = element.get("elem") if isinstance(element, dict) else None
    return _expression(inner.get("val")) if isinstance(inner, dict) else _expression(element)


def _value(value: Any) -> str:
    if isinstance(value, dict):
        word = next(iter(value), "")
        if word in _VERDICTS:
            return _statement(value)
    return _expression(value)


def _base(chain: Doc) -> Iterator[str]:
    if "hook" in chain:
        head = f"type {chain.get('type')} hook {chain.get('hook')} priority {chain.get('prio', 0)}"
        yield f"\t\t{head}; policy {chain.get('policy', 'accept')};"


def _rule(rule: Doc) -> str:
    parts = rule.get("expr")
    words = [_statement(part) for part in parts] if isinstance(parts, list) else []
    comment = str(rule.get("comment", "")).replace('"', "'")
    return " ".join([*filter(None, words), *([f'comment "{comment}"'] if comment else [])]) or "continue"


_VERDICTS = ("accept", "drop", "return", "continue", "jump", "goto")


def _statement(part: Any) -> str:
    if isinstance(part, str):  # nft prints as text what it has no JSON for
        return " ".join(part.split())
    if not isinstance(part, dict) or len(part) != 1:
        return _raw(part)
    word, value = next(iter(part.items()))
    if word in ("accept", "drop", "return", "continue"):
        return str(word)
    if word in ("jump", "goto"):
        return f"{word} {value.get('target')}" if isinstance(value, dict) else _raw(part)
    if word in _STATEMENTS and (isinstance(value, dict) or value is None):
        return _STATEMENTS[word](value or {})
    return _raw(part)


def _raw(value: Any) -> str:
    """As JSON, in one word, so that nothing in it reads as a rule."""
    return "json:" + json.dumps(value, separators=(",", ":")).replace('"', "'").replace(" ", "_").replace(
        "{", "("
    ).replace("}", ")")


def _match(value: Doc) -> str:
    operator = value.get("op")
    sign = "!= " if operator == "!=" else ""
    if operator not in ("==", "!=", "in"):
        return _raw({"match": value})
    left, right = value.get("left"), value.get("right")
    masked = isinstance(left, dict) and "&" in left
    return f"{_expression(left)} {sign or ('== ' if masked else '')}{_expression(right)}"


def _mangle(value: Doc) -> str:
    key = _expression(value.get("key"))
    return f"{key} set {_expression(value.get('value'))}" if key == "meta mark" else _raw({"mangle": value})


def _dnat(value: Doc) -> str:
    family = f" {value['family']}" if value.get("family") in ("ip", "ip6") else ""
    address, port = value.get("addr"), value.get("port")
    if isinstance(address, dict):
        if port is None:
            return f"dnat{family} addr . port to {_expression(address)}"
        # Two maps, for IPv6: how nft keeps a client's target.
        both = f"{_expression(address)}:{_expression(port)}"
        return f"dnat{family} to {both}" if isinstance(port, dict) else _raw({"dnat": value})
    shown = f"[{address}]" if ":" in str(address) and port is not None else f"{address or ''}"
    return f"dnat{family} to {shown}" + (f":{port}" if isinstance(port, int) else "")


def _vmap(value: Doc) -> str:
    return f"{_expression(value.get('key'))} vmap {_expression(value.get('data'))}"


_STATEMENTS: Mapping[str, Callable[[Doc], str]] = {
    "match": _match,
    "vmap": _vmap,
    "mangle": _mangle,
    "dnat": _dnat,
    "masquerade": lambda value: "masquerade",
    "snat": lambda value: f"snat to {value.get('addr')}",
    "reject": lambda value: "reject",
    "counter": lambda value: "",
    "set": lambda value: f"update {value.get('set')} {{ {_key(value.get('elem'))} }}",
    "log": lambda value: "",
}


def _expression(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return _raw(value)
    if isinstance(value, str | int):
        return str(value)
    if isinstance(value, list):
        return ",".join(map(_expression, value))
    word, inner = next(iter(value.items()), ("", None))
    return _EXPRESSIONS[word](inner) if word in _EXPRESSIONS else _raw(value)


def _fields(value: Any, *names: str) -> list[str]:
    return [str(value.get(name, "")) for name in names] if isinstance(value, dict) else [""] * len(names)


def _set_text(value: Any) -> str:
    return f"{{ {', '.join(map(_element, value if isinstance(value, list) else []))} }}"


def _numgen(value: Any) -> str:
    mode, mod, offset = _fields(value, "mode", "mod", "offset")
    return f"numgen {mode} mod {mod}" + (f" offset {offset}" if offset not in ("", "0") else "")


def _jhash(value: Any) -> str:
    if not isinstance(value, dict):
        return _raw(value)
    offset = value.get("offset")
    return f"jhash {_expression(value.get('expr'))} mod {value.get('mod')}" + (f" offset {offset}" if offset else "")


def _map(value: Any) -> str:
    return (
        f"{_expression(value.get('key'))} map {_expression(value.get('data'))}"
        if isinstance(value, dict)
        else _raw(value)
    )


def _both(sign: str) -> Callable[[Any], str]:
    return lambda value: f" {sign} ".join(map(_expression, value)) if isinstance(value, list) else _raw(value)


_EXPRESSIONS: Mapping[str, Callable[[Any], str]] = {
    "payload": lambda value: " ".join(_fields(value, "protocol", "field")),
    "meta": lambda value: f"meta {_fields(value, 'key')[0]}",
    "ct": lambda value: f"ct {_fields(value, 'key')[0]}",
    "fib": lambda value: (
        f"fib {_expression(value.get('flags', ''))} {value.get('result')}" if isinstance(value, dict) else _raw(value)
    ),
    "concat": _both("."),
    "set": _set_text,
    "prefix": lambda value: "/".join(_fields(value, "addr", "len")),
    "range": lambda value: "-".join(map(_expression, value)) if isinstance(value, list) else _raw(value),
    "elem": lambda value: _expression(value.get("val")) if isinstance(value, dict) else _raw(value),
    "numgen": _numgen,
    "jhash": _jhash,
    "map": _map,
    "&": _both("&"),
    "|": _both("|"),
    "^": _both("^"),
}
