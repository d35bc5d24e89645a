"""Files, links, commands, options, make targets and modules that pages name exist."""

import importlib
import itertools
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from fairlead.cli.main import cli

ROOT = Path(__file__).parents[3]
OLD = {"CHANGELOG.md"}  # it tells what was true of earlier versions
OF_READERS = {"tests/services", "bench/out/proxy.svg"}  # a reader's own folder; what a benchmark writes
FOR_PROGRAMMERS = ["CONTRIBUTING.md", "docs/client.md", "docs/internals.md", "docs/testing.md"]
FOLDERS = r"(?:src|tests|docs|scripts|deploy|bench|examples|changes|\.ci|\.github)"
ROOMS = sorted(path.name for path in (ROOT / "src/fairlead").iterdir() if path.is_dir() and path.name != "__pycache__")
END_OF_COMMAND = re.compile(r"--|\||[#;&<>].*|\\|then|do")


def pages() -> list[str]:
    """All pages but decisions, which tell what was true when they were made."""
    below = [path for folder in ("docs", "changes", "examples", ".github") for path in (ROOT / folder).rglob("*.md")]
    found = [path.relative_to(ROOT) for path in (*ROOT.glob("*.md"), ROOT / "tests/FLAKY.md", *below)]
    return sorted(str(path) for path in found if "decisions" not in path.parts and path.name not in OLD)


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
    bases = (ROOT, (ROOT / page).parent, ROOT / "src/fairlead", ROOT / "tests/integration")
    assert [path for path in sorted(named - OF_READERS) if not any((base / path).exists() for base in bases)] == []


@every_page
def test_links_lead_to_files(page):
    folders = [(ROOT / page).parent]
    if page.startswith("changes/"):
        folders.append(ROOT)  # where the changelog is, into which they are folded
    text = re.sub(r"```.*?```|`[^`\n]*`", "", (ROOT / page).read_text(), flags=re.DOTALL)
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", text)
    targets = {link for link in links if "://" not in link}
    assert [target for target in sorted(targets) if not any((folder / target).exists() for folder in folders)] == []


def words_of(line: str) -> Iterator[str]:
    """The words of a command line before a pipe, a comment or the command of another program."""
    try:
        words = shlex.split(line.partition(" #")[0])
    except ValueError:  # a quotation that goes on in the next line
        words = line.split()
    yield from itertools.takewhile(lambda word: not END_OF_COMMAND.fullmatch(word), words)


def faults(line: str) -> Iterator[str]:
    """The subcommands and options in a line that ``fairlead`` does not have."""
    for said in re.findall(r"(?:^|[$|;&] )fairlead (.*)", line):
        command: click.Command = cli
        options: dict[str, bool] = {"--help": False}
        words = words_of(said)
        for word in words:
            name = re.sub(r"[=\]…].*", "", word.strip("["))
            options |= {option: takes_value(each) for each in command.params for option in names_of(each)}
            if word.strip("[").startswith("-"):
                if name not in options:
                    yield f"{command.name}: {name}"
                elif options[name] and name == word:
                    next(words, None)
            elif isinstance(command, click.Group) and re.fullmatch(r"[a-z-]+", word):
                if (below := command.get_command(click.Context(command), word)) is None:
                    yield f"{command.name}: {word}"
                    break
                command = below


def names_of(parameter: click.Parameter) -> list[str]:
    return [*parameter.opts, *parameter.secondary_opts]


def takes_value(parameter: click.Parameter) -> bool:
    return isinstance(parameter, click.Option) and not parameter.is_flag and not parameter.count


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


@pytest.mark.parametrize("page", FOR_PROGRAMMERS)
def test_modules_exist(page):
    dotted = rf"(?:fairlead\.)?((?:{'|'.join(ROOMS)})(?:\.\w+)+)(?:\(.*\))?"
    named = {
        found[1] for text in code(page) if (found := re.fullmatch(dotted, text)) and found[1][-3:] not in (".py", ".md")
    }
    assert [name for name in sorted(named) if not has(name)] == []
