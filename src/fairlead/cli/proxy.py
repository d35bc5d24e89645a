"""``fairlead proxy``: the node proxy alone, on any kubeconfig."""

import asyncio
import signal
import socket
import sys
from typing import TYPE_CHECKING, Any

import click

from fairlead.cli.flags.conntrack import conntrack_flags, conntrack_of
from fairlead.cli.flags.kube_proxy import Duration, switch, verbosity
from fairlead.cli.flags.proxy import node_flags, settings_of
from fairlead.cli.logs import authorize_metrics_flag, set_up_logs
from fairlead.model.addresses import parse_ip

if TYPE_CHECKING:
    from fairlead.app.proxy.leftovers import CleanUp
    from fairlead.app.proxy.options import ProxyOptions


@click.command()
@click.option("--kubeconfig", type=click.Path(), help="Kubeconfig file; by default the one that kubectl uses.")
@click.option("--node", "--hostname-override", "node", help="Name of this Node; by default this host's name.")
@switch("--cleanup", help="Remove all rules of node proxies from the kernel, kube-proxy's too, and exit.")
@switch(
    "--keep-kube-proxy",
    help="With --cleanup: keep rules that may be kube-proxy's (chains KUBE-..., tables kube-proxy).",
)
@switch("--init-only", help="Set what needs privileges (the --conntrack settings), and exit.")
@click.option(
    "--min-sync-period",
    "--iptables-min-sync-period",
    "--nftables-min-sync-period",
    "min_sync_period",
    type=Duration(),
    default="0",
    help="Minimum time between rule updates, such as 1s.",
)
@click.option("--healthz-bind-address", default="0.0.0.0:10256", show_default=True, help='For /healthz; "" for none.')
@click.option("--metrics-bind-address", default="127.0.0.1:10249", show_default=True, help='For /metrics; "" for none.')
@switch("--network-policy", help="Also enforce NetworkPolicies for the Pods of this node.")
@authorize_metrics_flag
@verbosity
@conntrack_flags
@node_flags
def proxy(kubeconfig: str | None, node: str | None, verbose: bool, **flags: Any) -> None:
    """Run the node proxy alone, against any cluster, until interrupted. The rules stay when it ends."""
    from fairlead.app.proxy.leftovers import clean_up
    from fairlead.app.proxy.options import ProxyOptions
    from fairlead.app.proxy.process import set_up_kernel

    set_up_logs(verbose)
    if flags["cleanup"]:
        _say(asyncio.run(clean_up(keeps_kube_proxy=flags["keep_kube_proxy"])))
        return
    options = ProxyOptions(
        node_name=node or socket.gethostname().lower(),
        kubeconfig=kubeconfig,
        settings=settings_of(flags),
        backend=flags["backend"],
        healthz=_address(flags["healthz_bind_address"], 10256),
        metrics=_address(flags["metrics_bind_address"], 10249),
        authorize_metrics=flags["authorize_metrics"],
        conntrack=conntrack_of(flags),
        min_sync_period=flags["min_sync_period"],
        network_policies=flags["network_policy"],
    )
    if flags["init_only"]:
        set_up_kernel(options)
        return
    asyncio.run(_serve(options))


def _say(done: "CleanUp") -> None:
    """Print what was removed and what could not be removed; in the latter case, exit with status 1."""
    nothing = () if done.failed else ("there are no rules of a node proxy",)
    for line in done.removed or nothing:
        click.echo(line)
    for line in dict.fromkeys(done.failed):
        click.echo(f"error: {line}", err=True)
    if done.failed:
        sys.exit(1)


def _address(text: str, usual_port: int) -> tuple[str, int] | None:
    if not text:
        return None
    if parse_ip(text):  # an address alone, as kube-proxy accepts it
        return text, usual_port
    host, _, port = text.rpartition(":")
    if not port.isdigit():
        raise click.UsageError(f"{text!r} is not ADDRESS:PORT")
    return host.strip("[]"), int(port)


async def _serve(options: "ProxyOptions") -> None:
    from fairlead.app.proxy.process import run

    task = asyncio.ensure_future(run(options, lambda: click.echo("rules are in the kernel", err=True)))
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    await asyncio.wait([task])
    if not task.cancelled():
        task.result()
