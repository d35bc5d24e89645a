"""``fairlead image``: the images on this machine."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

if TYPE_CHECKING:
    from fairlead.images.reference import ImageName

FAILURE = 3
T = TypeVar("T")


@click.group()
def image() -> None:
    """Load, pull, list, save and remove the images on this machine."""


def _name(_: click.Context, parameter: click.Parameter, value: object) -> object:
    """Names of images, parsed."""
    if value is None:
        return None
    return tuple(_parsed(each) for each in value) if isinstance(value, tuple) else _parsed(str(value))


def _parsed(text: str) -> "ImageName":
    from fairlead.images.reference import InvalidReference, parse_reference

    try:
        return parse_reference(text)
    except InvalidReference as error:
        raise click.BadParameter(f"{text!r}: {error}") from error


def _or_fail(action: Callable[[], T]) -> T:
    """The action's result; an expected error becomes a message and exit code 3."""
    from fairlead.app.images.local import IMAGE_ERRORS

    try:
        return action()
    except IMAGE_ERRORS as error:
        click.echo(f"fairlead: {error}", err=True)
        sys.exit(FAILURE)


_names = click.argument("names", nargs=-1, required=True, metavar="IMAGE...", callback=_name)


@image.command()
@click.argument("source", metavar="FILE|FOLDER|rootfs:FOLDER|-")
@click.option("--name", callback=_name, help="Name of the image; by default the one in the archive.")
@click.option("--entrypoint", multiple=True, help="With rootfs: a word of the command; repeat it for more words.")
@click.option("--cmd", multiple=True, help="With rootfs: a word of the arguments.")
@click.option("--env", multiple=True, metavar="NAME=VALUE", help="With rootfs: an environment variable.")
@click.option("--user", default="", help="With rootfs: the user of containers, USER[:GROUP].")
@click.option("--workdir", default="", help="With rootfs: the working folder of containers.")
@click.option("--stop-signal", default="", help="With rootfs: the signal that ends containers, if not SIGTERM.")
@click.option("--volume", "volumes", multiple=True, help="With rootfs: a path that is always writable.")
def load(
    source: str,
    name: "ImageName | None",
    entrypoint: tuple[str, ...],
    cmd: tuple[str, ...],
    env: tuple[str, ...],
    user: str,
    workdir: str,
    stop_signal: str,
    volumes: tuple[str, ...],
) -> None:
    """Load images from an archive (docker save, OCI), an OCI folder, or a plain root folder."""
    from fairlead.app.images import local
    from fairlead.images.documents import ImageProcess

    kept: dict[str, dict[str, str]] = {path: {} for path in volumes}
    process = ImageProcess(user, env or None, entrypoint or None, cmd or None, workdir, stop_signal, kept or None)
    if source.startswith(local.ROOTFS):
        if name is None:
            raise click.UsageError("a root folder has no name: give it one with --name")
        folder = Path(source.removeprefix(local.ROOTFS))
        found = [_or_fail(lambda: local.load_folder(local.open_store(), folder, process, name))]
    elif process != ImageProcess():
        raise click.UsageError("options that set what an image runs need rootfs:FOLDER")
    else:
        path = None if source == "-" else Path(source)
        found = _or_fail(lambda: local.load(local.open_store(), path, sys.stdin.buffer, name))
    for each in found:
        click.echo(f"loaded {each}")


@image.command()
@_names
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="File to write; by default standard output."
)
def save(names: "tuple[ImageName, ...]", output: Path | None) -> None:
    """Write images as an archive that Docker, Podman and skopeo read too."""
    from fairlead.app.images import local

    store = _or_fail(local.open_store)
    if output is None:
        if sys.stdout.isatty():
            raise click.UsageError("refusing to write an archive to a terminal: name a file with --output")
        _or_fail(lambda: local.save(store, names, sys.stdout.buffer))
        return
    draft = output.with_name(f".{output.name}.new")

    def write() -> None:
        with open(draft, "wb") as archive:
            local.save(store, names, archive)
        draft.rename(output)

    try:
        _or_fail(write)
    finally:
        draft.unlink(missing_ok=True)


@image.command(name="ls")
@click.option("-q", "--quiet", is_flag=True, help="Names only.")
def list_(quiet: bool) -> None:
    """Show the images on this machine."""
    from fairlead.app.images import local

    rows = _or_fail(lambda: local.listed(local.open_store()))
    if quiet:
        for each in rows:
            click.echo(each.name.familiar)
        return
    row = "{:<42} {:<12} {:>9}  {}"  # 80 columns
    click.echo(row.format("IMAGE", "ID", "SIZE", "SINCE"))
    for each in rows:
        click.echo(row.format(each.name.familiar, each.id, octets(each.size), each.at[:10]))


@image.command()
@_names
@click.option("-f", "--force", is_flag=True, help="Even if a running lab uses it.")
def rm(names: "tuple[ImageName, ...]", force: bool) -> None:
    """Remove the names of images, and the images that then have no name."""
    from fairlead.app.images import local

    freed = _or_fail(lambda: local.remove(local.open_store(), names, force=force))
    click.echo(f"removed {len(names)}, {octets(freed)} free")


@image.command()
@click.option("-a", "--all", "everything", is_flag=True, help="Images with names too, unless a running lab uses them.")
def prune(everything: bool) -> None:
    """Remove images without a name, and the remains of unfinished work."""
    from fairlead.app.images import local

    freed = _or_fail(lambda: local.prune(local.open_store(), everything=everything))
    click.echo(f"{octets(freed)} free")


def octets(size: int) -> str:
    """A size as a user reads it."""
    value, units = float(size), ("B", "kB", "MB", "GB")
    for unit in units:
        if value < 1000 or unit == units[-1]:
            break
        value /= 1000
    return f"{value:.0f} {unit}" if unit == "B" or value >= 100 else f"{value:.1f} {unit}"


@image.command()
@_names
@click.option(
    "--http", "plain", multiple=True, metavar="REGISTRY", help="Speak to this registry without TLS (HOST[:PORT])."
)
@click.option("-q", "--quiet", is_flag=True, help="Show no progress.")
def pull(names: "tuple[ImageName, ...]", plain: tuple[str, ...], quiet: bool) -> None:
    """Fetch images from their registries."""
    from fairlead.app.images.local import open_store
    from fairlead.app.images.pull import PULL_ERRORS
    from fairlead.app.images.pull import pull as pull_one
    from fairlead.cli.pull_progress import shown

    for name in names:
        try:
            with shown(quiet=quiet or not sys.stderr.isatty()) as progress:
                found = pull_one(open_store(), name, progress, plain)
        except PULL_ERRORS as error:
            click.echo(f"fairlead: {name.familiar}: {error}", err=True)
            sys.exit(FAILURE)
        except KeyboardInterrupt:
            click.echo("fairlead: stopped; the next pull continues from here", err=True)
            sys.exit(130)
        click.echo(f"pulled {name.familiar}, {octets(found.image.size)} in {found.seconds:.1f} s")
