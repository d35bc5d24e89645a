"""``fairlead status``: the running labs, as a table or as JSON."""

import json
import sys
from typing import TYPE_CHECKING, Any

import click

from fairlead.cli.lab import or_fail

if TYPE_CHECKING:
    from fairlead.app.lab.commands.status import LabView


@click.command()
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True)
def status(output: str) -> None:
    """Show the running labs, their nodes, Pods and processes. Exit code 1 when none runs."""
    from fairlead.app.lab.commands.status import look_at
    from fairlead.drivers.lab.running_labs import all_labs

    views = [look_at(process) for process in or_fail(all_labs)]
    if output == "json":
        click.echo(json.dumps({"labs": [_document(view) for view in views]}, indent=2))
    elif views:
        _show(views)
    if not views:
        click.echo("no lab is running", err=True)
        sys.exit(1)


def _document(view: "LabView") -> dict[str, Any]:
    """One lab; counts are null when its API server does not answer."""
    nodes, pods = ({"ready": c[0], "total": c[1]} if c else None for c in (view.nodes, view.pods))
    return {
        "name": view.lab.name,
        "server": view.lab.server,
        "joinedAs": view.lab.joined_as,
        "kubeconfig": str(view.lab.kubeconfig),
        "nodes": nodes,
        "pods": pods,
        "processes": view.usage.processes,
        "memoryBytes": view.usage.kibibytes * 1024,
        "proxy": view.proxy,
        "fromOutside": [{"service": d.service, "address": d.outside, "onThisMachine": d.here} for d in view.doors],
    }


def _show(views: "list[LabView]") -> None:
    row = "{:<14} {:<23} {:>5} {:>6} {:>9} {:>8} {}"  # 80 columns
    click.echo(row.format("NAME", "SERVER", "NODES", "PODS", "PROCESSES", "MEMORY", "PROXY"))
    for view in views:
        nodes, pods = (f"{c[0]}/{c[1]}" if c else "?" for c in (view.nodes, view.pods))
        if view.lab.joined_as:
            nodes = pods = "there"
        memory = f"{view.usage.kibibytes / 1024:.0f} MiB"
        click.echo(row.format(view.lab.name, view.lab.server, nodes, pods, view.usage.processes, memory, view.proxy))
    if doors := [(view.lab.name, door) for view in views for door in view.doors]:
        width = max(20, *(len(door.outside) for _, door in doors))
        row = f"{{:<16}} {{:<24}} {{:<{width}}} {{}}"
        click.echo("\n" + row.format("NAME", "SERVICE", "FROM OUTSIDE", "ON THIS MACHINE"))
        for name, door in doors:
            click.echo(row.format(name, door.service, door.outside, door.here))
