"""``fairlead up``, ``down``, ``status``, ``kubeconfig``, ``exec`` and ``run``: the lab on this machine."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from fairlead.cli.data_folder import check_store, salvage, tell_of_authority
from fairlead.cli.readiness import tell, tell_once_settled, tell_ready
from fairlead.labnet.addresses import MAX_NODES
from fairlead.model.names import dns1123_label_errors

if TYPE_CHECKING:
    from fairlead.app.lab.config_nodes import ProxyMode
    from fairlead.app.lab.host.options import LabOptions
    from fairlead.model.socket_address import SocketAddress
    from fairlead.nodeagent.images import Image

FAILURE = 3  # exit code of what went wrong, as opposed to usage (2) and findings (1)

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., object])

name_option = click.option("--name", default="default", show_default=True, help="Name of the lab.")
_namespace_option = click.option(
    "-n", "--namespace", default="default", show_default=True, help="Namespace of the Pod."
)


def check_name(name: str, hint: str) -> None:
    """Refuse a name that is invalid for a lab or a node."""
    if dns1123_label_errors(name):
        raise click.BadParameter("use only lower case letters, digits and '-', at most 63 characters", param_hint=hint)


def wire_address(text: str) -> "SocketAddress":
    """An address of one machine, with or without a port, as an option's value."""
    from ipaddress import ip_address

    from fairlead.dataplane.vxlan import PORT
    from fairlead.model.socket_address import parse_socket_address

    try:
        parsed = parse_socket_address(text, PORT)
    except ValueError as error:
        raise click.BadParameter(f"{text!r}: {error}") from error
    ip = ip_address(parsed.ip)
    if ip.is_unspecified or ip.is_multicast or (ip.version == 6 and ip.is_link_local):
        raise click.BadParameter(
            f"{text!r}: name an address that belongs to one machine only: no wildcard, multicast or link-local address"
        )
    return parsed


def wire_option(help_text: str) -> Callable[[F], F]:
    """The option that connects a lab with other hosts."""
    return click.option("--wire", type=wire_address, metavar="ADDRESS[:PORT]", help=help_text)


def or_fail(action: Callable[[], T]) -> T:
    """The action's result; an error of a lab becomes a message and exit code 3."""
    from fairlead.app.lab.fork import LabError
    from fairlead.drivers.lab.run_folder import Unusable

    try:
        return action()
    except (LabError, Unusable) as error:
        click.echo(f"fairlead: {error}", err=True)
        sys.exit(FAILURE)


@click.command()
@click.option("-f", "--filename", "files", multiple=True, help="Manifests to apply, JSON or YAML; - is standard input.")
@click.option(
    "--nodes", type=click.IntRange(1, MAX_NODES), help="Number of nodes, if --config names none; by default 2."
)
@name_option
@click.option(
    "--config",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Settings: nodes, images…; YAML.",
)
@click.option("--data", type=click.Path(file_okay=False, path_type=Path), help="Keep objects here across restarts.")
@click.option("--accept-loss", is_flag=True, help="Continue with the intact part if the store in --data is damaged.")
@click.option("--wait", is_flag=True, help="Return when everything is ready, and leave the lab running.")
@click.option("--timeout", default=120.0, show_default=True, help="Timeout of --wait in seconds.")
@click.option(
    "--image", "images", multiple=True, metavar="PATTERN=COMMAND", help="Run COMMAND for images that match PATTERN."
)
@click.option("--pull", is_flag=True, help="Pull images that are not on this machine and have no substitute command.")
@click.option(
    "--control-plane",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Use etcd, kube-apiserver, kube-controller-manager and kube-scheduler in DIR as the control plane.",
)
@click.option(
    "--proxy-mode",
    type=click.Choice(["nftables", "nft", "iptables", "none"]),
    help="Rules that the nodes' proxies write; by default nftables. With none, nodes have no proxy.",
)
@click.option("--no-network-policy", is_flag=True, help="Keep NetworkPolicies, but do not enforce them.")
@click.option(
    "--load-balancing",
    type=click.Choice(["spread", "one-node"]),
    help="Spread connections to a load balancer over all nodes that serve it, or send them to one; by default spread.",
)
@click.option("--dual-stack", is_flag=True, help="Use IPv6 and IPv4 for nodes, Pods and Services.")
@click.option(
    "--userspace/--no-userspace",
    default=None,
    help="Use loopback addresses, not namespaces; by default only if namespaces are refused.",
)
@click.option(
    "--seed", type=int, help="With --userspace: choose the same endpoints for the same connections in every run."
)
@click.option("--publish", is_flag=True, help="Make node ports and load balancers answer on this machine's loopback.")
@wire_option("Let nodes of other hosts join, over VXLAN at this address of this machine (not encrypted).")
def up(
    files: tuple[str, ...],
    nodes: int | None,
    name: str,
    config: Path | None,
    data: Path | None,
    accept_loss: bool,
    wait: bool,
    timeout: float,
    images: tuple[str, ...],
    pull: bool,
    control_plane: Path | None,
    proxy_mode: "ProxyMode | None",
    no_network_policy: bool,
    load_balancing: str | None,
    dual_stack: bool,
    userspace: bool | None,
    seed: int | None,
    publish: bool,
    wire: "SocketAddress | None",
) -> None:
    """Start a lab: API server, controllers, DNS and nodes, all in its own namespaces.

    Stays in the foreground until Ctrl-C unless --wait is given; the lab then runs until `fairlead down`.
    """
    check_name(name, "--name")
    from fairlead.app.lab.config_nodes import ConfigError
    from fairlead.app.lab.host.options import LabOptions
    from fairlead.drivers.kube.manifests import ManifestError
    from fairlead.lab.options import Wishes, manifests_of

    try:
        manifests = manifests_of(files)
        settings = Wishes(
            nodes=nodes,
            config=config,
            images=dict(map(_image, images)),
            proxy_mode=proxy_mode,
            dual_stack=dual_stack,
            publish=publish,
            network_policies=not no_network_policy,
            load_balancing=load_balancing,
            pull=pull,
            control_plane=control_plane,
            userspace=userspace,
            seed=seed,
        ).settings()
    except (ConfigError, ManifestError) as error:
        raise click.UsageError(str(error)) from error
    if data:
        _check_data(data, accept_loss)
    patience = timeout if wait else None
    serve(LabOptions(name, data, manifests, settings, patience, wire, userspace=userspace))


def _check_data(data: Path, accept_loss: bool) -> None:
    """End with a message if the store in the data folder is damaged; no part of the lab could repair it."""
    tell_of_authority(data / "pki")
    if accept_loss:
        salvage(data)
    elif damage := check_store(data):
        click.echo(f"fairlead: {damage}", err=True)
        sys.exit(FAILURE)


def serve(options: "LabOptions") -> None:
    """Run a lab; return when it is ready if ``patience`` is set, else when it ends."""
    from fairlead.app.lab.host import detached, process
    from fairlead.app.lab.host.options import Listener

    if options.patience is None:
        or_fail(lambda: process.serve(options, Listener(tell, tell_ready)))
    else:
        # A control plane of other programs does not report its progress.
        told = tell_ready if options.settings.control_plane else tell_once_settled
        or_fail(lambda: detached.serve_detached(options, Listener(tell, told)))


def image_option(text: str) -> "tuple[str, Image]":
    """A pattern and its command, from PATTERN=COMMAND."""
    from fairlead.app.lab.config import image_of

    pattern, command = _image(text)
    try:
        return pattern, image_of(command)
    except ValueError as error:
        raise click.BadParameter(f"{text!r}: {error}", param_hint="--image") from error


def _image(text: str) -> tuple[str, str]:
    pattern, equals, command = text.partition("=")
    if not (pattern and equals and command):
        raise click.BadParameter(f"{text!r} is not PATTERN=COMMAND", param_hint="--image")
    return pattern, command


@click.command()
@name_option
def down(name: str) -> None:
    """Stop a lab; only its --data folder stays."""
    from fairlead.app.lab.commands import enter

    or_fail(lambda: enter.end(enter.find(name)))


@click.command()
@name_option
@click.option("--path", "only_path", is_flag=True, help="Print the path of the file instead of its contents.")
def kubeconfig(name: str, only_path: bool) -> None:
    """Print the kubeconfig of a lab."""
    from fairlead.app.lab.commands import enter

    process = or_fail(lambda: enter.find_home(name))
    click.echo(str(process.kubeconfig) if only_path else process.kubeconfig.read_text(), nl=only_path)


@click.command(name="exec")
@name_option
@_namespace_option
@click.option("-c", "--container", default="", help="Container; by default the first one of the Pod.")
@click.option("--node", help="Run on this node as root, instead of in a Pod.")
@click.argument("target", nargs=-1, required=True, metavar="[POD] -- COMMAND...", type=click.UNPROCESSED)
def exec_(name: str, namespace: str, container: str, node: str | None, target: tuple[str, ...]) -> None:
    """Run a command in a Pod, or on a node."""
    from fairlead.app.lab.commands import enter

    process = or_fail(lambda: enter.find(name))
    if node:
        sys.exit(or_fail(lambda: enter.exec_on_node(process, node, target)))
    pod, *command = target
    if not command:
        raise click.UsageError("no command given: fairlead exec POD -- COMMAND")
    wanted = enter.PodCommand(namespace, pod, container, tuple(command))
    sys.exit(or_fail(lambda: enter.exec_in_pod(process, wanted)))


@click.command()
@name_option
@_namespace_option
@click.option("--outside", is_flag=True, help="Run outside the cluster, where only nodes and load balancers answer.")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def run(name: str, namespace: str, outside: bool, command: tuple[str, ...]) -> None:
    """Run a command of this machine as if it were a Pod: cluster DNS and virtual IPs work for it."""
    from fairlead.app.lab.commands import enter

    process = or_fail(lambda: enter.find_home(name))
    if outside:
        sys.exit(or_fail(lambda: enter.exec_outside(process, command)))
    from fairlead.app.lab.commands.run import run_as_pod

    sys.exit(or_fail(lambda: run_as_pod(process, namespace, command)))
