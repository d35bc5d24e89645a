"""``fairlead backup`` and ``fairlead restore``, and the checks of a data folder before a server starts on it."""

from pathlib import Path

import click


@click.command()
@click.argument("data", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def backup(data: Path, file: Path) -> None:
    """Copy the API server's store in directory DATA to FILE; the server can be running.

    The copy shows the store at one point in time. FILE must not exist yet.
    """
    from fairlead.drivers.apiserver.store.copies import copy_store
    from fairlead.drivers.apiserver.store.errors import StoreError

    try:
        copy_store(data, file)
    except StoreError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"wrote {file}")


@click.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.argument("data", type=click.Path(path_type=Path, file_okay=False))
def restore(file: Path, data: Path) -> None:
    """Restore the store in FILE to directory DATA; no server may be running there.

    The previous store in DATA is kept next to it as store.sqlite.replaced.
    """
    from fairlead.drivers.apiserver.store.copies import restore_store
    from fairlead.drivers.apiserver.store.errors import StoreError

    try:
        restore_store(file, data)
    except StoreError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"restored {data}")


def check_store(data: Path) -> str | None:
    """The damage of the store in directory DATA, found before a server starts on it; None if it is intact."""
    from fairlead.drivers.apiserver.store.errors import StoreError, StoreInUse
    from fairlead.drivers.apiserver.store.examination import examine, has_store
    from fairlead.drivers.apiserver.store.lock import locked

    if not has_store(data):
        return None
    try:
        with locked(data):
            examine(data)
    except StoreInUse:  # which the start itself reports
        return None
    except (StoreError, OSError) as error:
        return str(error)
    return None


def salvage(data: Path) -> None:
    """Reduce a damaged store in directory DATA to its intact part, and print what was lost; else do nothing."""
    from fairlead.drivers.apiserver.store.errors import StoreError
    from fairlead.drivers.apiserver.store.salvage import salvage_store

    try:
        done = salvage_store(data)
    except StoreError as error:
        raise click.ClickException(str(error)) from error
    if done is not None:
        click.echo(f"{done.damage}\n--accept-loss: {done}", err=True)


def tell_of_authority(pki: Path) -> None:
    """Print a notice if the certificate authority in a directory expires within a year."""
    import time

    from fairlead.drivers.identity.renewal import authority_notice

    if (pki / "ca.crt").exists() and (notice := authority_notice(pki, time.time())):
        click.echo(f"fairlead: {notice}", err=True)
