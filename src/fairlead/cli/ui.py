"""``fairlead ui``: the map of Services, the path of a packet, and the progress of changes, on a local web page."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import click

from fairlead.cli.flags.language import language_flag
from fairlead.cli.flags.sources import ClusterSource, fail, read_source, source_flags, source_of, tell_faults

if TYPE_CHECKING:
    from fairlead.app.ui.options import UiOptions


@click.command()
@source_flags
@click.option(
    "--port", type=click.IntRange(0, 65535), help="Port on loopback; by default 7474, or any other if it is taken."
)
@click.option("--no-open", is_flag=True, help="Print the address, and do not open a browser.")
@click.option("--allow-changes", is_flag=True, help="Let the page apply fixes of the doctor.")
@click.option("--export", "target", metavar="FILE", help="Write a view to FILE.svg or FILE.html (- is HTML), and exit.")
@click.option(
    "--view", default="map", show_default=True, help="With --export: the view's address in the page, or KIND/NAME."
)
@language_flag
@click.option("--print-rbac", is_flag=True, help="Print the least rights that following a cluster needs, and exit.")
def ui(
    port: int | None, no_open: bool, allow_changes: bool, target: str | None, view: str, language: str,
    print_rbac: bool, **flags: Any,
) -> None:  # fmt: skip
    """Show a lab, a cluster or files as a page: serve it on loopback, and open it.

    The address holds a token: anyone who has it can open the page. Ctrl-C ends it.
    Nothing is read while no page is open.
    """
    from fairlead.app.ui.options import UiOptions
    from fairlead.app.ui.process import run
    from fairlead.drivers.lab.run_folder import Unusable
    from fairlead.drivers.ui.opening import open_in_browser

    if print_rbac:
        _print_rbac()
        return
    source = source_of(flags)
    options = UiOptions(*source, port=port, allows_changes=allow_changes)
    if target is not None:
        _export(source, options, target, {**_view_of(view), "lang": language})
        return

    opened: list[Path] = []

    def ready(address: str) -> None:
        click.echo(f"{options.title}: {address}")
        path = None if no_open else open_in_browser(address)
        opened.extend([path] if path else [])

    try:
        asyncio.run(run(options, ready))
    except KeyboardInterrupt:
        pass
    except (OSError, Unusable) as error:
        fail(f"the page cannot be served: {error}")
    finally:
        for path in opened:
            path.unlink(missing_ok=True)


def _view_of(text: str) -> dict[str, str]:
    """The view to export, such as ``trace?from=pod/client&to=web``; an argument that names no view is explained."""
    from fairlead.app.ui.exports import VIEWS

    view, _, query = text.removeprefix("#").removeprefix("/").partition("?")
    return {"view": view, **dict(parse_qsl(query))} if view in VIEWS else {"view": "explain", "subject": text}


def _export(source: ClusterSource, options: "UiOptions", target: str, query: dict[str, str]) -> None:
    from fairlead.app.ui.exports import export
    from fairlead.explain.subjects import SubjectError

    format_ = Path(target).suffix.removeprefix(".") or "html"
    cluster = read_source(source, into_pods=False)
    tell_faults(cluster)
    try:
        found = export(cluster, {**query, "format": format_}, options, datetime.now(UTC))
    except SubjectError as error:
        raise click.UsageError(str(error)) from error
    with click.open_file(target, "wb", atomic=target != "-") as file:
        file.write(found.body)


def _print_rbac() -> None:
    import yaml

    from fairlead.explain.permissions import cluster_role

    click.echo(yaml.safe_dump(cluster_role("fairlead-ui", ("list", "watch")), sort_keys=False), nl=False)
