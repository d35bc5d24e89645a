"""One rule of nft's listing, from words to parts.

Each step takes the words that it knows from the front. Unknown words become ``Unknown``, up to the verdict at the end
of the rule, so that a rule with one unknown match is still a rule that might drop.
"""

from collections.abc import Callable, Mapping

from fairlead.netfilter.dump.nft_elements import VERDICTS, NotKnown, endpoint_of, read_verdict, rows_of, split
from fairlead.netfilter.dump.nft_words import TRANSPORTS, named, number, words_of
from fairlead.netfilter.dump.patterns import Rows, RuleKey
from fairlead.netfilter.dump.values import (
    AtRandom,
    Draw,
    DumpedEndpoint,
    HideSource,
    MapJump,
    MarkTest,
    Note,
    Part,
    Rule,
    RuleVerdict,
    SetMark,
    Test,
    Translate,
    Unknown,
    always,
    one,
)

Sets = Mapping[str, Rows]
_COMPARISONS = ("==", "!=")


def read_rule(line: str, sets: Sets) -> Rule:
    """A rule on one line, without its chain."""
    return Rule(tuple(_Reader(words_of(line), sets).parts()), line)


class _Reader:
    """The words of a rule that are not read yet."""

    def __init__(self, words: list[str], sets: Sets) -> None:
        self._words, self._sets = words, sets

    def parts(self) -> list[Part]:
        found: list[Part] = []
        while self._words:
            before = list(self._words)
            try:
                found += self._step()
            except (IndexError, KeyError, ValueError):
                self._words = before
                found.append(self._skip())
        return found

    def _skip(self) -> Unknown:
        """Everything up to the verdict at the end, or to the end."""
        end = next(
            (i for i in range(1, len(self._words)) if self._words[i] in (*VERDICTS, "jump", "goto", "reject")), None
        )
        comment = next((i for i, word in enumerate(self._words) if word == "comment"), len(self._words))
        stop = min(comment, end if end is not None else len(self._words)) or len(self._words)
        taken, self._words = self._words[:stop], self._words[stop:]
        return Unknown(" ".join(taken))

    def _take(self, count: int = 1) -> list[str]:
        if count > len(self._words):
            raise NotKnown
        taken, self._words = self._words[:count], self._words[count:]
        return taken

    def _step(self) -> list[Part]:
        word = self._words[0]
        if word in _STEPS:
            return _STEPS[word](self)
        if self._words[:2] == ["meta", "mark"]:
            return self.mark()
        if self._words[:2] == ["meta", "random"]:
            return self.random()
        if word == "mark":
            self._words.insert(0, "meta")
            return self.mark()
        if self._words[:2] == ["tcp", "flags"]:
            return self.flags()
        return self.selector()

    # --- by first word ---

    def comment(self) -> list[Part]:
        self._take(2)
        return []

    def counter(self) -> list[Part]:
        self._take(5 if self._words[1:2] == ["packets"] else 1)
        return []

    def verdict(self) -> list[Part]:
        found = read_verdict(self._words)
        if found is None:
            raise NotKnown
        self._take(1 if isinstance(found, RuleVerdict) else 2)
        return [found]

    def reject(self) -> list[Part]:
        self._take()
        if self._words[:1] == ["with"]:
            self._words = self._words[self._words.index("comment") :] if "comment" in self._words else []
        return [RuleVerdict("reject")]

    def masquerade(self) -> list[Part]:
        self._take()
        while self._words and self._words[0] in ("random", "fully-random", "persistent"):
            self._take()
        return [HideSource()]

    def snat(self) -> list[Part]:
        words = self._take(2)
        if words[1] != "to":
            words = self._take(1)
        address = self._take()[0]
        if "@" in address or self._words[:1] == ["."]:
            raise NotKnown
        return [HideSource(address.rpartition(":")[0] if "." in address and ":" in address else address)]

    def update(self) -> list[Part]:
        """A note: later rules and packets find it, and this packet continues."""
        name = self._take(3)[1]
        inside = self._take(self._words.index("}") + 1)[:-1]
        key, value = (inside[: inside.index(":")], inside[inside.index(":") + 1 :]) if ":" in inside else (inside, [])
        found, rows = named(key), self._sets.get(name[1:])
        if found is None or rows is None or len(value) != 3 or value[1] != ".":
            return []
        return [Note((found.key,), rows, DumpedEndpoint(value[0], self._number(value[2])))]

    def mark(self) -> list[Part]:
        self._take(2)
        if self._words[0] == "set":
            self._take()
            return [self._mark_change()]
        mask = 0xFFFFFFFF
        if self._words[0] in ("&", "and"):
            mask = self._number(self._take(2)[1])
        operator = self._take()[0] if self._words[0] in _COMPARISONS else "=="
        return [MarkTest(mask, self._number(self._take()[0]), operator == "!=")]

    def _mark_change(self) -> Part:
        if self._words[:2] == ["meta", "mark"]:
            self._take(2)
        elif self._words[0] == "mark":
            self._take()
        else:
            return SetMark(0xFFFFFFFF, self._number(self._take()[0]))
        operator, text = self._take(2)
        bits = self._number(text)
        if self._words[:1] in (["^"], ["xor"]) and operator in ("&", "and"):  # as nft lists what iptables-nft writes
            return SetMark(0xFFFFFFFF & ~bits, self._number(self._take(2)[1]))
        changes = {"|": (bits, bits), "or": (bits, bits), "^": (0, bits), "xor": (0, bits)}
        return SetMark(*changes.get(operator, (0xFFFFFFFF & ~bits, 0)))

    def random(self) -> list[Part]:
        """``meta random & 2147483647 < 1073741824``: as nft lists iptables' statistic match."""
        self._take(2)
        highest = 0xFFFFFFFF
        if self._words[0] in ("&", "and"):
            highest = self._number(self._take(2)[1])
        operator, bound = self._take(2)
        if operator != "<" or (highest + 1) & highest:
            raise NotKnown
        return [AtRandom(min(self._number(bound) / (highest + 1), 1.0))]

    def _number(self, word: str) -> int:
        found = number(word)
        if found is None:
            raise NotKnown
        return found

    def flags(self) -> list[Part]:
        """Whether a packet opens a connection: only ``syn`` of the four relevant flags."""
        self._take(2)
        text: list[str] = []
        while self._words and self._words[0] not in (*_STEPS, "ip", "ip6", "meta", "tcp", "ct"):
            text += self._take()
        spelled = " ".join(text).replace("(", "").replace(")", "")
        if spelled in ("!= syn / fin,syn,rst,ack", "& fin | syn | rst | ack != syn"):
            return [one(RuleKey.FLAGS, "syn", negated=True)]
        if spelled in ("syn / fin,syn,rst,ack", "& fin | syn | rst | ack == syn"):
            return [one(RuleKey.FLAGS, "syn")]
        raise NotKnown

    def numgen(self) -> list[Part]:
        count, first = self._draw()
        if self._take()[0] != "vmap":
            raise NotKnown
        return [Draw(count, self._rows((RuleKey.SLOT,), is_map=True), first)]

    def _draw(self) -> tuple[int, int]:
        """How many numbers a draw has, and the first: ``numgen random mod 3 offset 1``."""
        words = self._take(self._words.index("mod") + 2)
        count = self._number(words[-1])
        if self._words[:1] == ["seed"]:
            self._take(2)
        first = self._number(self._take(2)[1]) if self._words[:1] == ["offset"] else 0
        return count, first

    def dnat(self) -> list[Part]:
        """``dnat [ip] [addr . port] to``, then a target, or keys and a map of targets."""
        self._take()
        family = self._take()[0] if self._words[0] in ("ip", "ip6") else ""
        if self._words[:3] == ["addr", ".", "port"]:
            self._take(3)
        if self._take()[0] != "to":
            raise NotKnown
        if len(self._words) > 3 and self._words[2] == "map" and ":" in self._words[3]:
            return [self._from_two_maps(family)]
        found = named(self._words)
        if found is None and self._words[0] not in ("numgen", "jhash"):
            return [always(endpoint_of(self._take()[0]))]
        keys, draws, first, protocol = self._keys_and_draw()
        if self._take()[0] != "map":
            raise NotKnown
        rows = self._rows(keys, is_map=True)
        return [*protocol, Translate(keys, rows, draws, first, family)]

    def _from_two_maps(self, family: str) -> Translate:
        """``ip6 saddr map @addresses:ip6 saddr map @ports``: how targets of IPv6 are noted for a client."""
        key, own = self._key()
        word = self._take(2)[1]
        first, _, rest = word.partition(":")
        self._words.insert(0, rest)
        self._key()
        second = self._take(2)[1]
        addresses, ports, rows = self._sets[first[1:]], self._sets[second[1:]], Rows()
        for found, target in addresses.plain.items():
            rows.add(found, DumpedEndpoint(target.address, ports.find(found)[1].port))
        return Translate((key,), rows, family=family or own)

    def _keys_and_draw(self) -> tuple[tuple[RuleKey, ...], int, int, list[Part]]:
        """The keys of a map of targets; ``tcp dport`` among them also requires TCP."""
        keys: list[RuleKey] = []
        draws, first = 1, 0
        protocol: list[Part] = []
        while True:
            if self._words[0] in ("numgen", "jhash"):
                draws, first = self._draw()
                keys.append(RuleKey.SLOT)
            else:
                protocol += _transport(self._words)
                keys.append(self._key()[0])
            if self._words[:1] != ["."]:
                return tuple(keys), draws, first, protocol
            self._take()

    def _key(self) -> tuple[RuleKey, str]:
        found = named(self._words)
        if found is None:
            raise NotKnown
        self._take(found.length)
        return found.key, found.family

    def selector(self) -> list[Part]:
        """Keys, and either a map of verdicts or values to compare with."""
        parts: list[Part] = _transport(self._words)
        keys, families = [], []
        while True:
            key, family = self._key()
            keys.append(key)
            families.append(family)
            if self._words[:1] != ["."]:
                break
            self._take()
        family = next((f for f in families if f), "")
        if self._words[0] == "vmap":
            self._take()
            return [*parts, MapJump(tuple(keys), self._rows(tuple(keys), is_map=True), family)]
        operator = self._take()[0] if self._words[0] in _COMPARISONS else "=="
        return [*parts, Test(tuple(keys), self._rows(tuple(keys)), operator == "!=", family)]

    def _rows(self, keys: tuple[RuleKey, ...], *, is_map: bool = False) -> Rows:
        """A named set, elements in braces, or one value."""
        word = self._words[0]
        if word.startswith("@"):
            self._take()
            if word[1:] not in self._sets:
                raise NotKnown
            return self._sets[word[1:]]
        if word == "{":
            end = self._words.index("}")
            elements = split(self._take(end + 1)[1:-1])
        else:
            count = 2 * len(keys) - 1
            elements = [self._take(count)] if is_map or len(keys) > 1 else [[w] for w in self._take()[0].split(",")]
        return rows_of(keys, elements)


def _transport(words: list[str]) -> list[Part]:
    """``tcp dport`` requires TCP, ``th dport`` does not."""
    is_port = len(words) > 1 and words[0] in TRANSPORTS and words[1] in ("dport", "sport")
    return [one(RuleKey.PROTOCOL, words[0])] if is_port else []


_STEPS: Mapping[str, Callable[[_Reader], list[Part]]] = {
    "comment": _Reader.comment,
    "counter": _Reader.counter,
    "accept": _Reader.verdict,
    "drop": _Reader.verdict,
    "return": _Reader.verdict,
    "continue": _Reader.verdict,
    "jump": _Reader.verdict,
    "goto": _Reader.verdict,
    "reject": _Reader.reject,
    "masquerade": _Reader.masquerade,
    "snat": _Reader.snat,
    "dnat": _Reader.dnat,
    "update": _Reader.update,
    "add": _Reader.update,
    "numgen": _Reader.numgen,
    "jhash": _Reader.numgen,
}
