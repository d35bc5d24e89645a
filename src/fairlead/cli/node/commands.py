"""``fairlead node``: the nodes of a running lab."""

from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from fairlead.cli.lab import check_name, image_option, name_option, or_fail, serve, wire_address, wire_option
from fairlead.cli.node.run import run

if TYPE_CHECKING:
    from fairlead.model.socket_address import SocketAddress


@click.group()
def node() -> None:
    """Add, remove, switch off and on, or cut off nodes of a lab; let nodes of other hosts join it."""


_zone_option = click.option("--zone", help="Zone of the node (label topology.kubernetes.io/zone).")
_label_option = click.option(
    "--label", "labels", multiple=True, metavar="KEY=VALUE", help="Label of the Node; can be repeated."
)
_new_name = click.argument("node_name", metavar="[NODE]", default="")


@node.command()
@name_option
@_zone_option
@_label_option
@_new_name
def add(name: str, zone: str | None, labels: tuple[str, ...], node_name: str) -> None:
    """Add a node; without a name it is called node-NUMBER."""
    from fairlead.app.lab.commands import enter, nodes

    wanted = _node_labels(node_name, zone, labels)
    click.echo(or_fail(lambda: nodes.add(enter.find_home(name), node_name, wanted)))


def _node_labels(node_name: str, zone: str | None, labels: tuple[str, ...]) -> dict[str, str]:
    """The labels for a new node; refuses an invalid name."""
    from fairlead.model.objects import ZONE_LABEL

    if node_name:
        check_name(node_name, "NODE")
    return {**dict(map(_label, labels)), **({ZONE_LABEL: zone} if zone else {})}


def _label(text: str) -> tuple[str, str]:
    from fairlead.registry.access.node_restriction import is_refused_label

    key, equals, value = text.partition("=")
    if not (key and equals):
        raise click.BadParameter(f"{text!r} is not KEY=VALUE", param_hint="--label")
    if is_refused_label(key):
        raise click.BadParameter(f"a node may not give itself {key!r}: set it with kubectl label", param_hint="--label")
    return key, value


@node.command()
@name_option
@click.option(
    "--from",
    "peer",
    type=wire_address,
    metavar="ADDRESS[:PORT]",
    required=True,
    help="Address of the wire on the other host.",
)
@_zone_option
@_label_option
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the invitation to this file, readable only by you.",
)
@_new_name
def invite(
    name: str,
    peer: "SocketAddress",
    zone: str | None,
    labels: tuple[str, ...],
    output: Path | None,
    node_name: str,
) -> None:
    """Invite a node on another host: print an invitation for `fairlead node join`. Keep it secret: it holds keys.

    The lab must have been started with --wire.
    """
    from fairlead.app.lab.commands import enter, nodes
    from fairlead.drivers.identity.pki import write_private

    wanted = _node_labels(node_name, zone, labels)
    invitation = or_fail(lambda: nodes.invite(enter.find_home(name), node_name, wanted, peer))
    if output:
        write_private(output, invitation.encode())
    else:
        click.echo(invitation, nl=False)


@node.command()
@name_option
@click.option("--data", type=click.Path(file_okay=False, path_type=Path), help="Keep logs here across restarts.")
@click.option("--wait", is_flag=True, help="Return when the node is Ready, and leave it running.")
@click.option("--timeout", default=60.0, show_default=True, help="Timeout of --wait in seconds.")
@click.option(
    "--image",
    "images",
    multiple=True,
    metavar="PATTERN=COMMAND",
    help="Run COMMAND for images that match PATTERN here.",
)
@click.option("--pull", is_flag=True, help="Pull images that are not on this host and have no substitute command.")
@wire_option("Address of the wire on this host; by default the one in the invitation.")
@click.argument("invitation", type=click.File("rb"))
def join(
    name: str,
    data: Path | None,
    wait: bool,
    timeout: float,
    images: tuple[str, ...],
    pull: bool,
    wire: "SocketAddress | None",
    invitation: BinaryIO,
) -> None:
    """Run a node of another host's lab on this one; INVITATION is a file from `fairlead node invite`, or -.

    Users who can create Pods in that lab can run programs as you on this host. Stays in the foreground until Ctrl-C
    unless --wait is given; the node then runs until `fairlead down`.
    """
    from msgspec import structs

    from fairlead.app.lab.host.options import LabOptions
    from fairlead.app.lab.invitation import InvitationError, read_invitation

    check_name(name, "--name")
    try:
        read = read_invitation(invitation.read())
    except InvitationError as error:
        raise click.BadParameter(str(error), param_hint="INVITATION") from error
    table = {**read.settings.images, **dict(map(image_option, images))}
    settings = structs.replace(read.settings, nodes=(read.node,), images=table, pull=pull)
    serve(LabOptions(name, data, (), settings, timeout if wait else None, wire, read))


@node.command()
@name_option
@click.option(
    "--out-of-service",
    is_flag=True,
    help="Tell the cluster that it is off for certain (KEP-2268), so that what ran "
    "there may run elsewhere under the same name.",
)
@click.argument("node_name", metavar="NODE")
def stop(name: str, out_of_service: bool, node_name: str) -> None:
    """Switch a node off, as if its power were cut."""
    from fairlead.app.lab.commands import enter, nodes

    or_fail(lambda: nodes.stop(enter.find_home(name), node_name, out_of_service=out_of_service))


def _simple(action: str, help_text: str) -> None:
    """Add the command of an action that needs only a node."""

    @node.command(action, help=help_text)
    @name_option
    @click.argument("node_name", metavar="NODE")
    def command(name: str, node_name: str) -> None:
        from fairlead.app.lab.commands import enter, nodes

        or_fail(lambda: nodes.ACTIONS[action](enter.find_home(name), node_name))


_simple("remove", "Remove a node permanently; its Pods are removed from the API a while later.")
_simple("start", "Switch a node on again, and return when it is Ready.")
_simple("partition", "Pull a node's cable: the node keeps running, but has no network.")
_simple("heal", "Plug a node's cable in again.")
node.add_command(run)
