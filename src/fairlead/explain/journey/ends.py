"""Both ends of a packet's path, as a user names them."""

from typing import NamedTuple

from fairlead.dataplane.announcing import announced_addresses
from fairlead.explain.announcing import announcement_of
from fairlead.explain.cluster import Cluster
from fairlead.explain.subjects import SubjectError
from fairlead.model.addresses import IPFamily, family_of, parse_ip
from fairlead.model.names import ObjectKey
from fairlead.model.objects import Pod
from fairlead.model.phrases import Phrase

OUTSIDE = {IPFamily.IPV4: "203.0.113.1", IPFamily.IPV6: "2001:db8::1"}  # RFC 5737, RFC 3849: documentation addresses


class Sender(NamedTuple):
    """The sender: a Pod, a node itself, or a client outside, whose packet arrives at a node.

    Attributes:
        node: the first node whose rules the packet meets.
        pod: None for a node and for a client outside.
        is_outside: whether it comes to the node from outside the cluster.
        address: of a client outside, if it is given.
        is_chosen: whether the user gave the node, so that routes do not decide.
    """

    node: str
    pod: Pod | None = None
    is_outside: bool = False
    address: str = ""
    is_chosen: bool = False

    @property
    def text(self) -> str:
        if self.pod is not None:
            return Phrase("Pod {pod}", pod=self.pod.key)
        return Phrase("outside, by {node}" if self.is_outside else "node {node}", node=self.node)

    def source(self, cluster: Cluster, family: IPFamily) -> str | None:
        """The source address; None if it has none of the family."""
        if self.pod is not None:
            return next((ip for ip in self.pod.ips if family_of(ip) is family), None)
        if self.is_outside:
            return self.address or OUTSIDE[family]
        node = cluster.snapshot.nodes.get(self.node)
        return next((ip for ip in (node.internal_ips if node else ()) if family_of(ip) is family), None)


class Goal(NamedTuple):
    """The destination: a name or an address, and a port."""

    host: str
    port: int | None
    protocol: str = "tcp"

    @property
    def is_address(self) -> bool:
        return parse_ip(self.host) is not None

    @property
    def text(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}" if self.port else host


def parse_goal(text: str, protocol: str) -> Goal:
    """``NAME``, ``NAME:PORT``, ``IP:PORT`` or ``[IPv6]:PORT``.

    Raises:
        SubjectError: it is none of these.
    """
    if parse_ip(text):
        return Goal(text, None, protocol)
    host, colon, port = text.rpartition(":")
    if not colon:
        return Goal(text, None, protocol)
    if not port.isdigit() or not 0 < int(port) < 65536:
        raise SubjectError(Phrase("{text!r}: {port!r} is not a port", text=text, port=port))
    return Goal(host.strip("[]"), int(port), protocol)


def parse_start(cluster: Cluster, text: str, namespace: str, via: str | None) -> Sender:
    """``pod/NAME``, ``pod/NAMESPACE/NAME``, ``node/NAME``, ``host`` (the first node) or ``outside[/ADDRESS]``.

    Args:
        via: the node at which a client's packet from outside arrives; the first one by default.

    Raises:
        SubjectError: it is none of these, or there is no such Pod or Node.
    """
    kind, _, rest = text.partition("/")
    first = via or min(cluster.snapshot.nodes, default="a node")
    if kind == "outside":
        if rest and parse_ip(rest) is None:
            raise SubjectError(Phrase("{text!r} is not an address", text=rest))
        return Sender(first, is_outside=True, address=rest, is_chosen=via is not None)
    if kind in ("host", "node"):
        name = rest or first
        if cluster.snapshot.nodes and name not in cluster.snapshot.nodes:
            raise SubjectError(Phrase("there is no Node {node}", node=name))
        return Sender(name)
    if kind == "pod" and rest:
        space, slash, name = rest.partition("/")
        return _pod(cluster, ObjectKey(space, name) if slash else ObjectKey(namespace, rest))
    raise SubjectError(Phrase("{text!r}: give pod/NAME, node/NAME, host or outside", text=text))


def arriving(cluster: Cluster, start: Sender, goal: Goal) -> Sender:
    """A packet from outside arrives at the node that has the address, or at one that attracts it, unless a node is
    given."""
    if not start.is_outside or start.is_chosen:
        return start
    nodes = [node.name for node in cluster.snapshot.nodes.values() if goal.host in node.internal_ips]
    for service in cluster.snapshot.services.values():
        found = announcement_of(cluster, service) if goal.host in announced_addresses(service) else None
        nodes += [name for name in (found.nodes if found else ()) if name in cluster.snapshot.nodes]
    return start._replace(node=nodes[0]) if nodes else start


def _pod(cluster: Cluster, key: ObjectKey) -> Sender:
    pod = cluster.snapshot.pods.get(key)
    if pod is None:
        raise SubjectError(Phrase("there is no Pod {pod}", pod=key))
    if not pod.ips:
        raise SubjectError(Phrase("Pod {pod} has no address yet", pod=key))
    return Sender(pod.spec.node_name or "a node", pod)
