"""The changes to a lab's nodes, kept in its data folder from one run to the next: the nodes that were added to those
in the options, and the nodes of the options that were removed.
"""

from collections.abc import Iterable
from dataclasses import replace
from itertools import product
from pathlib import Path

import msgspec

from fairlead.app.lab.fork import LabError
from fairlead.app.lab.settings import LabNode, collide, numbered_node
from fairlead.labnet.addresses import Families
from fairlead.model.socket_address import SocketAddress


class Added(msgspec.Struct, frozen=True):
    """A node that was added or invited; its place on the network follows from its number.

    Attributes:
        peer: see ``LabNode``.
    """

    index: int
    name: str
    labels: dict[str, str] = {}
    peer: SocketAddress | None = None

    def node(self, families: Families) -> LabNode:
        return replace(numbered_node(self.index, families, self.name, self.labels), peer=self.peer)


class NodeMemory(msgspec.Struct, frozen=True):
    """The difference between a lab's nodes and those that its options name.

    Attributes:
        removed: names.
    """

    added: tuple[Added, ...] = ()
    removed: tuple[str, ...] = ()

    def with_node(self, node: LabNode) -> "NodeMemory":
        """After a node was added."""
        removed = tuple(name for name in self.removed if name != node.name)
        return NodeMemory((*self.added, Added(node.index, node.name, dict(node.labels), node.peer)), removed)

    def without_node(self, name: str) -> "NodeMemory":
        """After a node was removed."""
        added = tuple(node for node in self.added if node.name != name)
        return NodeMemory(added, self.removed if added != self.added else (*self.removed, name))

    def nodes(self, named: Iterable[LabNode], families: Families) -> tuple[LabNode, ...]:
        """The nodes of the lab, from those in its options and the lab's IP families.

        Raises:
            LabError: two of them want the same place on the network.
        """
        added = {each.name: each.node(families) for each in self.added}
        others = [node for node in named if node.name not in {*added, *self.removed}]
        for node, guest in product(others, added.values()):
            if collide(node, guest):
                raise LabError(
                    f'node "{node.name}" wants the place of node "{guest.name}", which was added to this lab: '
                    f"start fewer nodes, or take {guest.name} out of nodes.json in the data folder"
                )
        return (*others, *added.values())


def recall(path: Path) -> NodeMemory:
    """The content of the file; empty if it is missing.

    Raises:
        LabError: it cannot be read.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=NodeMemory)
    except FileNotFoundError:
        return NodeMemory()
    except (OSError, msgspec.MsgspecError) as error:
        raise LabError(f"cannot read {path}, which says what nodes this lab has: {error}") from error


def remember(path: Path, memory: NodeMemory) -> None:
    """Write the whole file or nothing of it."""
    draft = path.with_suffix(".new")
    draft.write_bytes(msgspec.json.encode(memory))
    draft.rename(path)
