"""``fairlead proxy``: the node proxy alone, on any kubeconfig. Flags are named as kube-proxy's."""

import asyncio
import logging
import signal
import socket
from typing import TYPE_CHECKING

import click

from fairlead.dataplane.node_view import PRIMARY, DetectLocal, NodeSettings

if TYPE_CHECKING:
    from fairlead.app.proxy import ProxyOptions


@click.command()
@click.option("--kubeconfig", type=click.Path(), help="Kubeconfig file; by default the one that kubectl uses.")
@click.option("--node", "--hostname-override", "node", help="The Node that this is; by default this host's name.")
@click.option("--cluster-cidr", default="", help="The Pods' networks, separated by commas.")
@click.option("--detect-local-mode", type=click.Choice([*DetectLocal]), default=DetectLocal.CLUSTER_CIDR)
@click.option("--pod-bridge-interface", default="", help="With BridgeInterface: the bridge that Pods are on.")
@click.option("--pod-interface-name-prefix", default="", help="With InterfaceNamePrefix: how Pods' interfaces begin.")
@click.option("--nodeport-addresses", default=PRIMARY, show_default=True, help="CIDRs, or primary.")
@click.option("--service-cidr", default="", help="Where virtual IPs come from: unallocated ones are then dropped.")
@click.option("--masquerade-all", is_flag=True, help="Masquerade all traffic to cluster IPs.")
@click.option("--masquerade-bit", type=click.IntRange(0, 31), default=14, show_default=True)
@click.option("-v", "--verbose", is_flag=True, help="Log what happens.")
def proxy(kubeconfig: str | None, node: str | None, verbose: bool, **flags: str) -> None:
    """Run the node proxy alone, against any cluster, until interrupted."""
    from fairlead.app.proxy import ProxyOptions

    logging.basicConfig(level=logging.INFO if verbose else logging.WARNING)
    options = ProxyOptions(node or socket.gethostname().lower(), kubeconfig, settings_of(**flags))
    asyncio.run(_serve(options))


def settings_of(**flags: str) -> NodeSettings:
    """The node settings that the flags of kube-proxy's names spell."""
    return NodeSettings(
        detect_local=DetectLocal(flags["detect_local_mode"]),
        cluster_cidrs=_list(flags["cluster_cidr"]),
        bridge_interface=flags["pod_bridge_interface"],
        interface_name_prefix=flags["pod_interface_name_prefix"],
        node_port_addresses=_list(flags["nodeport_addresses"]),
        service_cidrs=_list(flags["service_cidr"]),
        masquerade_bit=int(flags["masquerade_bit"]),
        masquerade_all=bool(flags["masquerade_all"]),
    )


def _list(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


async def _serve(options: "ProxyOptions") -> None:
    from fairlead.app.proxy import run

    task = asyncio.ensure_future(run(options, lambda: click.echo("rules are in the kernel", err=True)))
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    await asyncio.wait([task])
    if not task.cancelled():
        task.result()
