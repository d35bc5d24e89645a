"""Removes chains of any program from iptables' tables, as ``iptables-save`` lists them.

Rules that jump to a chain are deleted before it. They are deleted by their text or, where iptables cannot read its own
listing (rules of another version), by their numbers.
"""

from collections.abc import Collection, Iterator

from fairlead.netfilter.iptables_text import ChainId, Saved, target_of


def removal(saved: Saved, chains: Collection[ChainId], *, by_number: bool = False) -> str:
    """The input of an ``iptables-restore --noflush`` that removes these chains, with all rules that jump to them."""
    return "".join(_section(saved, table, chains, by_number) for table in sorted({table for table, _ in chains}))


def _section(saved: Saved, table: str, chains: Collection[ChainId], by_number: bool) -> str:
    names = sorted(name for t, name in chains if t == table)
    lines = [f"*{table}", *(f":{name} - [0:0]" for name in names)]  # which empties them
    lines += _unlinking(saved, table, frozenset(names), by_number)
    return "\n".join([*lines, *(f"-X {name}" for name in names), "COMMIT", ""])


def _unlinking(saved: Saved, table: str, names: frozenset[str], by_number: bool) -> Iterator[str]:
    for (of_table, chain), rules in saved.rules.items():
        if of_table == table and chain not in names:
            leading = [(number, rule) for number, rule in enumerate(rules, 1) if target_of(rule) in names]
            for number, rule in reversed(leading):  # from the last, so that the other numbers stay valid
                yield f"-D {chain} {number if by_number else rule}"


def count_links(saved: Saved, chains: Collection[ChainId]) -> int:
    """How many rules of other chains jump to these."""
    tables = {table for table, _ in chains}
    names = {table: frozenset(name for t, name in chains if t == table) for table in tables}
    return sum(len(list(_unlinking(saved, table, names[table], by_number=True))) for table in tables)
