"""Every console block of the documents about explanations is executed, and prints its documented output."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.support.labs import PATH

ROOT = Path(__file__).parents[3]
PAGES = ("docs/explain.md", "docs/questions.md", "docs/questions.zh.md", "README.md")
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
def test_a_command_prints_what_the_page_says(command, output):
    environment = {**os.environ, "PATH": PATH}
    done = subprocess.run(["sh", "-c", command], cwd=ROOT, env=environment, text=True, capture_output=True, check=False)
    assert (done.stdout + done.stderr).rstrip("\n") == output
