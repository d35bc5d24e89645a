"""Commands: click's own help."""

from collections.abc import Iterator

import click

from fairlead.cli.main import cli


def commands() -> Iterator[click.Context]:
    """Every command that is not hidden, groups before what is in them, as the context that its help is printed in."""
    yield from _below(click.Context(cli, info_name="fairlead", **cli.context_settings))


def _below(context: click.Context) -> Iterator[click.Context]:
    yield context
    if isinstance(context.command, click.Group):
        for name in context.command.list_commands(context):
            command = context.command.get_command(context, name)
            if command is not None and not command.hidden:
                yield from _below(click.Context(command, info_name=name, parent=context))


def commands_page() -> str:
    parts = ["# Commands\n"]
    for context in commands():
        depth = min(len(context.command_path.split()) + 1, 4)
        parts += [f"{'#' * depth} {context.command_path}\n", "```text", context.command.get_help(context), "```\n"]
    return "\n".join(parts)
