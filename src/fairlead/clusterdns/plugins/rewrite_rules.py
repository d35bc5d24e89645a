"""The rules of ``rewrite`` as a Corefile writes them, on one line or in braces.

    rewrite [continue|stop] name [exact|prefix|suffix|substring|regex] FROM TO [ANSWER...]
    rewrite [continue|stop] cname [exact|…|regex] FROM TO
    rewrite [continue|stop] type|class FROM TO
    rewrite [continue|stop] ttl [exact|…|regex] NAME SECONDS|MIN-MAX
    rewrite [continue|stop] rcode [exact|…|regex] NAME FROM TO

where ANSWER is ``answer auto``, ``answer name FROM TO`` or ``answer value FROM TO``. Options of EDNS cannot be
rewritten.
"""

from collections.abc import Callable, Sequence

import dns.exception
import dns.rdataclass

from fairlead.clusterdns.chain import DnsRequest
from fairlead.clusterdns.corefile.blocks import Directive
from fairlead.clusterdns.corefile.faults import Wrong
from fairlead.clusterdns.corefile.values import is_number, number, rcode, record_type
from fairlead.clusterdns.plugins.name_changes import MATCHES, Change, change_of
from fairlead.clusterdns.plugins.rewrite import (
    ClassRule,
    CnameRule,
    NameRule,
    RcodeRule,
    Rewrite,
    RewriteRule,
    Rewritten,
    TtlRule,
    TypeRule,
)
from fairlead.clusterdns.plugins.scope import BlockScope

TTL_MAX = 2**31 - 1  # seconds, RFC 2181 section 8
_ANSWERS = "answer auto, answer name FROM TO, answer value FROM TO"


def read_rewrite(directive: Directive, scope: BlockScope) -> None:
    """One rule, put behind those that the block has already."""
    words = directive.arguments
    goes_on = words[:1] == ("continue",)
    words = words[1:] if words[:1] in (("continue",), ("stop",)) else words
    for option in directive.options:
        words = (*words, option.name, *option.arguments)
    field, *arguments = words or ("",)
    if field not in _FIELDS:
        reason = "is not supported" if field == "edns0" else "is unknown"
        raise Wrong(f"rewrite {field}: {reason}; known are {', '.join(_FIELDS)}")
    rule = RewriteRule(_FIELDS[field](arguments), goes_on)
    known = next((plugin for plugin in scope.plugins if isinstance(plugin, Rewrite)), None)
    if known is None:
        scope.plugins.append(Rewrite((rule,)))
    else:
        scope.plugins[scope.plugins.index(known)] = Rewrite((*known.rules, rule))


def _name(words: Sequence[str]) -> NameRule:
    match, (old, new, *answers) = _matching(words, 2)
    auto = match == "exact"
    owners: list[Change] = []
    values: list[Change] = []
    while answers:
        kind, answers = answers[1:2], answers[2:]
        if kind == ["auto"]:
            auto = True
        elif kind in (["name"], ["value"]) and len(answers) >= 2:
            (owners if kind == ["name"] else values).append(change_of("regex", answers[0], answers[1]))
            answers = answers[2:]
        else:
            raise Wrong(f"rewrite name: behind the names may follow {_ANSWERS}")
        if answers[:1] not in ([], ["answer"]):
            raise Wrong(f"rewrite name: behind the names may follow {_ANSWERS}, not {answers[0]!r}")
    return NameRule(change_of(match, old, new), auto, tuple(owners), tuple(values))


def _cname(words: Sequence[str]) -> CnameRule:
    match, (old, new) = _matching(words, 2, exactly=True)
    return CnameRule(change_of(match, old, new))


def _type(words: Sequence[str]) -> TypeRule:
    old, new = _two(words, "type")
    return TypeRule(record_type(old), record_type(new))


def _class(words: Sequence[str]) -> ClassRule:
    old, new = _two(words, "class")
    return ClassRule(_class_number(old), _class_number(new))


def _ttl(words: Sequence[str]) -> TtlRule:
    match, (name, bounds) = _matching(words, 2, exactly=True)
    low, dash, high = bounds.partition("-")
    least = number(low, "rewrite ttl", 0, TTL_MAX) if low else 0
    most = (number(high, "rewrite ttl", 0, TTL_MAX) if high else TTL_MAX) if dash else least
    if least > most:
        raise Wrong(f"rewrite ttl: {bounds!r} is no range")
    return TtlRule(_matcher(match, name), least, most)


def _rcode(words: Sequence[str]) -> RcodeRule:
    match, (name, old, new) = _matching(words, 3, exactly=True)
    return RcodeRule(_matcher(match, name), _rcode_number(old), _rcode_number(new))


_FIELDS: dict[str, Callable[[Sequence[str]], Callable[[DnsRequest], Rewritten | None]]] = {
    "name": _name,
    "cname": _cname,
    "type": _type,
    "class": _class,
    "ttl": _ttl,
    "rcode": _rcode,
}


def _matching(words: Sequence[str], needed: int, exactly: bool = False) -> tuple[str, list[str]]:
    """The kind of match, exact when none is given, and the words behind it."""
    match, rest = "exact", list(words)
    if words and words[0] in MATCHES and len(words) > needed:
        match, rest = words[0], list(words[1:])
    if len(rest) < needed or (exactly and len(rest) > needed):
        raise Wrong(f"rewrite: {needed} words are needed behind the kind of match, found {len(rest)}")
    return match, rest


def _matcher(match: str, name: str) -> Change:
    return change_of(match, name, "" if match == "regex" else name)


def _two(words: Sequence[str], field: str) -> tuple[str, str]:
    if len(words) != 2:
        raise Wrong(f"rewrite {field} needs FROM and TO, found {len(words)} words")
    return words[0], words[1]


def _class_number(text: str) -> int:
    try:
        return int(dns.rdataclass.from_text(text))
    except (dns.exception.DNSException, ValueError) as error:
        raise Wrong(f"{text!r} is not a class") from error


def _rcode_number(text: str) -> int:
    return number(text, "rewrite rcode", 0, 4095) if is_number(text) else rcode(text)
