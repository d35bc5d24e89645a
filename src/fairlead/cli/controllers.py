"""``fairlead controllers``."""

import asyncio
import contextlib
import signal
from pathlib import Path
from typing import Any

import click

from fairlead.allocation.load_balancer import AddressPool
from fairlead.app.controllers import CONTROLLERS, ControllersOptions, run
from fairlead.app.controllers.context import ControllerSettings, SigningAuthority
from fairlead.cli.flags.leader import candidacy, leader_flags
from fairlead.cli.flags.socket_address import socket_address
from fairlead.cli.logs import authorize_metrics_flag, verbose_flag
from fairlead.model.names import ObjectKey

_LONGEST_NAME = 253  # of an object
_FILE = click.Path(dir_okay=False, exists=True, path_type=Path)


@click.command()
@click.option("--kubeconfig", type=click.Path(path_type=Path), help="Kubeconfig file; by default that of kubectl.")
@click.option("--context", help="Context of the kubeconfig; by default its current one.")
@click.option(
    "--only", multiple=True, type=click.Choice(tuple(CONTROLLERS)), help="Run this controller; can be repeated."
)
@click.option("--load-balancer-pool", "pools", multiple=True, metavar="CIDR", help="Addresses for LoadBalancers.")
@click.option(
    "--dns-deployment",
    default="kube-system/fairlead-dns",
    show_default=True,
    metavar="NAMESPACE/NAME",
    help="Deployment that dns-autoscaler scales, as ConfigMap NAME-autoscaler says.",
)
@click.option(
    "--http-bind-address", "http", callback=socket_address, help="ADDRESS:PORT of /healthz, /readyz and /metrics."
)
@click.option(
    "--cluster-signing-cert-file", "signing_cert", type=_FILE, help="CA that signs certificates; needs its key."
)
@click.option(
    "--cluster-signing-key-file", "signing_key", type=_FILE, help="The CA's key; without both, nothing is signed."
)
@authorize_metrics_flag
@leader_flags
@verbose_flag
def controllers(
    kubeconfig: Path | None,
    context: str | None,
    only: tuple[str, ...],
    pools: tuple[str, ...],
    dns_deployment: str,
    http: tuple[str, int] | None,
    signing_cert: Path | None,
    signing_key: Path | None,
    authorize_metrics: bool,
    **of_leader: Any,
) -> None:
    """Run the controllers alone, against any cluster, until interrupted.

    Several can run for one cluster. Of those that run the same controllers, one is active and the others stand by.
    """
    namespace, _, name = dns_deployment.rpartition("/")
    pool = (AddressPool(pools),) if pools else ()
    if bool(signing_cert) != bool(signing_key):
        raise click.UsageError("--cluster-signing-cert-file and --cluster-signing-key-file go together")
    authority = SigningAuthority(signing_cert, signing_key) if signing_cert and signing_key else None
    deployment = ObjectKey(namespace or "kube-system", name)
    settings = ControllerSettings(load_balancer_pools=pool, authority=authority, dns_deployment=deployment)
    names = only or tuple(CONTROLLERS)
    lease = candidacy(of_leader, _lease_name(only))
    options = ControllersOptions(kubeconfig, context, names, settings, http, lease, authorize_metrics=authorize_metrics)
    with contextlib.suppress(asyncio.CancelledError):
        asyncio.run(_serve(options))


def _lease_name(only: tuple[str, ...]) -> str:
    return "-".join(("fairlead-controllers", *sorted(only)))[:_LONGEST_NAME].rstrip("-")


async def _serve(options: ControllersOptions) -> None:
    task = asyncio.ensure_future(run(options, _say_ready, _say_standing_by))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    await task


def _say_ready() -> None:
    click.echo("controllers: ready", err=True)


def _say_standing_by(leader: str) -> None:
    click.echo(f"controllers: standing by, {leader} works", err=True)
