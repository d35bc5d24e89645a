"""``fairlead version``."""

import json
import platform

import click

from fairlead import __version__
from fairlead.model.kubernetes_version import KUBERNETES


@click.command()
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True)
def version(output: str) -> None:
    """Print the version; JSON adds those of Python, of the kernel, and of the Kubernetes that Fairlead follows."""
    if output == "text":
        click.echo(f"fairlead {__version__}")
        return
    found = {
        "version": __version__,
        "kubernetes": KUBERNETES,
        "python": platform.python_version(),
        "kernel": platform.release(),
        "architecture": platform.machine(),
    }
    click.echo(json.dumps(found, indent=2))
