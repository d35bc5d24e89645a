"""``fairlead backup`` and ``fairlead restore``."""

from pathlib import Path

import click


@click.command()
@click.argument("data", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def backup(data: Path, file: Path) -> None:
    """Copy the API server's store in directory DATA to FILE; the server may be running.

    The copy is the state of one moment. FILE must not exist yet.
    """
    from fairlead.drivers.apiserver.sqlite_store import StoreError, copy_store

    try:
        copy_store(data, file)
    except StoreError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"wrote {file}")


@click.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.argument("data", type=click.Path(path_type=Path, file_okay=False))
def restore(file: Path, data: Path) -> None:
    """Make directory DATA hold the store that is in FILE; no server may be running there.

    What DATA held before is kept beside it as store.sqlite.replaced.
    """
    from fairlead.drivers.apiserver.sqlite_store import StoreError, restore_store

    try:
        restore_store(file, data)
    except StoreError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"restored {data}")
