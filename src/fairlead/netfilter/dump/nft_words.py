"""The words of nft's listing, and the parts of a packet that they name."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from fairlead.netfilter.dump.values import PROTOCOLS, Key, Network, Pattern, Prefix, address_pattern, port_pattern

_WORD = re.compile(r'"[^"]*"|[{},]|[^\s{},"]+(?:,[^\s{},"]+)*')


def words_of(line: str) -> list[str]:
    """The words of a line: braces and the commas between elements apart, ``new,established`` as one."""
    return _WORD.findall(line)


class NamedKey(NamedTuple):
    """What a selector names: the part of the packet, the family it has to be of, and how many words that took."""

    key: Key
    family: str
    length: int


_TWO_WORDS: dict[tuple[str, str], tuple[Key, str]] = {
    ("ip", "saddr"): (Key.SOURCE, "ip"),
    ("ip", "daddr"): (Key.DESTINATION, "ip"),
    ("ip6", "saddr"): (Key.SOURCE, "ip6"),
    ("ip6", "daddr"): (Key.DESTINATION, "ip6"),
    ("ip", "protocol"): (Key.PROTOCOL, "ip"),
    ("ip6", "nexthdr"): (Key.PROTOCOL, "ip6"),
    ("meta", "l4proto"): (Key.PROTOCOL, ""),
    ("meta", "nfproto"): (Key.FAMILY, ""),
    ("meta", "iifname"): (Key.IN, ""),
    ("meta", "oifname"): (Key.OUT, ""),
    ("th", "dport"): (Key.PORT, ""),
    ("th", "sport"): (Key.SOURCE_PORT, ""),
    ("ct", "state"): (Key.STATE, ""),
    ("ct", "status"): (Key.STATUS, ""),
    ("ct", "direction"): (Key.DIRECTION, ""),
}
_ONE_WORD = {"iifname": Key.IN, "iif": Key.IN, "oifname": Key.OUT, "oif": Key.OUT}
TRANSPORTS = ("tcp", "udp", "sctp", "dccp", "udplite")


def named(words: Sequence[str]) -> NamedKey | None:
    """The selector at the beginning of these words."""
    if not words:
        return None
    pair = (words[0], words[1]) if len(words) > 1 else ("", "")
    if pair in _TWO_WORDS:
        return NamedKey(*_TWO_WORDS[pair], 2)
    if words[0] in TRANSPORTS and pair[1] in ("dport", "sport"):
        return NamedKey(Key.PORT if pair[1] == "dport" else Key.SOURCE_PORT, "", 2)
    if words[0] in _ONE_WORD:
        return NamedKey(_ONE_WORD[words[0]], "", 1)
    if words[0] == "fib" and len(words) > 2 and words[2] == "type" and words[1] in ("saddr", "daddr"):
        return NamedKey(Key.SOURCE_TYPE if words[1] == "saddr" else Key.DESTINATION_TYPE, "", 3)
    return None


def pattern_of(key: Key, word: str) -> Pattern | None:
    """A value of a key as a pattern; None for what is none."""
    text = word.strip('"')
    match key:
        case Key.SOURCE | Key.DESTINATION:
            pattern = address_pattern(text)
            return pattern if isinstance(pattern, Network) or "." in text or ":" in text else None
        case Key.PORT | Key.SOURCE_PORT:
            return port_pattern(text)
        case Key.SLOT:
            return int(text) if text.isdigit() else None
        case Key.PROTOCOL:
            return PROTOCOLS.get(text, text)
        case Key.IN | Key.OUT:
            return Prefix(text[:-1]) if text.endswith("*") else text
    return text


def number(word: str) -> int | None:
    """A number in any base; None for what is none."""
    try:
        return int(word, 0)
    except ValueError:
        return None
