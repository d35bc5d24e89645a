"""``kubectl fairlead``: the commands that make sense next to kubectl, and their completion.

kubectl runs ``kubectl-fairlead`` for ``kubectl fairlead``, and ``kubectl_complete-fairlead`` to complete its words.
Source: kubectl's documentation of plugins.
"""

import sys

PLUGIN_COMMANDS = ("explain", "trace", "doctor", "diff", "rules", "dns")


def main() -> None:
    """Run a command with kubectl's kubeconfig unless the command line names another."""
    from fairlead.cli.main import cli

    cli(args=sys.argv[1:], prog_name="kubectl fairlead")


def complete() -> None:
    """Print the possible completions of the last word, then kubectl's directive: 4, no file names."""
    for word in completions(sys.argv[1:]):
        print(word)
    print(":4")


def completions(words: list[str]) -> list[str]:
    """The possible completions of the last word: a command, one of its options, or a kind."""
    *before, last = words or [""]
    if not before:
        return [command for command in PLUGIN_COMMANDS if command.startswith(last)]
    if last.startswith("-"):
        return [option for option in _options(before[0]) if option.startswith(last)]
    return [kind for kind in _kinds() if kind.startswith(last)] if before[0] in ("explain", "doctor") else []


def _options(command: str) -> list[str]:
    import click

    from fairlead.cli.main import cli

    found = cli.get_command(click.Context(cli), command)
    return [
        o for p in (found.params if found else ()) if isinstance(p, click.Option) for o in p.opts if o.startswith("--")
    ]


def _kinds() -> list[str]:
    from fairlead.explain.subjects import KINDS

    return [f"{word}/" for words in KINDS.values() for word in words]
