"""Sets of fields joined and reduced in their wire form: only what both sets have in common is walked.

A node without children is a member of its set, and so is one that has ``.`` among them. The first set may be a
client's, so that anything can stand in it; what is not an object counts as a node without children.
"""

from typing import Any

from fairlead.model.document import Doc


def union(one: Any, other: Doc) -> Doc:
    """The members of both sets, neither of which is empty."""
    if not isinstance(one, dict) or not one:
        return {".": {}, **other} if other else {}
    if not other:
        return {".": {}, **one}
    joined = {**one, **{key: union(one[key], node) if key in one else node for key, node in other.items()}}
    return joined if len(joined) == len(one) else dict(sorted(joined.items()))


def difference(one: Any, other: Doc) -> Doc | None:
    """The members of a set that are not in the other one; None when there are none."""
    nodes = one if isinstance(one, dict) else {}
    kept = {}
    for key, node in nodes.items():
        left = difference(node, other[key]) if key in other else node
        if left is not None and key != ".":
            kept[key] = left
    if _is_member(nodes) and not _is_member(other):
        return {".": {}, **kept} if kept else {}
    return kept or None


def _is_member(node: Doc) -> bool:
    return not node or "." in node
