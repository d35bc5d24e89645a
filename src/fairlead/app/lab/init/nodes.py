"""The nodes of a running lab: added, invited, removed, switched off and on, cut off and joined again.

A node that is switched off keeps only its name and its place: it has no process, no namespace and no cable. A node that
is cut off keeps running without a network. An invited node has a place here, and runs on another host. A file records
the added and removed nodes (``app.lab.node_memory``).
"""

import shutil
import socket
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from fairlead.app.lab.credentials import write_node_credentials
from fairlead.app.lab.fork import in_child
from fairlead.app.lab.init.components import node_components
from fairlead.app.lab.init.networks import Networks
from fairlead.app.lab.init.no_networks import NoNetworks
from fairlead.app.lab.init.wire_peers import LabWire
from fairlead.app.lab.invitation import encode_invitation, invitation_for
from fairlead.app.lab.loopback import at_place
from fairlead.app.lab.node_memory import NodeMemory, recall, remember
from fairlead.app.lab.plan import LabPlan, agent_of, proxy_of
from fairlead.app.lab.settings import JOINED_LABEL, LabNode, collide, numbered_node
from fairlead.drivers.identity.pki import write_private
from fairlead.drivers.lab.control_socket import RequestRefused
from fairlead.drivers.lab.supervisor import Supervisor
from fairlead.drivers.pods.left_behind import kill_pods
from fairlead.labnet import loopback
from fairlead.labnet.addresses import MAX_NODES
from fairlead.model.socket_address import SocketAddress


class Nodes:
    """All nodes of the lab, running or not, by name.

    Attributes:
        changes: the operations on a node, by the name of the command. Each raises ``RequestRefused``.
    """

    def __init__(
        self,
        plan: LabPlan,
        networks: Networks | NoNetworks,
        supervisor: Supervisor,
        wire: LabWire | None,
        nursery: socket.socket,
    ) -> None:
        self.networks, self._nursery = networks, nursery
        self.plan = self._plan = plan
        self._supervisor, self._wire = supervisor, wire
        self._nodes = {node.name: node for node in (*plan.nodes, *plan.invited)}
        self._memory = recall(plan.memory_of_nodes)
        self.changes: dict[str, Callable[[str], None]] = {
            "remove": self._remove,
            "stop": self._stop,
            "start": self._start,
            "partition": self._partition,
            "heal": self._heal,
        }

    def network(self, name: str) -> int | None:
        """The descriptor of a running node's network namespace; None where there are none."""
        return self.networks[self._running(name).name]

    def address(self, name: str) -> str:
        """The network of a running node."""
        return self._running(name).address

    def records(self) -> Iterator[Path]:
        """The folders with the Pod indexes of running nodes."""
        return (self._plan.records(node) for node in self._nodes.values())

    def add(self, name: str, labels: Mapping[str, str]) -> LabNode:
        """A new node that runs, called ``node-<number>`` when the name is empty.

        Raises:
            Refused: the name is taken, or there is no place left. LabError: it could not be given certificates.
        """
        node = self._place(name, labels)
        in_child(lambda: write_node_credentials(self._plan, node))
        self._nodes[node.name] = node
        self._connect(node)
        self._remember(self._memory.with_node(node))
        return node

    def invite(self, name: str, labels: Mapping[str, str], peer: SocketAddress) -> str:
        """An invitation to a new node on another host; see ``app.lab.invitation``.

        Args:
            peer: where the wire is to reach that host.

        Raises:
            Refused: as ``add``, or there is no wire, or it leads there already. LabError: as ``add``.
        """
        if self._wire is None:
            raise RequestRefused("this lab has no wire to other hosts: start it with `fairlead up --wire ADDRESS`")
        if other := next((node for node in self._nodes.values() if node.peer == peer), None):
            raise RequestRefused(
                f'node "{other.name}" is already invited from {peer}; another node there needs another port'
            )
        node = replace(self._place(name, {JOINED_LABEL: "true", **labels}), peer=peer)
        text = self._write_invitation(node)
        self._nodes[node.name] = node
        self.networks.add_routes(node, self._nodes.values())
        self._remember(self._memory.with_node(node))
        self._wire.set_peers(self._nodes.values())
        return text

    def _write_invitation(self, node: LabNode) -> str:
        path = self._plan.run_folder / "invitation"
        try:
            in_child(lambda: write_private(path, encode_invitation(invitation_for(self._plan, node))))
            return path.read_text()
        finally:
            path.unlink(missing_ok=True)

    def _place(self, name: str, labels: Mapping[str, str]) -> LabNode:
        """A new node at a free place, with that name, or with a free one if the name is empty."""
        node = next(self._candidates(name, labels), None)
        if node is None:
            raise RequestRefused(f"a lab has room for {self._room} nodes")
        if node.name in self._nodes:
            raise RequestRefused(f'node "{node.name}" already exists')
        return node

    @property
    def _room(self) -> int:
        return MAX_NODES if self._plan.loopback is None else loopback.MAX_NODES

    def _candidates(self, name: str, labels: Mapping[str, str]) -> Iterator[LabNode]:
        """New nodes at free places on the network."""
        for index in range(1, self._room + 1):
            node = numbered_node(index, self._plan.settings.ip_families, name, labels)
            if self._plan.loopback is not None:
                node = at_place(node, self._plan.networks[0])
            if not any(collide(node, other) for other in self._nodes.values()):
                yield node

    def _remove(self, name: str) -> None:
        node = self._node(name)
        self._disconnect(node)
        del self._nodes[name]
        self.networks.forget(node, self._nodes.values())
        self._remember(self._memory.without_node(name))
        if self._wire and node.peer:
            self._wire.set_peers(self._nodes.values())

    def _stop(self, name: str) -> None:
        self._disconnect(self._running(name))

    def _start(self, name: str) -> None:
        node = self._node(name)
        _require_here(node)
        if self.networks.has(node):
            raise RequestRefused(f'node "{name}" is already running')
        self._connect(node)

    def _partition(self, name: str) -> None:
        self._require_cables()
        self.networks.set_cable(self._running(name), is_up=False)

    def _heal(self, name: str) -> None:
        self._require_cables()
        self.networks.set_cable(self._running(name), is_up=True)

    def _require_cables(self) -> None:
        if self._plan.loopback is not None:
            raise RequestRefused("a lab without namespaces has no cables to pull: stop the node instead")

    def _connect(self, node: LabNode) -> None:
        self.networks.connect(node, self._nodes.values())
        for component in node_components(self._plan, node, self.networks, self._nursery):
            self._supervisor.add(component)

    def _disconnect(self, node: LabNode) -> None:
        """The cable first, since a power cut closes no connection; and the agent before its Pods, or it would make new
        ones in place of those that end."""
        if self.networks.has(node):
            self.networks.set_cable(node, is_up=False)
        for component in (agent_of(node), proxy_of(node)):
            self._supervisor.kill(component)
        kill_pods(self._plan.records(node))
        self.networks.disconnect(node)
        shutil.rmtree(self._plan.records(node), ignore_errors=True)

    def _remember(self, memory: NodeMemory) -> None:
        remember(self._plan.memory_of_nodes, memory)
        self._memory = memory

    def _node(self, name: str) -> LabNode:
        if name not in self._nodes:
            raise RequestRefused(f'there is no node "{name}" in this lab; it has {", ".join(self._nodes)}')
        return self._nodes[name]

    def _running(self, name: str) -> LabNode:
        node = self._node(name)
        _require_here(node)
        if not self.networks.has(node):
            raise RequestRefused(f'node "{name}" is stopped; start it with `fairlead node start {name}`')
        return node


def _require_here(node: LabNode) -> None:
    if node.peer:
        raise RequestRefused(f'node "{node.name}" is on another host, {node.peer.ip}: do this there')
