"""The message of ``up`` and ``node join`` when a lab is ready, and the test of readiness."""

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from fairlead.app.lab.host.options import Settled

SETTLE_SECONDS = 10.0  # at most; a part that does not answer is reported, and the lab stays up


def tell(line: str) -> None:
    """Print a line for the user; standard output is reserved for what other programs read."""
    click.echo(line, err=True)


def tell_once_settled(settled: "Settled") -> None:
    """Report readiness when all nodes' rules and all name servers have every ready object: clients can connect now."""
    from fairlead.drivers.lab.forker import make_socket
    from fairlead.lab.errors import LabError
    from fairlead.lab.parts import Asking, name_servers_of, proxies_of, settle

    begun = time.monotonic()
    if not settled.lab.joined_as:
        try:
            parts = proxies_of(settled.lab, settled.nodes) + name_servers_of(settled.name_servers)
            settle(Asking(settled.lab, make_socket), lambda: parts, SETTLE_SECONDS)
        except LabError as error:
            tell(f"some rules or names may be behind for a moment: {error}")
    tell_ready(replace(settled, seconds=settled.seconds + time.monotonic() - begun))


def tell_ready(settled: "Settled") -> None:
    process = settled.lab
    name = "" if process.name == "default" else f" --name {process.name}"
    if process.joined_as:
        tell(f"node {process.joined_as!r} has joined the lab at {process.server} after {settled.seconds:.1f} s")
        tell(f"  fairlead status, fairlead down{name}")
        return
    size = f"{_counted(len(settled.nodes), 'node')}, {_counted(settled.pods, 'Pod')}"
    tell(f"lab {process.name!r} is ready after {settled.seconds:.1f} s: {size}")
    tell(f"  export KUBECONFIG={process.kubeconfig}")
    tell(f"  fairlead status, fairlead down{name}")


def _counted(number: int, noun: str) -> str:
    """A number with its noun, as ``1 Pod`` or ``2 Pods``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
