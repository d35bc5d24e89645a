"""Files, links, commands, options, make targets and modules that pages name exist."""

import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from fairlead.cli.main import cli

ROOT = Path(__file__).parents[3]
NOT_OURS = {"CHANGELOG.md", "node_modules"}  # the changelog tells what was true of earlier versions
FOLDERS = r"(?:src|tests|docs|scripts|deploy|bench|examples|changes|\.ci|\.github)"
ROOMS = sorted(path.name for path in (ROOT / "src/fairlead").iterdir() if path.is_dir() and path.name != "__pycache__")
END_OF_COMMAND = re.compile(r"--|\||[#;&<>].*|\\|then|do")


def pages() -> list[str]:
    """All pages but decisions, which tell what was true when they were made."""
    below = [path for folder in ("docs", "changes", "examples", ".github") for path in (ROOT / folder).rglob("*.md")]
    found = [path.relative_to(ROOT) for path in (*ROOT.glob("*.md"), ROOT / "tests/FLAKY.md", *below)]
    return sorted(str(path) for path in found if "decisions" not in path.parts and path.name not in NOT_OURS)


every_page = pytest.mark.parametrize("page", pages())


def code(page: str) -> list[str]:
    """The lines of a page's blocks, and its code in text."""
    text = (ROOT / page).read_text()
    fence = re.compile(r"^```[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
    lines = [line for block in fence.findall(text) for line in block.splitlines()]
    return lines + re.findall(r"`([^`\n]+)`", fence.sub("", text))


PATH = re.compile(rf"(?<![\w/.-])({FOLDERS}/[\w./-]+|(?:{'|'.join(ROOMS)})/[\w/]+\.py)(?![\w*<{{…])")


@every_page
def test_paths_exist(page):
    named = {path for text in code(page) for path in PATH.findall(text)}
    bases = (ROOT, (ROOT / page).parent, ROOT / "src/fairlead")
    assert [path for path in sorted(named) if not any((base / path).exists() for base in bases)] == []


@every_page
def test_links_lead_to_files(page):
    text = re.sub(r"```.*?```|`[^`\n]*`", "", (ROOT / page).read_text(), flags=re.DOTALL)
    targets = {target.partition("#")[0] for target in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in target}
    assert [target for target in sorted(targets) if target and not (ROOT / page).parent.joinpath(target).exists()] == []


def faults(line: str) -> Iterator[str]:
    """The subcommands and options in a line that ``fairlead`` does not have."""
    for said in re.findall(r"(?<![\w/.\"'-])fairlead ((?:[\w-]|\[-).*)", line):
        command: click.Command = cli
        options = {"--help", "--version"}
        for word in said.split():
            if END_OF_COMMAND.fullmatch(word):
                break
            name = re.sub(r"[=\[\]…,.:)`'\"].*", "", word.strip("[("))
            options |= {option for each in command.params for option in (*each.opts, *each.secondary_opts)}
            if name.startswith("-") and name not in options:
                yield f"{command.name}: {name}"
            elif isinstance(command, click.Group) and re.fullmatch(r"[a-z][a-z-]*", name):
                below = command.get_command(click.Context(command), name)
                if below is None:
                    yield f"{command.name}: {name}"
                    break
                command = below


@every_page
def test_commands_have_these_names_and_options(page):
    assert [f"{fault}: {line}" for line in code(page) for fault in faults(line)] == []


@pytest.mark.parametrize(
    "line", ["fairlead upp", "$ fairlead up --nodez 3", "fairlead node jump", "x | fairlead up --x=1"]
)
def test_a_command_that_does_not_exist_is_found(line):
    assert len(list(faults(line))) == 1


@every_page
def test_make_has_these_targets(page):
    targets = set(re.findall(r"^([a-z]+)(?: [a-z]+)*:", (ROOT / "Makefile").read_text(), re.MULTILINE)) | {"test"}
    named = {name for line in code(page) for name in re.findall(r"^(?:\$ )?make ([a-z]+)", line)}
    assert named - targets == set()


def has(dotted: str) -> bool:
    """Whether a dotted name below ``fairlead`` is a module, or something in one."""
    parts = dotted.split(".")
    for length in range(len(parts), 0, -1):
        path = ROOT.joinpath("src/fairlead", *parts[:length])
        if path.is_dir() or path.with_suffix(".py").exists():
            found = importlib.import_module(".".join(("fairlead", *parts[:length])))
            for name in parts[length:]:
                found = getattr(found, name, None)
            return found is not None
    return False


@every_page
def test_modules_exist(page):
    dotted = rf"(?:fairlead\.)?((?:{'|'.join(ROOMS)})(?:\.\w+)+)(?:\(.*\))?"
    named = {
        found[1] for text in code(page) if (found := re.fullmatch(dotted, text)) and found[1][-3:] not in (".py", ".md")
    }
    assert [name for name in sorted(named) if not has(name)] == []
