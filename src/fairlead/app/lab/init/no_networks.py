"""The replacement of ``Networks`` in a lab without namespaces: every node is on this machine's loopback."""

from collections.abc import Iterable

from fairlead.app.lab.plan import OUTSIDE, SWITCH, LabPlan
from fairlead.labnet.links import NodeNetwork


class NoNetworks:
    """The running nodes."""

    def __init__(self, plan: LabPlan) -> None:
        self._present = {node.name for node in plan.nodes} | {SWITCH, OUTSIDE}

    def __getitem__(self, name: str) -> None:
        """The namespace of a node, of which there is none."""
        if name not in self._present:
            raise KeyError(name)

    def connect(self, node: NodeNetwork, others: Iterable[NodeNetwork]) -> None:
        """A node begins."""
        self._present.add(node.name)

    def add_routes(self, node: NodeNetwork, others: Iterable[NodeNetwork]) -> None:
        """No routes are needed."""

    def disconnect(self, node: NodeNetwork) -> None:
        """A node has ended."""
        self._present.discard(node.name)

    def forget(self, node: NodeNetwork, others: Iterable[NodeNetwork]) -> None:
        """There are no routes."""

    def set_cable(self, node: NodeNetwork, *, is_up: bool) -> None:
        """There are no cables."""

    def has(self, node: NodeNetwork) -> bool:
        return node.name in self._present

    def close(self) -> None:
        """Nothing needs to be closed."""
