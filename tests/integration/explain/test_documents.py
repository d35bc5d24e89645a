"""Every console block of the documents about explanations is executed, and prints its documented output."""

import re
import shlex
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

from fairlead.cli.main import main

ROOT = Path(__file__).parents[3]
PAGES = ("docs/explain.md", "docs/questions.md", "docs/questions.zh.md", "README.md")
QUIET = "2>/dev/null"
_BLOCK = re.compile(r"```console\n(\$.*?)\n```", re.DOTALL)


def commands(page):
    """Each command of a page that reads the documents' own clusters or asks for help, with what it is to print."""
    for block in _BLOCK.findall((ROOT / page).read_text()):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            if "docs/clusters/" in command or "--help" in command:
                yield pytest.param(command, output.rstrip("\n"), id=f"{page}: {command[:60]}")


ALL = [command for page in PAGES for command in commands(page)]


def test_each_page_has_commands():
    assert {str(each.id).partition(":")[0] for each in ALL} == set(PAGES)


@pytest.mark.parametrize(("command", "output"), ALL)
def test_a_command_prints_what_the_page_says(command, output, monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    assert printed(command, capsys).rstrip("\n") == output


def printed(command, capsys):
    """What a command line prints on both outputs; ``fairlead`` runs in this process, which has loaded it already."""
    first, _, rest = command.partition(" | ")
    program, *words = [word for word in shlex.split(first) if word != QUIET]
    assert program == "fairlead"
    with suppress(SystemExit):
        main(words)
    shown = capsys.readouterr()
    errors = "" if QUIET in first else shown.err
    if not rest:
        return shown.out + errors
    done = subprocess.run(["sh", "-c", rest], input=shown.out, text=True, capture_output=True, check=False)
    return done.stdout + done.stderr + errors
