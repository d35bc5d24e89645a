"""The lab's network: a switch, nodes on it, Pods routed by their nodes; made with iproute2 in batches.

Addresses: the switch namespace has a bridge ``underlay`` with 192.168.64.1/24; node i is 192.168.64.(10+i) there and
owns the Pod CIDR 10.244.i.0/24. A Pod has a /32 address and reaches everything through 169.254.1.1, a permanent
neighbour that stands for the node's end of its veth pair; so every packet of a Pod passes its node's IP layer, where
the proxy's rules are. The world outside the cluster is one more host on the bridge, 203.0.113.10, that knows the way to
nodes and to addresses of load balancers, and none to Pods or virtual IPs.

``ip -batch`` rather than a netlink library: one process of two milliseconds for a whole namespace, text that can be
read and repeated by hand, and nothing to import in every process of the lab.
"""

import os
import socket
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from fairlead.drivers.linux_calls import CLONE_NEWNET, setns, unshare

SWITCH_ADDRESS = "192.168.64.1"
LOAD_BALANCER_POOL = "192.168.65.0/24"  # addresses of Services, on no interface: the nodes' rules answer for them
UNDERLAY_PREFIX = 24
UNDERLAY = "192.168.64.0/24"
OUTSIDE_ADDRESS = "203.0.113.10"
OUTSIDE = "203.0.113.0/24"  # a network for documentation (RFC 5737), so nobody's
POD_GATEWAY = "169.254.1.1"
MAX_NODES = 240  # 192.168.64.11 to .250

_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"


class LinkError(Exception):
    """``ip`` refused to do something; the message is its own."""


@dataclass(frozen=True)
class NodeNetwork:
    """Where a node is on the network.

    Attributes:
        index: counts from 1; what has no address of its own is numbered by it.
        addresses: on the underlay; the first is the node's own.
    """

    index: int
    name: str
    addresses: tuple[str, ...]
    pod_cidr: str

    @property
    def address(self) -> str:
        return self.addresses[0]

    @property
    def cable(self) -> str:
        """The bridge's end of the node's cable."""
        return f"node{self.index}"


def usual_address(index: int) -> str:
    """The address of the node with this number if it has none of its own."""
    return f"192.168.64.{10 + index}"


def usual_pod_cidr(index: int) -> str:
    """The Pod CIDR of the node with this number if it has none of its own."""
    return f"10.244.{index}.0/24"


@dataclass(frozen=True)
class PodLink:
    """The veth pair of a Pod.

    Attributes:
        name: the node's end, at most 15 characters.
        pod_ip: the Pod's address.
        node_ip: the source address of what the node itself sends to the Pod.
    """

    name: str
    pod_ip: str
    node_ip: str

    @property
    def node_mac(self) -> str:
        return _mac(0x02, self.pod_ip)

    @property
    def pod_mac(self) -> str:
        return _mac(0x06, self.pod_ip)


def _mac(first: int, ip: str) -> str:
    """A locally administered address that is a function of the Pod's."""
    return ":".join(f"{byte:02x}" for byte in (first, 0, *map(int, ip.split("."))))


def switch_commands(nodes: Iterable[NodeNetwork]) -> list[str]:
    """What makes the switch out of an empty namespace."""
    return [
        "link set lo up",
        "link add underlay type bridge forward_delay 0",
        f"addr add {SWITCH_ADDRESS}/{UNDERLAY_PREFIX} dev underlay",
        "link set underlay up",
        f"route add {OUTSIDE} dev underlay",
        *pod_routes(nodes),
    ]


def pod_routes(nodes: Iterable[NodeNetwork]) -> list[str]:
    """The ways to the Pods of these nodes, for whoever is on the underlay too."""
    return [f"route replace {node.pod_cidr} via {node.address}" for node in nodes]


def no_pod_routes(node: NodeNetwork) -> list[str]:
    """Takes away what ``pod_routes`` has made for a node."""
    return [f"route del {node.pod_cidr} via {node.address}"]


def cable_commands(name: str, address: str, namespace: int) -> list[str]:
    """Run in the switch: a cable from the bridge to the namespace behind this descriptor (which ``ip`` inherits), whose
    link-layer address there is always the same for the same IP address."""
    return [
        f"link add {name} type veth peer name eth0 address {_mac(0x02, address)} netns /proc/self/fd/{namespace}",
        f"link set {name} master underlay up",
    ]


def node_commands(node: NodeNetwork, others: Iterable[NodeNetwork]) -> list[str]:
    """Run in a node's namespace once the cable is there. The default route leads to the switch, which knows no way on:
    without one, a virtual IP would be unreachable before the node's rules had seen the packet."""
    return [
        "link set lo up",
        *(f"addr add {address}/{UNDERLAY_PREFIX} dev eth0" for address in node.addresses),
        "link set eth0 up",
        f"route add default via {SWITCH_ADDRESS}",
        f"route add {OUTSIDE} dev eth0",
        *pod_routes(other for other in others if other != node),
    ]


def outside_commands(load_balancer_cidrs: Iterable[str]) -> list[str]:
    """Run in the namespace of the world outside once its cable is there: all that it knows of are its neighbours."""
    return [
        "link set lo up",
        f"addr add {OUTSIDE_ADDRESS}/24 dev eth0",
        "link set eth0 up",
        f"route add {UNDERLAY} dev eth0",
        *(f"route replace {cidr} dev eth0" for cidr in load_balancer_cidrs),
    ]


def attach_commands(link: PodLink, namespace: int) -> list[str]:
    """Run in a node's namespace: the node's half of a Pod's connection, the other end put into the Pod's namespace."""
    peer = f"peer name eth0 address {link.pod_mac} netns /proc/self/fd/{namespace}"
    return [
        f"link add {link.name} address {link.node_mac} type veth {peer}",
        f"link set {link.name} up",
        f"neigh replace {link.pod_ip} lladdr {link.pod_mac} dev {link.name} nud permanent",
        f"route replace {link.pod_ip}/32 dev {link.name} src {link.node_ip}",
    ]


def pod_commands(link: PodLink) -> list[str]:
    """Run in a Pod's namespace once its end of the pair is there."""
    return [
        "link set lo up",
        f"addr add {link.pod_ip}/32 dev eth0",
        "link set eth0 up",
        f"neigh replace {POD_GATEWAY} lladdr {link.node_mac} dev eth0 nud permanent",
        f"route add {POD_GATEWAY} dev eth0 scope link",
        f"route add default via {POD_GATEWAY} dev eth0",
    ]


def run_ip(commands: Iterable[str], inherited: Iterable[int] = ()) -> None:
    """Run the commands in the caller's network namespace, up to the first that fails; ``inherited`` descriptors may be
    named in them.

    Raises:
        LinkError: one was refused. FileNotFoundError: there is no ``ip``.
    """
    batch = "".join(f"{command}\n" for command in commands)
    done = subprocess.run(
        ["ip", "-batch", "-"],
        input=batch,
        text=True,
        capture_output=True,
        check=False,
        env={"PATH": _PATH},
        pass_fds=tuple(inherited),
    )
    if done.returncode != 0:
        raise LinkError(done.stderr.strip())


def connect_pod(link: PodLink) -> None:
    """Move the caller from its node's network namespace into a new one of its own, connected to the node.

    Raises:
        LinkError: there is something with that name or address already.
    """
    namespace = new_namespace()
    run_ip(attach_commands(link, namespace), inherited=[namespace])
    enter(namespace)
    os.close(namespace)
    run_ip(pod_commands(link))


def detach(link_name: str) -> None:
    """Take a Pod's link away, with its routes; nothing when it has gone already."""
    try:
        run_ip([f"link del {link_name}"])
    except LinkError:
        if link_name in link_names():
            raise


def link_names() -> list[str]:
    """Names of the links in the caller's network namespace."""
    with open("/proc/self/net/dev") as file:
        return [line.partition(":")[0].strip() for line in file.readlines()[2:]]


def new_namespace() -> int:
    """A file descriptor that keeps a new network namespace alive; the caller stays where it is."""
    here = current_namespace()
    try:
        unshare(CLONE_NEWNET)
        made = current_namespace()
        setns(here, CLONE_NEWNET)
    finally:
        os.close(here)
    return made


def current_namespace() -> int:
    return os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


def enter(namespace: int) -> None:
    """Move the calling process into a network namespace."""
    setns(namespace, CLONE_NEWNET)


def socket_in(process: int) -> socket.socket:
    """A TCP socket that belongs to the network namespace of a process (its pidfd); the caller stays where it is."""
    here = current_namespace()
    try:
        setns(process, CLONE_NEWNET)
        try:
            return socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        finally:
            setns(here, CLONE_NEWNET)
    finally:
        os.close(here)


def enable_forwarding() -> None:
    """Let the caller's network namespace pass packets on."""
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
