"""The flags that set how a node forwards, with kube-proxy's names.

``fairlead proxy`` and ``fairlead rules`` share them.
"""

from collections.abc import Callable
from typing import Any

import click

from fairlead.cli.flags.kube_proxy import BackendChoice, Mode, meaningless_flags, switch
from fairlead.cli.flags.kube_proxy_config import config_flag
from fairlead.dataplane.node_view import PRIMARY, DetectLocal, NodeSettings
from fairlead.model.addresses import parse_ip


def _checked_address(ctx: click.Context, param: click.Parameter, value: str) -> str:
    if value and parse_ip(value) is None:
        raise click.BadParameter(f"{value!r} is not an address", ctx, param)
    return value


_FLAGS = (
    click.option(
        "--backend",
        "--proxy-mode",
        "backend",
        type=BackendChoice(),
        default="nft",
        show_default=True,
        help="nft or iptables.",
    ),
    click.option(
        "--bind-address",
        default="",
        callback=_checked_address,
        help="The node's primary address; by default that of the Node object.",
    ),
    click.option("--cluster-cidr", default="", help="The Pods' networks, separated by commas."),
    click.option(
        "--detect-local-mode",
        type=Mode(),
        default=DetectLocal.CLUSTER_CIDR.value,
        show_default=True,
        help="How traffic of local Pods is recognized.",
    ),
    click.option("--pod-bridge-interface", default="", help="With BridgeInterface: the bridge that Pods are on."),
    click.option(
        "--pod-interface-name-prefix", default="", help="With InterfaceNamePrefix: prefix of Pods' interfaces."
    ),
    click.option("--nodeport-addresses", default=PRIMARY, show_default=True, help="CIDRs, or primary."),
    click.option("--service-cidr", default="", help="CIDRs of virtual IPs; packets to unallocated ones are dropped."),
    switch("--masquerade-all", help="Masquerade all traffic to cluster IPs."),
    switch(
        "--iptables-localhost-nodeports",
        help="With iptables: let IPv4 node ports answer on loopback, if --nodeport-addresses contains it.",
    ),
    switch(
        "--reset-gone-connections",
        help="Reset TCP connections to endpoints that are gone; by default they close by themselves.",
    ),
    click.option(
        "--masquerade-bit",
        "--iptables-masquerade-bit",
        "masquerade_bit",
        type=click.IntRange(0, 31),
        default=14,
        show_default=True,
        help="Bit of the packet mark that requests masquerading.",
    ),
)


def node_flags(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the flags to a command, which gets them as keyword arguments for ``settings_of``."""
    for flag in (config_flag, meaningless_flags, *reversed(_FLAGS)):
        command = flag(command)
    return command


def settings_of(flags: dict[str, Any]) -> NodeSettings:
    """The settings that the flags give."""
    return NodeSettings(
        detect_local=DetectLocal(flags["detect_local_mode"]),
        cluster_cidrs=_list(flags["cluster_cidr"]),
        bridge_interface=flags["pod_bridge_interface"],
        interface_name_prefix=flags["pod_interface_name_prefix"],
        bind_address=flags["bind_address"],
        node_port_addresses=_list(flags["nodeport_addresses"]),
        service_cidrs=_list(flags["service_cidr"]),
        masquerade_bit=flags["masquerade_bit"],
        masquerade_all=flags["masquerade_all"],
        resets_connections=flags["reset_gone_connections"],
        localhost_node_ports=flags["iptables_localhost_nodeports"] and flags["backend"] == "iptables",
    )


def _list(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())
