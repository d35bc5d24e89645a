"""Man pages, and completions for bash, zsh and fish, from the commands themselves."""

import re
from pathlib import Path

import click
from click.shell_completion import ShellComplete, get_completion_class
from scripts.reference.commands import commands

from fairlead import __version__
from fairlead.cli.main import cli

COMPLETIONS = {
    "bash": "bash-completion/completions/fairlead",
    "zsh": "zsh/site-functions/_fairlead",
    "fish": "fish/vendor_completions.d/fairlead.fish",
}
"""Shell -> where its package looks, below ``share``."""


def man_page(context: click.Context, date: str) -> str:
    """The page of a command, in man(7)'s macros.

    Args:
        date: of the release, YYYY-MM-DD.
    """
    command, name = context.command, context.command_path.replace(" ", "-")
    usage = " ".join(command.collect_usage_pieces(context))
    lines = [
        f'.TH "{name.upper()}" "1" "{date}" "Fairlead {__version__}" "Fairlead Manual"',
        f".SH NAME\n{_escaped(name)} \\- {_escaped(command.get_short_help_str(400))}",
        f".SH SYNOPSIS\n.B {_escaped(context.command_path)}\n{_escaped(usage)}",
        f".SH DESCRIPTION\n{_paragraphs(command.help or '')}",
        *_options(context),
        *_below(context),
    ]
    return "\n".join(line for line in "\n".join(lines).splitlines() if line.strip()) + "\n"


def _options(context: click.Context) -> list[str]:
    records = [
        record
        for each in context.command.get_params(context)
        if (record := each.get_help_record(context)) and record[1]
    ]
    return (
        [".SH OPTIONS", *(f".TP\n.B {_escaped(names)}\n{_escaped(text)}" for names, text in records)] if records else []
    )


def _below(context: click.Context) -> list[str]:
    if not isinstance(context.command, click.Group):
        return []
    rows = []
    for name in context.command.list_commands(context):
        command = context.command.get_command(context, name)
        if command is not None and not command.hidden:
            page = f"{context.command_path} {name}".replace(" ", "-")
            rows.append(f".TP\n.BR {_escaped(page)} (1)\n{_escaped(command.get_short_help_str(400))}")
    return [".SH COMMANDS", *rows]


def _paragraphs(text: str) -> str:
    paragraphs = re.split(r"\n\s*\n", text.replace("\b\n", ""))
    return "\n.PP\n".join(_escaped(" ".join(paragraph.split())) for paragraph in paragraphs)


def _escaped(text: str) -> str:
    """Text that roff takes as it stands."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return re.sub(r"^(?=[.'])", r"\\&", " ".join(text.split()))


def completion(shell: str) -> str:
    """The script that a shell reads; it asks ``fairlead`` itself for each completion."""
    maker = get_completion_class(shell)
    assert maker is not None, shell
    # The base class's method: bash's own looks first which bash this machine has, and the script is for others.
    return ShellComplete.source(maker(cli, {}, "fairlead", "_FAIRLEAD_COMPLETE"))


def write(share: Path, date: str) -> None:
    """All of them below a folder that is laid out as ``/usr/share``."""
    for shell, place in COMPLETIONS.items():
        _put(share / place, completion(shell))
    for context in commands():
        _put(share / "man" / "man1" / f"{context.command_path.replace(' ', '-')}.1", man_page(context, date))


def _put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
