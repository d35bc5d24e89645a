"""``fairlead node``: the nodes of a running lab."""

import click

from fairlead.cli.lab import name_option, or_fail
from fairlead.model.names import dns1123_label_errors


@click.group()
def node() -> None:
    """Add, remove, switch off and on, or cut off nodes of a lab."""


@node.command()
@name_option
@click.option("--zone", help="Zone that it is in (label topology.kubernetes.io/zone).")
@click.option("--label", "labels", multiple=True, metavar="KEY=VALUE", help="Label of the Node; may be repeated.")
@click.argument("node_name", metavar="[NODE]", default="")
def add(name: str, zone: str | None, labels: tuple[str, ...], node_name: str) -> None:
    """Add a node; without a name it is called node-NUMBER."""
    from fairlead.app import lab_client, lab_node_client
    from fairlead.model.objects import ZONE_LABEL

    if node_name and dns1123_label_errors(node_name):
        raise click.BadParameter("lower case letters, digits and '-' only, 63 at most", param_hint="NODE")
    wanted = {**dict(map(_label, labels)), **({ZONE_LABEL: zone} if zone else {})}
    click.echo(or_fail(lambda: lab_node_client.add(lab_client.find(name), node_name, wanted)))


def _label(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not (key and equals):
        raise click.BadParameter(f"{text!r} is not KEY=VALUE", param_hint="--label")
    return key, value


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
    from fairlead.app import lab_client, lab_node_client

    or_fail(lambda: lab_node_client.stop(lab_client.find(name), node_name, out_of_service=out_of_service))


def _simple(action: str, help_text: str) -> None:
    """Add the command of an action that needs nothing but a node."""

    @node.command(action, help=help_text)
    @name_option
    @click.argument("node_name", metavar="NODE")
    def command(name: str, node_name: str) -> None:
        from fairlead.app import lab_client, lab_node_client

        or_fail(lambda: lab_node_client.ACTIONS[action](lab_client.find(name), node_name))


_simple("remove", "Take a node away for good; its Pods are removed from the API a while later.")
_simple("start", "Switch a node on again, and return when it is Ready.")
_simple("partition", "Pull a node's cable: it goes on, and reaches nobody.")
_simple("heal", "Plug a node's cable in again.")
