"""``fairlead node run``: this machine as a node of any cluster."""

import asyncio
import os
import signal
import sys
from collections.abc import Coroutine
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import click

from fairlead.cli.lab import FAILURE, image_option
from fairlead.cli.logs import verbose_flag

ADDRESS_LISTS = {"node_ip": ip_address, "pod_cidr": ip_network, "cluster_cidr": ip_network}


def _parse_list(context: click.Context, parameter: click.Parameter, text: str) -> tuple[str, ...]:
    """Addresses or networks, separated by commas, at most one of each family."""
    parse: Any = ADDRESS_LISTS[parameter.name or ""]
    try:
        return tuple(str(parse(part.strip())) for part in text.split(",") if part.strip())
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def _labels(context: click.Context, parameter: click.Parameter, text: str) -> dict[str, str]:
    from fairlead.registry.access.node_restriction import is_refused_label

    labels = {}
    for part in filter(None, text.split(",")):
        key, equals, value = part.partition("=")
        if not (key and equals):
            raise click.BadParameter(f"{part!r} is not KEY=VALUE")
        if is_refused_label(key):
            raise click.BadParameter(f"a node may not give itself {key!r}: set it with kubectl label")
        labels[key] = value
    return labels


def _taints(context: click.Context, parameter: click.Parameter, text: str) -> tuple[dict[str, str], ...]:
    taints = []
    for part in filter(None, text.split(",")):
        rest, colon, effect = part.rpartition(":")
        key, _, value = rest.partition("=")
        if not (key and colon) or effect not in ("NoSchedule", "PreferNoSchedule", "NoExecute"):
            raise click.BadParameter(f"{part!r} is not KEY=VALUE:EFFECT or KEY:EFFECT")
        taints.append({"key": key, "effect": effect, **({"value": value} if value else {})})
    return tuple(taints)


@click.command()
@click.option(
    "--kubeconfig",
    type=click.Path(dir_okay=False, exists=True, path_type=Path),
    required=True,
    help="Kubeconfig with a bootstrap token, a node's credentials, or any that may request those.",
)
@click.option("--name", help="Name of the Node; by default this machine's host name.")
@click.option("--data", type=click.Path(file_okay=False, path_type=Path), help="Folder of keys, volumes and logs.")
@click.option("--node-ip", default="", callback=_parse_list, metavar="IP[,IP]", help="Addresses of the Node.")
@click.option("--port", default=10250, show_default=True, help="Port of the node's HTTP API.")
@click.option(
    "--pod-cidr", default="", callback=_parse_list, metavar="CIDR[,CIDR]", help="Pods' addresses; by default assigned."
)
@click.option(
    "--cluster-cidr",
    default="",
    callback=_parse_list,
    metavar="CIDR[,CIDR]",
    help="All Pods; traffic to them is not masqueraded.",
)
@click.option("--cluster-dns", default="10.96.0.10", show_default=True, help="Address of the DNS Service.")
@click.option("--cluster-domain", default="cluster.local", show_default=True, help="The cluster's domain.")
@click.option("--node-labels", default="", callback=_labels, metavar="KEY=VALUE,...", help="Labels of the Node.")
@click.option(
    "--register-with-taints", "taints", default="", callback=_taints, metavar="KEY=VALUE:EFFECT,...",
    help="Taints of the Node when it registers.",
)  # fmt: skip
@click.option(
    "--image", "images", multiple=True, metavar="PATTERN=COMMAND", help="Run COMMAND for images that match PATTERN."
)
@click.option(
    "--client-ca-file",
    "client_ca",
    type=click.Path(dir_okay=False, exists=True, path_type=Path),
    help="CA of clients' certificates; by default that of the kubeconfig.",
)
@click.option(
    "--rotate-server-certificates/--no-rotate-server-certificates",
    "signs_serving",
    default=True,
    help="Let the cluster issue the serving certificate.",
)
@click.option("--end-pods", is_flag=True, help="End Pods' processes with the node; by default they keep running.")
@verbose_flag
def run(name: str | None, data: Path | None, images: tuple[str, ...], **options: Any) -> None:
    """Run this machine as a node of a cluster: it registers, and runs Pods as processes.

    Works in the network namespace of its caller, as root there. Stays in the foreground until Ctrl-C. Its Pods keep
    running and are taken over by the next start, unless --end-pods is given.
    """
    from fairlead.app import builtin_images
    from fairlead.app.node.standalone import process
    from fairlead.app.node.standalone.options import StandaloneOptions
    from fairlead.cli.lab import check_name
    from fairlead.drivers.pods.launching.nursery import Nursery
    from fairlead.nodeagent.files import ClusterDNS
    from fairlead.nodeagent.images import BUILTIN_IMAGES

    name = name or process.host_name()
    check_name(name, "--name")
    try:
        process.check_machine()
    except process.CannotBeANode as error:
        _fail(error)
    nursery = Nursery(builtin_images.__name__, builtin_images.import_pod_modules)  # before it reads the cluster
    dns = ClusterDNS(options.pop("cluster_dns"), options.pop("cluster_domain"))
    node = StandaloneOptions(
        name=name,
        data=(data or default_data(name)).absolute(),
        addresses=options.pop("node_ip"),
        pod_cidrs=options.pop("pod_cidr"),
        cluster_cidrs=options.pop("cluster_cidr"),
        labels=options.pop("node_labels"),
        dns=dns,
        images={**dict(map(image_option, images)), **BUILTIN_IMAGES},
        builtins=builtin_images.BUILTINS,
        **options,
    )
    asyncio.run(_until_told(process.run(node, nursery, lambda: _say(f"node {name} is Ready"), _say)))


def default_data(name: str) -> Path:
    """The folder where a node keeps its data."""
    if os.geteuid() == 0:
        return Path("/var/lib/fairlead/nodes") / name
    home = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    return home / "fairlead" / "nodes" / name


def _say(line: str) -> None:
    click.echo(line, err=True)


def _fail(error: BaseException) -> None:
    click.echo(f"fairlead: {error}", err=True)
    sys.exit(FAILURE)


async def _until_told(work: Coroutine[Any, Any, None]) -> None:
    """Run until SIGINT or SIGTERM; an error that prevents this becomes a message and exit code 3."""
    from fairlead.app.node.standalone.certificate import RefusedRequest
    from fairlead.app.node.standalone.identity import WrongIdentity
    from fairlead.app.node.standalone.process import CannotBeANode
    from fairlead.drivers.kube.errors import Unreachable

    task = asyncio.ensure_future(work)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    try:
        await asyncio.wait([task])
        if not task.cancelled():
            task.result()
    except* (CannotBeANode, RefusedRequest, WrongIdentity, Unreachable, OSError) as errors:
        _fail(_first(errors))


def _first(error: BaseException) -> BaseException:
    """The first of several simultaneous errors."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
