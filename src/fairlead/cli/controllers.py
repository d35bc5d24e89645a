"""``fairlead controllers``."""

import asyncio
import contextlib
import signal
from pathlib import Path

import click

from fairlead.allocation.load_balancer import Pool
from fairlead.app.controllers import CONTROLLERS, ControllersOptions, run
from fairlead.app.controllers.context import Settings
from fairlead.cli.logs import verbose_flag
from fairlead.cli.socket_address import socket_address


@click.command()
@click.option("--kubeconfig", type=click.Path(path_type=Path), help="Kubeconfig file; by default as kubectl finds it.")
@click.option("--context", help="Context of the kubeconfig; by default its current one.")
@click.option("--only", multiple=True, type=click.Choice(tuple(CONTROLLERS)), help="Run this one; may be repeated.")
@click.option("--load-balancer-pool", "pools", multiple=True, metavar="CIDR", help="Addresses for LoadBalancers.")
@click.option(
    "--http-bind-address", "http", callback=socket_address, help="ADDRESS:PORT of /healthz, /readyz and /metrics."
)
@verbose_flag
def controllers(
    kubeconfig: Path | None,
    context: str | None,
    only: tuple[str, ...],
    pools: tuple[str, ...],
    http: tuple[str, int] | None,
) -> None:
    """Run the controllers alone, against any cluster, until interrupted."""
    settings = Settings(load_balancer_pools=(Pool(pools),) if pools else ())
    options = ControllersOptions(kubeconfig, context, only or tuple(CONTROLLERS), settings, http)
    with contextlib.suppress(asyncio.CancelledError):
        asyncio.run(_serve(options))


async def _serve(options: ControllersOptions) -> None:
    task = asyncio.ensure_future(run(options, lambda: click.echo("controllers: ready", err=True)))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    await task
