"""Sets that iptables' rules use: the input of ``ipset restore``, and the output of ``ipset save``.

Rules and sets cannot change in one transaction. Elements are added before the rules that use them, and deleted after.
Syntax: ipset(8).
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from fairlead.model.addresses import IPFamily
from fairlead.netfilter.ruleset import COMMENT_MAX, Element, ElementId, Field, Key, NamedSet, Table
from fairlead.netfilter.transaction import AddElement, AddSet, DeleteElement, DeleteSet, Transaction

MOST = 1 << 20  # elements in a set; only existing ones take memory
_FAMILY = {IPFamily.IPV4: "inet", IPFamily.IPV6: "inet6"}

Found = Mapping[str, frozenset[str]]  # the keys of each set, by its name


class SetChange(NamedTuple):
    """The input of the ``ipset restore`` before rules change, and of the one after."""

    before: str
    after: str


def key_text(key: Key) -> str:
    """A key as ipset spells it: ``10.0.0.1``, or ``10.0.0.1,tcp:80``."""
    address, *rest = key
    return f"{address},{rest[0]}:{rest[1]}" if rest else str(address)


def render_sets(transaction: Transaction, family: IPFamily) -> SetChange:
    """The changes of a transaction to sets; rules are written elsewhere."""
    before, after = [], []
    for operation in transaction:
        match operation:
            case AddSet(set_):
                before.append(_create(set_, family))
            case AddElement(id_, element):
                before.append(_add(id_, element))
            case DeleteElement(id_):
                after.append(f"del {id_[0]} {key_text(id_[1])}")
            case DeleteSet(set_):
                after.append(f"destroy {set_.name}")
    return SetChange(_text(before), _text(after))


def replacing(found: Found, table: Table, family: IPFamily) -> SetChange:
    """The change from the sets that were found to those of the table.

    Args:
        found: our sets among them.
    """
    wanted = {name: _create(set_, family) for name, set_ in table.sets.items()}
    there = {(name, key) for name, keys in found.items() for key in keys}
    elements = {(id_[0], key_text(id_[1])): (id_, element) for id_, element in table.elements.items()}
    before = [line for name, line in wanted.items() if name not in found]
    before += [_add(*element) for place, element in elements.items() if place not in there]
    stale = sorted(place for place in there - elements.keys() if place[0] in wanted)
    after = [f"del {name} {key}" for name, key in stale]
    after += [f"destroy {name}" for name in sorted(found.keys() - wanted.keys())]
    return SetChange(_text(before), _text(after))


def _create(set_: NamedSet, family: IPFamily) -> str:
    kind = "hash:ip,port" if Field.PORT in set_.fields else "hash:ip"
    return f"create {set_.name} {kind} family {_FAMILY[family]} maxelem {MOST} comment"


def _add(id_: ElementId, element: Element) -> str:
    text = str(element.origin).replace('"', "'").encode()[:COMMENT_MAX].decode(errors="ignore")
    return f"add {id_[0]} {key_text(id_[1])}" + (f' comment "{text}"' if text else "")


def _text(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def parse_sets(text: str, prefix: str) -> Found:
    """The sets with this name prefix, in the output of ``ipset save``."""
    found: dict[str, set[str]] = {}
    for line in text.splitlines():
        words = line.split(maxsplit=3)
        if len(words) < 3 or not words[1].startswith(prefix):
            continue
        if words[0] == "create":
            found.setdefault(words[1], set())
        elif words[0] == "add":
            found.setdefault(words[1], set()).add(words[2])
    return {name: frozenset(keys) for name, keys in found.items()}
