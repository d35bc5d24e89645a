"""The words of nft's listing, and the parts of a packet that they name."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from fairlead.netfilter.dump.patterns import Network, Pattern, Prefix, RuleKey, address_pattern, port_pattern
from fairlead.netfilter.dump.values import PROTOCOLS

_WORD = re.compile(r'"[^"]*"|[{},]|[^\s{},"]+(?:,[^\s{},"]+)*')


def words_of(line: str) -> list[str]:
    """The words of a line: braces and the commas between elements apart, ``new,established`` as one."""
    return _WORD.findall(line)


class NamedKey(NamedTuple):
    """The meaning of a selector: the part of the packet, the required family, and the number of words read."""

    key: RuleKey
    family: str
    length: int


_TWO_WORDS: dict[tuple[str, str], tuple[RuleKey, str]] = {
    ("ip", "saddr"): (RuleKey.SOURCE, "ip"),
    ("ip", "daddr"): (RuleKey.DESTINATION, "ip"),
    ("ip6", "saddr"): (RuleKey.SOURCE, "ip6"),
    ("ip6", "daddr"): (RuleKey.DESTINATION, "ip6"),
    ("ip", "protocol"): (RuleKey.PROTOCOL, "ip"),
    ("ip6", "nexthdr"): (RuleKey.PROTOCOL, "ip6"),
    ("meta", "l4proto"): (RuleKey.PROTOCOL, ""),
    ("meta", "nfproto"): (RuleKey.FAMILY, ""),
    ("meta", "iifname"): (RuleKey.IN, ""),
    ("meta", "oifname"): (RuleKey.OUT, ""),
    ("th", "dport"): (RuleKey.PORT, ""),
    ("th", "sport"): (RuleKey.SOURCE_PORT, ""),
    ("ct", "state"): (RuleKey.STATE, ""),
    ("ct", "status"): (RuleKey.STATUS, ""),
    ("ct", "direction"): (RuleKey.DIRECTION, ""),
}
_ONE_WORD = {"iifname": RuleKey.IN, "iif": RuleKey.IN, "oifname": RuleKey.OUT, "oif": RuleKey.OUT}
TRANSPORTS = ("tcp", "udp", "sctp", "dccp", "udplite")


def named(words: Sequence[str]) -> NamedKey | None:
    """The selector at the beginning of these words."""
    if not words:
        return None
    pair = (words[0], words[1]) if len(words) > 1 else ("", "")
    if pair in _TWO_WORDS:
        return NamedKey(*_TWO_WORDS[pair], 2)
    if words[0] in TRANSPORTS and pair[1] in ("dport", "sport"):
        return NamedKey(RuleKey.PORT if pair[1] == "dport" else RuleKey.SOURCE_PORT, "", 2)
    if words[0] in _ONE_WORD:
        return NamedKey(_ONE_WORD[words[0]], "", 1)
    if words[0] == "fib" and len(words) > 2 and words[2] == "type" and words[1] in ("saddr", "daddr"):
        return NamedKey(RuleKey.SOURCE_TYPE if words[1] == "saddr" else RuleKey.DESTINATION_TYPE, "", 3)
    return None


def pattern_of(key: RuleKey, word: str) -> Pattern | None:
    """A value of a key as a pattern; None for other text."""
    text = word.strip('"')
    match key:
        case RuleKey.SOURCE | RuleKey.DESTINATION:
            pattern = address_pattern(text)
            return pattern if isinstance(pattern, Network) or "." in text or ":" in text else None
        case RuleKey.PORT | RuleKey.SOURCE_PORT:
            return port_pattern(text)
        case RuleKey.SLOT:
            return int(text) if text.isdigit() else None
        case RuleKey.PROTOCOL:
            return PROTOCOLS.get(text, text)
        case RuleKey.IN | RuleKey.OUT:
            return Prefix(text[:-1]) if text.endswith("*") else text
    return text


def number(word: str) -> int | None:
    """A number in any base; None for other text."""
    try:
        return int(word, 0)
    except ValueError:
        return None
