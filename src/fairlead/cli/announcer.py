"""``fairlead announcer``: announces load balancers' addresses on a node's link or by BGP."""

import asyncio
import contextlib
import signal
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fairlead.cli.flags.socket_address import socket_address
from fairlead.cli.logs import authorize_metrics_flag, verbose_flag

if TYPE_CHECKING:
    from fairlead.app.announcer.options import AnnouncerOptions

FAILURE = 3  # exit code of what went wrong, as opposed to usage (2)


@click.command()
@click.option("--kubeconfig", type=click.Path(), help="Kubeconfig file; by default the one that kubectl uses.")
@click.option(
    "--config", type=click.Path(path_type=Path), help="YAML file with loadBalancerPools, interface, layer2 and bgp."
)
@click.option("--node", help="Name of this Node; by default this host's name.")
@click.option("--interface", help="The nodes' link; by default the one with the Node's InternalIP.")
@click.option("--load-balancer-pool", "pools", multiple=True, metavar="CIDR", help="Addresses to announce.")
@click.option(
    "--http-bind-address", "http", callback=socket_address, help="ADDRESS:PORT of /healthz, /readyz and /metrics."
)
@authorize_metrics_flag
@verbose_flag
def announcer(
    kubeconfig: str | None,
    config: Path | None,
    node: str | None,
    interface: str | None,
    pools: tuple[str, ...],
    http: tuple[str, int] | None,
    authorize_metrics: bool,
) -> None:
    """Announce the addresses of load balancers that this node may serve, until interrupted.

    Answers ARP and neighbour discovery for the addresses that fall to this node. This needs the capability CAP_NET_RAW.
    If the configuration file names routers, it announces all addresses that the node serves to them by BGP instead.
    Runs on every node, next to any proxy.
    """
    from fairlead.app.announcer.options import AnnouncerOptions, check_options, read_options

    name = node or socket.gethostname().lower()
    options = AnnouncerOptions(name, pools, interface, kubeconfig, http, authorize_metrics=authorize_metrics)
    try:
        options = read_options(options, config) if config else options
        check_options(options)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    try:
        with contextlib.suppress(asyncio.CancelledError):
            asyncio.run(_serve(options))
    except* OSError as errors:
        click.echo(f"fairlead: cannot listen to the link: {errors.exceptions[0]}", err=True)
        sys.exit(FAILURE)


async def _serve(options: "AnnouncerOptions") -> None:
    from fairlead.app.announcer.process import run

    task = asyncio.ensure_future(run(options, lambda: click.echo("announcer: ready", err=True)))
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    await task
