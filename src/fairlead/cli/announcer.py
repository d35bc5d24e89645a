"""``fairlead announcer``: answers for load balancers' addresses on a node's link."""

import asyncio
import contextlib
import signal
import socket
import sys
from typing import TYPE_CHECKING

import click

from fairlead.cli.flags.socket_address import socket_address
from fairlead.cli.logs import verbose_flag

if TYPE_CHECKING:
    from fairlead.app.announcer import AnnouncerOptions

FAILURE = 3  # exit code of what went wrong, as opposed to usage (2)


@click.command()
@click.option("--kubeconfig", type=click.Path(), help="Kubeconfig file; by default the one that kubectl uses.")
@click.option("--node", help="The Node that this is; by default this host's name.")
@click.option("--interface", help="The nodes' link; by default the one with the Node's InternalIP.")
@click.option(
    "--load-balancer-pool", "pools", multiple=True, required=True, metavar="CIDR", help="Addresses to answer for."
)
@click.option(
    "--http-bind-address", "http", callback=socket_address, help="ADDRESS:PORT of /healthz, /readyz and /metrics."
)
@verbose_flag
def announcer(
    kubeconfig: str | None,
    node: str | None,
    interface: str | None,
    pools: tuple[str, ...],
    http: tuple[str, int] | None,
) -> None:
    """Answer ARP and neighbour discovery for the addresses of load balancers that fall to this node, until interrupted.

    Runs on every node, beside any proxy. Needs the capability CAP_NET_RAW.
    """
    from fairlead.app.announcer import AnnouncerOptions

    name = node or socket.gethostname().lower()
    try:
        with contextlib.suppress(asyncio.CancelledError):
            asyncio.run(_serve(AnnouncerOptions(name, pools, interface, kubeconfig, http)))
    except* OSError as errors:
        click.echo(f"fairlead: cannot listen to the link: {errors.exceptions[0]}", err=True)
        sys.exit(FAILURE)


async def _serve(options: "AnnouncerOptions") -> None:
    from fairlead.app.announcer import run

    task = asyncio.ensure_future(run(options, lambda: click.echo("announcer: ready", err=True)))
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    await task
