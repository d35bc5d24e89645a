"""The flags that say how a node forwards, named as kube-proxy's.

``fairlead proxy`` and ``fairlead rules`` share them.
"""

from collections.abc import Callable
from typing import Any

import click

from fairlead.dataplane.node_view import PRIMARY, DetectLocal, NodeSettings

_FLAGS = (
    click.option("--cluster-cidr", default="", help="The Pods' networks, separated by commas."),
    click.option(
        "--detect-local-mode",
        type=click.Choice([*DetectLocal]),
        default=DetectLocal.CLUSTER_CIDR,
        show_default=True,
        help="How traffic of Pods is told from other traffic.",
    ),
    click.option("--pod-bridge-interface", default="", help="With BridgeInterface: the bridge that Pods are on."),
    click.option("--pod-interface-name-prefix", default="", help="With InterfaceNamePrefix: how interfaces begin."),
    click.option("--nodeport-addresses", default=PRIMARY, show_default=True, help="CIDRs, or primary."),
    click.option("--service-cidr", default="", help="Where virtual IPs come from; the unallocated ones are dropped."),
    click.option("--masquerade-all", is_flag=True, help="Masquerade all traffic to cluster IPs."),
    click.option(
        "--iptables-localhost-nodeports",
        is_flag=True,
        help="With iptables: let IPv4 node ports answer on loopback, if --nodeport-addresses has it.",
    ),
    click.option(
        "--reset-gone-connections",
        is_flag=True,
        help="Reset TCP connections to endpoints that are gone, rather than let them close by themselves.",
    ),
    click.option("--masquerade-bit", "--iptables-masquerade-bit", type=click.IntRange(0, 31), default=14),
)


def node_flags(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the flags to a command, which gets them as keyword arguments for ``settings_of``."""
    for flag in reversed(_FLAGS):
        command = flag(command)
    return command


def settings_of(flags: dict[str, Any]) -> NodeSettings:
    """The settings that the flags spell."""
    return NodeSettings(
        detect_local=DetectLocal(flags["detect_local_mode"]),
        cluster_cidrs=_list(flags["cluster_cidr"]),
        bridge_interface=flags["pod_bridge_interface"],
        interface_name_prefix=flags["pod_interface_name_prefix"],
        node_port_addresses=_list(flags["nodeport_addresses"]),
        service_cidrs=_list(flags["service_cidr"]),
        masquerade_bit=flags["masquerade_bit"],
        masquerade_all=flags["masquerade_all"],
        resets_connections=flags["reset_gone_connections"],
        localhost_node_ports=flags["iptables_localhost_nodeports"] and flags["backend"] == "iptables",
    )


def _list(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())
