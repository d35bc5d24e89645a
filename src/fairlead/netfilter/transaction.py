"""The smallest transaction from one table to another, in an order that the kernel accepts.

An object is added before those that refer to it, and deleted after them: sets and chains first, then rules, then
    elements, and in reverse order to delete. Chains to delete are all emptied first, because they can refer to each
    other. A transaction is applied whole or not at all (nft(8), "atomic").

The kernel cannot change the declaration of an existing set (its type, on older kernels its time-out), nor the hook of a
chain. These are deleted and redeclared within the transaction, after the rules that refer to them.
"""

from collections.abc import Iterable
from typing import TypeVar

import msgspec

from fairlead.netfilter.ruleset import (
    Chain,
    Element,
    ElementId,
    Goto,
    GotoAtRandom,
    Jump,
    NamedSet,
    SetKind,
    Statement,
    Table,
    sets_of,
)

K = TypeVar("K")
V = TypeVar("V")


class AddSet(msgspec.Struct, frozen=True):
    """Declare a set or map; it must not exist."""

    set: NamedSet


class AddChain(msgspec.Struct, frozen=True):
    """Create a chain without rules; it must not exist."""

    chain: Chain


class SetRules(msgspec.Struct, frozen=True):
    """Replace the rules of a chain; ``is_new``: this transaction creates the chain, so no flush is needed."""

    chain: Chain
    is_new: bool = False


class DeleteElement(msgspec.Struct, frozen=True):
    """Delete an element; it must exist."""

    id: ElementId


class AddElement(msgspec.Struct, frozen=True):
    """Add an element; it must not exist."""

    id: ElementId
    element: Element


class DeleteChain(msgspec.Struct, frozen=True):
    """Delete a chain with its rules; nothing must refer to it."""

    name: str


class DeleteSet(msgspec.Struct, frozen=True):
    """Delete a set with its elements; nothing must refer to it."""

    set: NamedSet


Operation = AddSet | AddChain | SetRules | DeleteElement | AddElement | DeleteChain | DeleteSet
Transaction = tuple[Operation, ...]


def diff(old: Table, new: Table) -> Transaction:
    """The operations that lead from ``old`` to ``new``; none when they are equal."""
    middle = _without_redeclared(old, new)
    return _steps(old, new) if middle is old else (*_steps(old, middle), *_steps(middle, new))


def _without_redeclared(old: Table, new: Table) -> Table:
    """The old table without objects that the new one declares differently, and without references to them."""
    sets = {name for name, set_ in new.sets.items() if name in old.sets and old.sets[name] != set_}
    moved = {n for n, c in new.chains.items() if n in old.chains and old.chains[n].attachment != c.attachment}
    if not sets and not moved:
        return old
    chains = {
        name: Chain(name, (), chain.attachment) if _refers_to(chain, sets, moved) else chain
        for name, chain in old.chains.items()
        if name not in moved
    }
    plain = {name for name, set_ in old.sets.items() if set_.kind is SetKind.SET}
    elements = {
        id_: element
        for id_, element in old.elements.items()
        if id_[0] not in sets and (id_[0] in plain or not _may_lead_to(element, moved))
    }
    return Table(chains, {name: set_ for name, set_ in old.sets.items() if name not in sets}, elements)


def _refers_to(chain: Chain, sets: set[str], chains: set[str]) -> bool:
    """Also true for a chain with an empty rule, which stands for rules that were not understood."""
    return any(
        not rule.statements or not sets.isdisjoint(sets_of(rule)) or not chains.isdisjoint(_chains_of(rule.statements))
        for rule in chain.rules
    )


def _may_lead_to(element: Element, chains: set[str]) -> bool:
    """Also true for an element of a map without a value, which stands for one that was not understood."""
    return bool(chains) and (element.value is None or not chains.isdisjoint(_chains_of([element.value])))


def _steps(old: Table, new: Table) -> Transaction:
    """The operations from one table to another with the same declarations of common objects."""
    return (
        *(AddSet(set_) for name, set_ in new.sets.items() if name not in old.sets),
        *(AddChain(chain) for name, chain in new.chains.items() if name not in old.chains),
        *_rules(old, new),
        *(DeleteElement(id_) for id_, element in old.elements.items() if new.elements.get(id_) != element),
        *(AddElement(id_, element) for id_, element in new.elements.items() if old.elements.get(id_) != element),
        *(SetRules(Chain(name)) for name, chain in old.chains.items() if name not in new.chains and chain.rules),
        *(DeleteChain(name) for name in old.chains if name not in new.chains),
        *(DeleteSet(set_) for name, set_ in old.sets.items() if name not in new.sets),
    )


def _rules(old: Table, new: Table) -> list[Operation]:
    before = {name: chain.rules for name, chain in old.chains.items()}
    return [
        SetRules(chain, name not in before) for name, chain in new.chains.items() if chain.rules != before.get(name, ())
    ]


def apply(transaction: Transaction, table: Table) -> Table:
    """The table after the transaction, by the kernel's rules about what must and must not exist.

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
                if name in _led_to(chains.values(), elements.values()):
                    raise ValueError(f"{name} is in use")
            case DeleteSet(set_):
                _delete(sets, set_.name)
                elements = {id_: element for id_, element in elements.items() if id_[0] != set_.name}
                _check_unused(set_.name, chains.values())
    return Table(chains, sets, elements)


def _check_unused(set_: str, chains: Iterable[Chain]) -> None:
    if any(set_ in sets_of(rule) for chain in chains for rule in chain.rules):
        raise ValueError(f"{set_} is in use")


def _led_to(chains: Iterable[Chain], elements: Iterable[Element]) -> set[str]:
    """The chains that rules and elements refer to."""
    verdicts: list[Statement] = [statement for chain in chains for rule in chain.rules for statement in rule.statements]
    verdicts += [element.value for element in elements if isinstance(element.value, Jump | Goto)]
    return _chains_of(verdicts)


def _chains_of(statements: Iterable[object]) -> set[str]:
    """The chains that statements, or values of elements, refer to."""
    listed = tuple(statements)
    single = {verdict.chain for verdict in listed if isinstance(verdict, Jump | Goto)}
    return single.union(*(verdict.chains for verdict in listed if isinstance(verdict, GotoAtRandom)))


def _add(there: dict[K, V], key: K, value: V) -> None:
    if key in there:
        raise ValueError(f"{key} exists")
    there[key] = value


def _delete(there: dict[K, V], key: K) -> None:
    if key not in there:
        raise ValueError(f"{key} does not exist")
    del there[key]
