"""``fairlead version``."""

import click

from fairlead import __version__


@click.command()
def version() -> None:
    """Print the version."""
    click.echo(f"fairlead {__version__}")
