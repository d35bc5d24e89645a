"""The least that turns one table into another, in an order that the kernel accepts.

What is referred to is added before what refers to it, and deleted after it: sets and chains first, then rules, then
elements; the other way round to delete. A transaction is applied whole or not at all (nft(8), "atomic").
"""

from typing import TypeVar

import msgspec

from fairlead.netfilter.ruleset import Chain, Element, ElementId, NamedSet, Table

K = TypeVar("K")
V = TypeVar("V")


class AddSet(msgspec.Struct, frozen=True):
    """Declare a set or map; it must not be there."""

    set: NamedSet


class AddChain(msgspec.Struct, frozen=True):
    """Create a chain without rules; it must not be there."""

    chain: Chain


class SetRules(msgspec.Struct, frozen=True):
    """Make the rules of a chain these; ``is_new`` spares the flush of a chain that this transaction creates."""

    chain: Chain
    is_new: bool = False


class DeleteElement(msgspec.Struct, frozen=True):
    """Delete an element; it must be there."""

    id: ElementId


class AddElement(msgspec.Struct, frozen=True):
    """Add an element; it must not be there."""

    id: ElementId
    element: Element


class DeleteChain(msgspec.Struct, frozen=True):
    """Delete a chain with its rules; nothing may refer to it."""

    name: str


class DeleteSet(msgspec.Struct, frozen=True):
    """Delete a set with its elements; nothing may refer to it."""

    name: str


Operation = AddSet | AddChain | SetRules | DeleteElement | AddElement | DeleteChain | DeleteSet
Transaction = tuple[Operation, ...]


def diff(old: Table, new: Table) -> Transaction:
    """The operations that lead from ``old`` to ``new``; none when they are equal."""
    replaced = {name for name, set_ in new.sets.items() if name in old.sets and old.sets[name] != set_}
    moved = {n for n, c in new.chains.items() if n in old.chains and old.chains[n].attachment != c.attachment}
    if replaced or moved:
        names = ", ".join(sorted(replaced | moved))
        raise ValueError(f"the declaration of {names} cannot be changed in place: use another name")
    return (
        *(AddSet(set_) for name, set_ in new.sets.items() if name not in old.sets),
        *(AddChain(chain) for name, chain in new.chains.items() if name not in old.chains),
        *_rules(old, new),
        *(DeleteElement(id_) for id_, element in old.elements.items() if new.elements.get(id_) != element),
        *(AddElement(id_, element) for id_, element in new.elements.items() if old.elements.get(id_) != element),
        *(DeleteChain(name) for name in old.chains if name not in new.chains),
        *(DeleteSet(name) for name in old.sets if name not in new.sets),
    )


def _rules(old: Table, new: Table) -> list[Operation]:
    before = {name: chain.rules for name, chain in old.chains.items()}
    return [
        SetRules(chain, name not in before) for name, chain in new.chains.items() if chain.rules != before.get(name, ())
    ]


def apply(transaction: Transaction, table: Table) -> Table:
    """The table after the transaction, with the kernel's rules of what must and what must not be there.

    Raises:
        ValueError: an operation does not fit the table; nothing has changed.
    """
    chains, sets, elements = dict(table.chains), dict(table.sets), dict(table.elements)
    for operation in transaction:
        match operation:
            case AddSet(set_):
                _add(sets, set_.name, set_)
            case AddChain(chain):
                _add(chains, chain.name, Chain(chain.name, (), chain.attachment))
            case SetRules(chain):
                _delete(chains, chain.name)
                chains[chain.name] = chain
            case DeleteElement(id_):
                _delete(elements, id_)
            case AddElement(id_, element):
                _add(elements, id_, element)
            case DeleteChain(name):
                _delete(chains, name)
            case DeleteSet(name):
                _delete(sets, name)
    return Table(chains, sets, elements)


def _add(there: dict[K, V], key: K, value: V) -> None:
    if key in there:
        raise ValueError(f"{key} exists")
    there[key] = value


def _delete(there: dict[K, V], key: K) -> None:
    if key not in there:
        raise ValueError(f"{key} does not exist")
    del there[key]
