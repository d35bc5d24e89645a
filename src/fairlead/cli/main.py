"""The ``fairlead`` command: a table of subcommands, each loaded only when it runs."""

import importlib
import sys
from typing import Any

import click

from fairlead import __version__

# name -> (module:object, one line of help); the help line stands here so that --help imports nothing.
COMMANDS = {
    "up": ("fairlead.cli.lab:up", "Start a lab: API server, controllers, DNS and nodes, all in its own namespaces."),
    "down": ("fairlead.cli.lab:down", "Stop a lab."),
    "status": ("fairlead.cli.status:status", "Show the running labs, their nodes, Pods and processes."),
    "kubeconfig": ("fairlead.cli.lab:kubeconfig", "Print the kubeconfig of a lab."),
    "exec": ("fairlead.cli.lab:exec_", "Run a command in a Pod."),
    "run": ("fairlead.cli.lab:run", "Run a command of this machine as if it were a Pod."),
    "image": ("fairlead.cli.image:image", "Load, pull, list, save and remove the images on this machine."),
    "node": (
        "fairlead.cli.node.commands:node",
        "Add, remove, switch off and on, or cut off nodes of a lab; run a node of another cluster.",
    ),
    "fault": ("fairlead.cli.fault:fault", "Make a part of a lab fail for a while: Pods, nodes, packets, names."),
    "apiserver": ("fairlead.cli.apiserver:apiserver", "Run the API server alone."),
    "backup": ("fairlead.cli.data_folder:backup", "Copy the API server's store to a file, while it runs."),
    "restore": ("fairlead.cli.data_folder:restore", "Restore a copy of the store."),
    "controllers": ("fairlead.cli.controllers:controllers", "Run the controllers alone, against any cluster."),
    "dns": ("fairlead.cli.dns:dns", "Run the DNS server alone, against any cluster, or show its answer for a name."),
    "proxy": ("fairlead.cli.proxy:proxy", "Run the node proxy alone, against any cluster."),
    "announcer": (
        "fairlead.cli.announcer:announcer",
        "Announce load balancers' addresses on a node's link, in any cluster.",
    ),
    "explain": ("fairlead.cli.explain:explain", "Show what a Service, Pod, name, address or port is, and why."),
    "trace": ("fairlead.cli.trace:trace", "Show where a packet goes, rule by rule, and how the reply comes back."),
    "diff": ("fairlead.cli.diff:diff", "Show the effect of changed manifests before they are applied."),
    "doctor": ("fairlead.cli.doctor:doctor", "Find what is wrong with Services, and how to fix it."),
    "ui": ("fairlead.cli.ui:ui", "Show a lab, a cluster or files as a page: map, packets, changes, findings."),
    "rules": ("fairlead.cli.rules:rules", "Print the forwarding rules of a node, each with its reason."),
    "version": ("fairlead.cli.version:version", "Print the version."),
}

FAILURE = 3  # exit code of what went wrong, as opposed to usage (2) and findings (1)


class LazyGroup(click.Group):
    """A group that imports a subcommand's module only to run it, so that every command starts quickly."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="fairlead")
def cli() -> None:
    """Kubernetes Services as a whole: on this machine, or as parts of any cluster."""


def main(arguments: list[str] | None = None) -> Any:
    """Entry point. Exit codes: 0 ok, 1 finding or difference, 2 usage, above 2 failure."""
    try:
        return cli(args=arguments, prog_name="fairlead")
    except Exception as error:
        if not (told := _message_of(error)):
            raise
        click.echo(f"fairlead: {told}", err=True)
        sys.exit(FAILURE)


def _message_of(error: Exception) -> str:
    """The message of every command for an unusable kubeconfig or an API server that cannot be reached.

    Empty for any other error.
    """
    from fairlead.drivers.kube.errors import Unreachable

    if isinstance(error, ExceptionGroup):
        matching, others = error.split(Unreachable)
        return "" if others or matching is None else _message_of(matching.exceptions[0])
    return str(error) if isinstance(error, Unreachable) else ""
