"""The nodes of a running lab, and the operations on them."""

from collections.abc import Mapping

from fairlead.app.lab.commands import nodes
from fairlead.drivers.lab.running_labs import RunningLab


class NodeHandle:
    """A node of a lab, by its name."""

    def __init__(self, lab: RunningLab, name: str) -> None:
        self._lab, self.name = lab, name

    def remove(self) -> None:
        """Remove the node permanently; its Pods are removed from the API a while later. Raises LabError."""
        nodes.remove(self._lab, self.name)

    def stop(self, *, out_of_service: bool = False) -> None:
        """Switch it off as if its power were cut; raises LabError.

        Args:
            out_of_service: report it to the cluster (KEP-2268), so that its Pods can run elsewhere.
        """
        nodes.stop(self._lab, self.name, out_of_service=out_of_service)

    def start(self) -> None:
        """Switch it on, and return when it is Ready; raises LabError."""
        nodes.start(self._lab, self.name)

    def partition(self) -> None:
        """Pull its cable: the node keeps running without a network. Raises LabError."""
        nodes.partition(self._lab, self.name)

    def heal(self) -> None:
        """Plug its cable in again; raises LabError."""
        nodes.heal(self._lab, self.name)


def add_node(lab: RunningLab, name: str, labels: Mapping[str, str]) -> NodeHandle:
    """Add a node, and return when it is Ready; raises LabError."""
    return NodeHandle(lab, nodes.add(lab, name, labels))
