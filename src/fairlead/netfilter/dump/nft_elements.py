"""Elements of sets and maps as nft lists them, and the verdicts and targets that maps hold."""

from fairlead.model.addresses import parse_ip
from fairlead.netfilter.dump.nft_words import pattern_of
from fairlead.netfilter.dump.patterns import Rows, RuleKey
from fairlead.netfilter.dump.values import ChainCall, DumpedEndpoint, RuleVerdict

VERDICTS = ("accept", "drop", "return", "continue")


class NotKnown(ValueError):
    """The words at this place are unknown."""


def read_verdict(words: list[str]) -> RuleVerdict | ChainCall | None:
    """The verdict in some words, as an element of a map has it."""
    if words and words[0] in VERDICTS:
        return RuleVerdict(words[0])
    if len(words) > 1 and words[0] in ("jump", "goto"):
        return ChainCall(words[1], words[0] == "jump")
    return None


def rows_of(keys: tuple[RuleKey, ...], elements: list[list[str]]) -> Rows:
    """Rows from elements: keys parted by dots, and after a colon what a map holds.

    Raises:
        ValueError: an element does not have these keys.
    """
    rows = Rows()
    for element in elements:
        before, value = _key_and_value(element)
        patterns = [pattern_of(key, word) for key, word in zip(keys, before[::2], strict=True)]
        if any(pattern is None for pattern in patterns):
            raise ValueError(" ".join(element))
        rows.add(tuple(p for p in patterns if p is not None), value)
    return rows


def _key_and_value(element: list[str]) -> tuple[list[str], object]:
    """The key of an element, and its value: a verdict, a target, or nothing."""
    words = _strip_extras(element)
    if ":" not in words:
        return words, None
    place = words.index(":")
    value = words[place + 1 :]
    return words[:place], read_verdict(value) or _target(value)


def _strip_extras(element: list[str]) -> list[str]:
    """An element without its comment, its counters and its times."""
    words: list[str] = []
    skip = 0
    for word in element:
        if skip:
            skip -= 1
        elif word in ("comment", "timeout", "expires", "packets", "bytes"):
            skip = 1
        elif word != "counter":
            words.append(word)
    return words


def _target(words: list[str]) -> DumpedEndpoint:
    address, port = words[0], words[2] if len(words) > 2 else ""
    return endpoint_of(address)._replace(port=int(port)) if port else endpoint_of(address)


def endpoint_of(text: str) -> DumpedEndpoint:
    """``10.0.0.1:80``, ``[fd00::1]:80``, an address alone, or ``:80``."""
    if text.isdigit():
        return DumpedEndpoint(None, int(text))
    address, colon, port = text.rpartition(":") if text.startswith("[") or text.count(":") == 1 else (text, "", "")
    if address and parse_ip(address.strip("[]")) is None:
        raise NotKnown
    return DumpedEndpoint(address.strip("[]") or None, int(port) if colon else None)


def split(words: list[str]) -> list[list[str]]:
    """Elements, parted by commas."""
    found: list[list[str]] = [[]]
    for word in words:
        if word == ",":
            found.append([])
        else:
            found[-1].append(word)
    return [element for element in found if element]
